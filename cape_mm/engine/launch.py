# Copyright (c) cape_mm contributors. All rights reserved.
"""What ``tools/train.py`` and ``tools/test.py`` do alike before they run."""

import os
import os.path as osp
import sys
from argparse import Namespace
from contextlib import contextmanager
from typing import Iterator

import torch
from mmengine.config import Config
from mmengine.device import get_device

from cape_mm.engine.checkpoint_safety import (
    UnsafeCheckpointError,
    UnsuitableCheckpointError,
    check_checkpoint_is_safe,
    local_checkpoints,
)
from cape_mm.errors import DataError


class UsageError(ValueError):
    """A command line that cannot be followed; the message is one sentence."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with the message alone when the input is wrong.

    That is, for errors that are raised for this purpose. Any other one is a
    mistake of the program and keeps its traceback.
    """
    try:
        yield
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
        UsageError: If the config file does not exist.
    """
    if 'LOCAL_RANK' not in os.environ:
        os.environ['LOCAL_RANK'] = str(args.local_rank)
    path = args.config
    if not path.endswith('.py') and osp.isfile(f'{path}.py'):
        path += '.py'
    if not osp.isfile(path):
        raise UsageError(f"there is no config file '{path}'")
    cfg = Config.fromfile(path)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.splitext(osp.basename(path))[0]
        cfg.work_dir = osp.join('./work_dirs', name)
    return cfg


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
        UsageError: If an option names a list index that does not exist.
    """
    if args.cfg_options is None:
        return
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
