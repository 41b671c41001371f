# Copyright (c) cape_mm contributors. All rights reserved.
"""Names the packages of this interpreter that are not whole, one a line.

Usage: python broken_packages.py PINS [--forget]

Whole means: every file that pip recorded is there, and the packages that PINS
gives with ``==`` have that version. pip itself trusts a package as soon as
its metadata exists; ``--forget`` removes the metadata of broken packages, so
that the next ``pip install`` puts them in anew.
"""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Iterator


def read_pins(path: Path) -> dict[str, str]:
    """Reads the exact pins of a requirements file, by normalised name."""
    lines = path.read_text('utf-8').splitlines()
    matches = (re.match(r'([\w.-]+)==(\S+)', line) for line in lines)
    return {normalised(m[1]): m[2] for m in matches if m}


def normalised(name: str) -> str:
    """Spells a distribution name as pip compares it."""
    return re.sub(r'[-_.]+', '-', name).lower()


def broken_packages(
    folders: set[str], pins: dict[str, str], forget: bool
) -> Iterator[str]:
    """Yields the broken packages of ``site-packages`` folders."""
    versions = {}
    for info in (i for f in folders for i in Path(f).glob('*.dist-info')):
        name, version = info.name[: -len('.dist-info')].rsplit('-', 1)
        if is_whole(info):
            # 2.12.1+cpu, a build of 2.12.1, is as good.
            versions[normalised(name)] = version.split('+')[0]
        else:
            versions[normalised(name)] = pins.get(normalised(name))
            yield f'{normalised(name)} (incomplete)'
            if forget:
                shutil.rmtree(str(info))
    for name, version in pins.items():
        if versions.get(name) != version:
            yield f'{name} (not {version})'


def is_whole(info: Path) -> bool:
    """Whether all files are there; their list is written last by pip."""
    files = metadata.Distribution.at(str(info)).files
    return bool(files) and all(
        file.suffix == '.pyc' or file.locate().exists() for file in files
    )


if __name__ == '__main__':
    paths = sysconfig.get_paths()
    for line in broken_packages(
        {paths['purelib'], paths['platlib']},
        read_pins(Path(sys.argv[1])),
        '--forget' in sys.argv[2:],
    ):
        print(line)
