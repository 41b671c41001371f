# Copyright (c) cape_mm contributors. All rights reserved.
"""What must be on the machine before the environment can be made."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

# PyTorch 2.12 has no build for older versions, xtcocotools none for newer.
PYTHON_VERSIONS = ('3.11', '3.10')
FREE_GIB = 9


class Missing(Exception):
    """Something is missing; the message says what and how to get it."""


def find_python() -> str:
    """Returns the path of a suitable interpreter.

    Raises:
        Missing: When there is none.
    """
    wanted = os.environ.get('CAPE_MM_PYTHON')
    names = [f'python{v}' for v in PYTHON_VERSIONS] + ['python3', 'python']
    seen = []
    for name in [wanted] if wanted else names:
        facts = describe_python(name)
        if facts is None:
            continue
        if facts['version'].rsplit('.', 1)[0] in PYTHON_VERSIONS:
            return facts['path']
        seen.append(f'{name} is {facts["version"]}')
    found = '; '.join(seen) or f'no {wanted or "python3"} that runs'
    raise Missing(
        f'Python {" or ".join(PYTHON_VERSIONS)} is needed ({found}): install '
        'it (Debian, Ubuntu: apt-get install python3.11 python3.11-venv '
        'python3.11-dev) or set CAPE_MM_PYTHON to its path.'
    )


def describe_python(name: str) -> dict[str, str] | None:
    """Returns path, version, machine and header folder; None if unusable."""
    path = shutil.which(name)
    if path is None:
        return None
    code = (
        'import platform, sys, sysconfig; print(sys.executable, '
        'platform.python_version(), platform.machine(), '
        "sysconfig.get_paths()['include'], sep='\\n')"
    )
    # A shim of a version manager may be on PATH and yet refuse to run.
    answer = subprocess.run(
        [path, '-c', code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    lines = answer.stdout.decode().splitlines()
    if answer.returncode or len(lines) != 4:
        return None
    return dict(zip(('path', 'version', 'machine', 'include'), lines))


def check_venv(python: str) -> None:
    """Raises :class:`Missing` when ``python`` cannot make an environment."""
    code = 'import venv, ensurepip'
    if subprocess.call([python, '-c', code], stderr=subprocess.DEVNULL):
        name = 'python' + describe_python(python)['version'].rsplit('.', 1)[0]
        raise Missing(
            f'{python} cannot make virtual environments: install its venv '
            f'package (Debian, Ubuntu: apt-get install {name}-venv).'
        )


def check_compiler(python: str) -> None:
    """Raises :class:`Missing` when C++ extensions cannot be built."""
    compiler = os.environ.get('CXX') or 'c++'
    if shutil.which(compiler.split()[0]) is None:
        raise Missing(
            f'no C++ compiler ({compiler}) to build mmcv with: install one '
            '(Debian, Ubuntu: apt-get install g++) or set CXX.'
        )
    facts = describe_python(python)
    if not (Path(facts['include']) / 'Python.h').is_file():
        name = 'python' + facts['version'].rsplit('.', 1)[0]
        raise Missing(
            f'the headers of {python} (Python.h), to build mmcv with, are '
            f'missing: install them (Debian, Ubuntu: apt-get install '
            f'{name}-dev).'
        )
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / 'trial.cpp'
        source.write_text('#include <string_view>\nint main() {}\n')
        command = compiler.split() + ['-std=c++17', '-c', str(source)]
        if subprocess.call(
            command,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ):
            raise Missing(
                f'the C++ compiler ({compiler}) cannot compile C++17: '
                'install GCC 9 or newer (Debian, Ubuntu: apt-get install '
                'g++) or set CXX.'
            )


def check_disk(folder: Path) -> None:
    """Raises :class:`Missing` when the environment will not fit."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(str(folder)).free / 2**30
    if free < FREE_GIB:
        raise Missing(
            f'{FREE_GIB} GiB of free disk space are needed below {folder}, '
            f'where {free:.1f} are left: make room or set CAPE_MM_ENV to a '
            'folder on another disk.'
        )
