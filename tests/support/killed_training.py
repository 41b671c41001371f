# Copyright (c) cape_mm contributors. All rights reserved.
"""Trainings in forked processes, each of which a planted fault may end.

A start of Python with all imports takes seconds, a training of the toy model
less than one: one process imports, and is forked for each training.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from argparse import Namespace
from importlib import import_module
from pathlib import Path

from mmengine.runner import runner as mmengine_runner

TESTS = Path(__file__).resolve().parents[1]
CONFIG = Path(__file__).with_name('killed_config.py')


class Trainings:
    """Trainings of ``killed_config.py``, one after the other."""

    def __enter__(self):
        folders = f'{TESTS}{os.pathsep}{TESTS.parent}'
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'support.killed_training'],
            env=dict(os.environ, PYTHONPATH=folders),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *error):
        self._process.stdin.close()
        self._process.wait()

    def __call__(self, work_dir, fault=None, resume=False, **options):
        """Train; returns 0, or what ended it: 1 an error, -9 a kill."""
        work_dir.mkdir(exist_ok=True)
        job = dict(work_dir=str(work_dir), fault=fault, resume=resume)
        print(
            json.dumps(dict(job, options=options)),
            file=self._process.stdin,
            flush=True,
        )
        return int(self._process.stdout.readline())


def plant(function, text, count, action):
    """Let the ``count``-th call with ``text`` in an argument go wrong.

    ``action`` is to kill ``before`` or ``after`` the call or when ``half`` of
    what it writes is in the file, or to have space for a part only (``full``).
    """
    parts = function.split('.')
    for length in range(len(parts) - 1, 0, -1):
        try:
            owner = import_module('.'.join(parts[:length]))
            break
        except ImportError:
            continue
    for name in parts[length:-1]:
        owner = getattr(owner, name)
    original, calls = getattr(owner, parts[-1]), itertools.count(1)

    def faulty(*args, **kwargs):
        words = [getattr(arg, 'name', arg) for arg in args]
        words = [word for word in words if isinstance(word, str)]
        is_meant = not text or any(text in word for word in words)
        if not is_meant or next(calls) != count:
            return original(*args, **kwargs)
        if action == 'after':
            original(*args, **kwargs)
        if action == 'full':
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
            try:
                return original(*args, **kwargs)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        if action == 'half':
            content, (value, file) = io.BytesIO(), args
            original(value, content)
            file.write(content.getvalue()[: content.tell() // 2])
            file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, parts[-1], faulty)


def _train(work_dir, fault, resume, options):
    """Train as ``tools/train.py`` does, the console in a file."""
    console = os.open(
        f'{work_dir}/console.txt', os.O_WRONLY | os.O_CREAT | os.O_APPEND
    )
    os.dup2(console, 1)
    os.dup2(console, 2)
    if fault:
        plant(*fault)
    import_module('cape_mm.cli.launch').train(
        Namespace(
            config=str(CONFIG),
            work_dir=work_dir,
            resume='auto' if resume else None,
            cfg_options=options or None,
            launcher='none',
            local_rank=0,
            no_validate=False,
            amp=False,
            auto_scale_lr=False,
            show=False,
            show_dir=None,
        )
    )


def _serve():
    """Fork a process for each line of the input, and print how it ended."""
    for module in ('mmpose.apis', 'cape_mm.cli.launch', 'support.toy_project'):
        import_module(module)
    # it starts compilers to ask for their versions
    mmengine_runner.collect_env = dict
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _train(**json.loads(line))
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        print(-os.WTERMSIG(status) if code is None else code, flush=True)


if __name__ == '__main__':
    _serve()
