# Copyright (c) cape_mm contributors. All rights reserved.
"""PyTorch and the OpenMMLab packages that ``cape_mm`` plugs into.

Read by ``setup.py`` (extra ``mim``) and checked when ``cape_mm`` is imported.
Nothing is imported for the check: a version is read from the module's own
``version.py``, which also works for a source checkout on ``PYTHONPATH``, or
else from the metadata of its distribution, upstream or maintained fork.
"""

from __future__ import annotations

import re
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple


class Requirement(NamedTuple):
    """An import name, its supported versions and where it comes from.

    Attributes:
        module: Import name.
        minimum: First supported version.
        below: First version that is not supported.
        upstream: Requirement of the reference environment.
        fork: Requirement of the maintained fork, which keeps the import name.
        options: Options that ``pip install`` needs for it.
    """

    module: str
    minimum: str
    below: str
    upstream: str
    fork: str | None = None
    options: str = ''

    @property
    def versions(self) -> str:
        """Supported versions, as pip writes them."""
        return f'{self.module}>={self.minimum},<{self.below}'

    @property
    def distributions(self) -> list[str]:
        """Names under which the module can be installed."""
        pins = [self.upstream] + ([self.fork] if self.fork else [])
        return [pin.split('==')[0] for pin in pins]

    def command(self, prefer_fork: bool) -> str:
        """Returns the command that installs it."""
        pin = self.fork if self.fork and prefer_fork else self.upstream
        return ' '.join(['pip install', *self.options.split(), pin])


REQUIREMENTS = (
    # 2.0 is the first with scaled_dot_product_attention.
    Requirement('torch', '2.0', '3.0', 'torch==2.12.1'),
    Requirement(
        'mmengine',
        '0.10.0',
        '1.0',
        'mmengine==0.10.7',
        'onedl-mmengine==0.10.12',
    ),
    Requirement(
        'mmcv',
        '2.0.1',
        '3.0',
        'mmcv==2.1.0',
        'onedl-mmcv==2.3.6',
        # Its setup.py imports torch and pkg_resources.
        options='--no-build-isolation',
    ),
    Requirement(
        'mmdet',
        '3.0.0',
        '4.0',
        'mmdet==3.3.0',
        'onedl-mmdetection==3.5.1',
    ),
    Requirement(
        'mmpose',
        '1.3.0',
        '2.0',
        'mmpose==1.3.2',
        # It asks for chumpy, which it never imports and which does not build.
        options='--no-deps',
    ),
)


def check_openmmlab() -> None:
    """Checks that every package is there in a supported version.

    Raises:
        ImportError: In one sentence: what is missing or out of range, and the
            command that puts it right.
    """
    wrong = [(r, p) for r in REQUIREMENTS for p in [_problem(r)] if p]
    if not wrong:
        return
    forked = any(
        _distribution(name)
        for r in REQUIREMENTS
        for name in r.distributions[1:]
    )
    problems = ', '.join(f'{r.versions} ({p})' for r, p in wrong)
    commands = ' && '.join(r.command(forked) for r, _ in wrong)
    raise ImportError(
        f'cape_mm needs {problems}; in a checkout, `make env` makes an '
        'environment and prints its interpreter; to change this one: '
        f'{commands} (what to mind: docs/en/get_started.md).'
    )


def _problem(requirement: Requirement) -> str | None:
    """Says what is wrong with an installed package; None if it is fine."""
    folder = _module_folder(requirement.module)
    if folder is None:
        return 'not installed'
    if requirement.module == 'mmcv' and not list(folder.glob('_ext*')):
        return 'found without its compiled ops, as in mmcv-lite'
    version = _installed_version(requirement, folder)
    if version is None:
        return None  # a checkout that does not tell; MMPose checks it again
    minimum, below = _release(requirement.minimum), _release(requirement.below)
    if not minimum <= _release(version) < below:
        return f'found {version}'
    return None


def _module_folder(module: str) -> Path | None:
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(list(spec.submodule_search_locations)[0])
    # A folder without code, left over from an uninstall, is no package.
    return folder if (folder / '__init__.py').is_file() else None


def _installed_version(requirement: Requirement, folder: Path) -> str | None:
    source = folder / 'version.py'
    if source.is_file():
        pattern = r"""^__version__\s*=\s*['"]([^'"]+)['"]"""
        match = re.search(pattern, source.read_text('utf-8'), re.MULTILINE)
        if match:
            return match.group(1)
    found = [_distribution(name) for name in requirement.distributions]
    return next((version for version in found if version), None)


def _distribution(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _release(version: str) -> tuple[int, ...]:
    """Release numbers of a version, without pre-release and local parts."""
    match = re.match(r'\d+(\.\d+)*', version)
    numbers = [int(n) for n in match.group().split('.')] if match else []
    return tuple(numbers + [0] * (4 - len(numbers)))
