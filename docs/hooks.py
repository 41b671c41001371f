# Copyright (c) cape_mm contributors. All rights reserved.
"""MkDocs hook: pages of the repository outside of ``docs/en``.

Configs' and the project's own Markdown files become pages, at the path that
they have in the repository; other files to which a page links are copied.
Links between the two worlds are rewritten, so that the same text works in the
repository and on the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
DOCS = 'docs/en'
PROJECT = ('CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md')
LINK = re.compile(r'(?<=\]\()(?!\w+:)([^)#\s]+)')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the files outside of ``docs/en``."""
    outside = {ROOT / name for name in PROJECT}
    outside.update(ROOT.glob('configs/*/README.md'))
    pages = {f'{DOCS}/{file.src_uri}': file.abs_src_path for file in files}
    pages.update({_name(path): path for path in outside})
    for name, path in pages.items():
        if not name.endswith('.md'):
            continue
        for link in LINK.findall(Path(path).read_text('utf-8')):
            target = _resolve(name, link)
            if target in pages or target.startswith(DOCS):
                continue
            if (ROOT / target).is_file():
                outside.add(ROOT / target)
    for path in sorted(outside):
        name = _name(path)
        if name == 'README.md':
            continue
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Rewrites the links of a page from the repository's to the site's."""
    here = page.file.src_uri
    if not (ROOT / here).is_file():
        here = f'{DOCS}/{here}'
    site_folder = posixpath.dirname(page.file.src_uri)

    def rewrite(match: re.Match) -> str:
        target = _resolve(here, match[1])
        target = 'index.md' if target == 'README.md' else target
        if target.startswith(f'{DOCS}/'):
            target = target[len(DOCS) + 1 :]
        return posixpath.relpath(target, site_folder or '.')

    return LINK.sub(rewrite, markdown)


def _resolve(name: str, link: str) -> str:
    """Path in the repository of a link on a page."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), link))


def _name(path: Path) -> str:
    """Path in the repository, with slashes."""
    return path.relative_to(ROOT).as_posix()
