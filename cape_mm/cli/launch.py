# Copyright (c) cape_mm contributors. All rights reserved.
"""What ``tools/train.py`` and ``tools/test.py`` do alike before they run."""

from __future__ import annotations

import inspect
import os
import os.path as osp
import re
import sys
from argparse import Namespace
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Iterator

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner

from cape_mm.engine.checkpoint_safety import (
    UnsafeCheckpointError,
    UnsuitableCheckpointError,
    check_checkpoint_is_safe,
    local_checkpoints,
)
from cape_mm.errors import DataError

# Runner reads these from the config without being told about them.
_READ_BY_RUNNER = {'model_wrapper_cfg', 'find_unused_parameters', 'compile'}
_STOPPED = 130  # what a shell reports after Ctrl-C


class UsageError(ValueError):
    """A command line that cannot be followed; the message is one sentence."""


@contextmanager
def one_line_errors(when_stopped: str = '') -> Iterator[None]:
    """End the program with the message alone when the input is wrong.

    That is, for errors that are raised for this purpose, and for Ctrl-C. Any
    other one is a mistake of the program and keeps its traceback.

    Args:
        when_stopped (str): What to say after Ctrl-C, such as how to go on.
    """
    try:
        yield
    except KeyboardInterrupt:
        print(
            f'{osp.basename(sys.argv[0])}: stopped{when_stopped}',
            file=sys.stderr,
        )
        sys.exit(_STOPPED)
    except DataError as error:
        # a worker of a data loader puts its traceback before the message
        text = str(error).rpartition(f'{DataError.__name__}: ')[-1].strip()
        sys.exit(f'{osp.basename(sys.argv[0])}: error: {text}')
    except (
        UsageError,
        UnsafeCheckpointError,
        UnsuitableCheckpointError,
        FileExistsError,
        FileNotFoundError,
    ) as error:
        sys.exit(f'{osp.basename(sys.argv[0])}: error: {error}')


def load_config(args: Namespace) -> Config:
    """Read ``args.config`` and apply launcher and working directory.

    The suffix ``.py`` may be left out.

    The working directory is, in this order, ``args.work_dir``, the config's
    ``work_dir``, ``./work_dirs/<config name>``.

    Raises:
        UsageError: If the config file does not exist, or if it cannot be read
            with a value that the environment has for one of its variables.
    """
    if 'LOCAL_RANK' not in os.environ:
        os.environ['LOCAL_RANK'] = str(args.local_rank)
    path = args.config
    if not path.endswith('.py') and osp.isfile(f'{path}.py'):
        path += '.py'
    if not osp.isfile(path):
        raise UsageError(f"there is no config file '{path}'")
    try:
        cfg = Config.fromfile(path)
    except (NameError, SyntaxError) as error:
        given = _given_variables(path)
        if not given:
            raise
        raise UsageError(
            f'{path} cannot be read with {given}: {error}'
        ) from None
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.splitext(osp.basename(path))[0]
        cfg.work_dir = osp.join('./work_dirs', name)
    return cfg


def _given_variables(path: str) -> str:
    """The config's variables that the environment has, ``'A=1, B=2'``."""
    names = re.findall(r"\{\{\s*'?\$(\w+):", Path(path).read_text())
    return ', '.join(
        f'{name}={os.environ[name]}'
        for name in dict.fromkeys(names)
        if name in os.environ
    )


def set_visualization(cfg: Config, args: Namespace) -> None:
    """Apply ``--show``, ``--show-dir``, ``--interval`` and ``--wait-time``.

    Raises:
        UsageError: If the config has no visualization hook.
    """
    if not args.show and args.show_dir is None:
        return
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise UsageError(
            '--show and --show-dir need `visualization='
            "dict(type='cape_mm.EpisodeVisualizationHook')` in the config's "
            '`default_hooks`'
        )
    hook.update(
        enable=True,
        show=args.show,
        out_dir=args.show_dir,
        interval=args.interval,
    )
    if args.show:
        hook.wait_time = args.wait_time


def merge_cfg_options(cfg: Config, args: Namespace) -> None:
    """Apply ``--cfg-options``.

    Raises:
        UsageError: If an option names a setting that neither the config nor
            MMEngine has, or a list index that does not exist.
    """
    if args.cfg_options is None:
        return
    known = {*cfg, *inspect.signature(Runner).parameters, *_READ_BY_RUNNER}
    for option in args.cfg_options:
        name = option.partition('.')[0]
        if name not in known:
            similar = get_close_matches(name, sorted(known), n=1)
            hint = f'; did you mean `{similar[0]}`?' if similar else ''
            raise UsageError(
                f'--cfg-options {option}: there is no `{name}` in the '
                f'config{hint}'
            )
    try:
        cfg.merge_from_dict(args.cfg_options)
    except (KeyError, TypeError) as error:
        raise UsageError(f'--cfg-options: {error.args[0]}') from None


def join_cpu_processes(cfg: Config) -> None:
    """Join the processes of a distributed run if there is no GPU.

    MMEngine joins them when it builds the runner, but chooses a GPU first.
    On a machine with GPUs, and without launcher, nothing is done.

    Raises:
        UsageError: If there is no GPU and the run is not set up for CPUs.
    """
    device = get_device()
    if cfg.launcher == 'none' or device not in ('cpu', 'mps'):
        return
    backend = cfg.get('env_cfg', {}).get('dist_cfg', {}).get('backend')
    if (device, cfg.launcher, backend) != ('cpu', 'pytorch', 'gloo'):
        raise UsageError(
            f'--launcher {cfg.launcher} needs GPUs and there is none; run '
            'without launcher, or on CPUs with --launcher pytorch and '
            '--cfg-options env_cfg.dist_cfg.backend=gloo'
        )
    wrapper = dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    wrapper.update(cfg.get('model_wrapper_cfg') or {}, device_ids=None)
    cfg.model_wrapper_cfg = wrapper
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group(backend)


def leave_processes() -> None:
    """End the process group of a distributed run, if there is one.

    Gloo's threads may abort an interpreter that exits before that.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def check_checkpoints(cfg: Config) -> None:
    """Check every local checkpoint that the run will load.

    Raises:
        FileNotFoundError: If one does not exist.
        UnsafeCheckpointError: If loading one would run code from the file.
    """
    for path in local_checkpoints(cfg):
        check_checkpoint_is_safe(path)
    if cfg.get('resume') and cfg.get('load_from') is None:
        pointer = osp.join(cfg.work_dir, 'last_checkpoint')
        if osp.isfile(pointer):
            with open(pointer) as file:
                check_checkpoint_is_safe(file.read().strip())
