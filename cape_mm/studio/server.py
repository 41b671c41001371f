# Copyright (c) cape_mm contributors. All rights reserved.
"""Serve the page, as ``tools/demo/studio.py`` does."""

from __future__ import annotations

import os
import tempfile
import threading
from argparse import Namespace
from pathlib import Path
from typing import Any

from cape_mm.errors import UsageError, import_extra

_LOOPBACK = ('127.0.0.1', 'localhost', '::1')
_USER = 'studio'
_FONTS = ('system-ui', 'Segoe UI', 'Helvetica', 'Arial', 'sans-serif')
_STYLE = """
.canvas img {cursor: crosshair; max-height: 64vh}
.tools button {flex: 1 1 auto}
footer {display: none !important}
"""
#: Arrow keys press the arrow buttons of the part that is visible.
_KEYS = """
<script>
document.addEventListener('keydown', function (event) {
  const names = ['ArrowLeft', 'ArrowUp', 'ArrowDown', 'ArrowRight'];
  const number = names.indexOf(event.key);
  if (number < 0 || event.target.closest('input, textarea, [role=grid]')) {
    return;
  }
  for (const button of document.querySelectorAll('.arrow-' + number)) {
    if (button.offsetParent !== null) {
      event.preventDefault();
      button.click();
      return;
    }
  }
}, true);
</script>
"""


def serve(args: Namespace) -> None:
    """Serve the page until Ctrl-C.

    Args:
        args (Namespace): ``listen`` (host), ``port``, ``password_env`` (name
            of a variable of the environment, or None), and what
            :func:`~cape_mm.studio.page.build_page` begins with.

    Raises:
        UsageError: If it would listen to others without password.
        ImportError: If Gradio is missing.
    """
    auth = _find_password(args)
    # before Gradio is imported, which reads them then
    os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'
    os.environ['HF_HUB_DISABLE_TELEMETRY'] = '1'
    with tempfile.TemporaryDirectory(prefix='cape_mm_studio_') as folder:
        os.environ['GRADIO_TEMP_DIR'] = folder
        import_extra('gradio', "'cape_mm[studio]'", 'the studio')
        from .page import build_page

        page = build_page(Path(folder), args)
        launch(page, args.listen, args.port, auth)
        page.block_thread()


def launch(
    page: Any,
    host: str = _LOOPBACK[0],
    port: int | None = None,
    auth: tuple[str, str] | None = None,
) -> str:
    """Start the server of a page in the background.

    Args:
        page (gradio.Blocks): The page.
        host (str): Host to listen to. Defaults to loopback.
        port (int, optional): Port. Defaults to the first free one from 7860.
        auth (tuple[str, str], optional): User and password.

    Returns:
        str: URL.
    """
    import gradio as gr

    _, url, _ = page.queue(api_open=False).launch(
        server_name=host,
        server_port=port,
        auth=auth,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        ssr_mode=False,
        max_file_size=1,  # byte: the page takes no files
        footer_links=[],
        theme=gr.themes.Base(font=_FONTS, font_mono=('monospace',)),
        css=_STYLE,
        head=_KEYS,
    )
    hint = f' (user {_USER!r})' if auth else ''
    print(f'The studio is at {url}{hint}; end it with Ctrl-C', flush=True)
    # what the first image and the first prediction need, meanwhile
    threading.Thread(target=_load_models, daemon=True).start()
    return url


def _load_models() -> None:
    from . import canvas  # noqa: F401
    from .predict import load_inferencer

    load_inferencer()


def _find_password(args: Namespace) -> tuple[str, str] | None:
    """User and password; none is needed on this machine alone."""
    password = os.environ.get(args.password_env or '', '')
    if args.password_env and not password:
        raise UsageError(
            f'the variable {args.password_env} of the environment is not set '
            'or empty: put the password there'
        )
    if args.listen not in _LOOPBACK and not password:
        raise UsageError(
            f'--listen {args.listen} lets others read and change your images '
            'and labels: set a password with --password-env VARIABLE'
        )
    return (_USER, password) if password else None
