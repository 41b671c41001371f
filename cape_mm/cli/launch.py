# Copyright (c) cape_mm contributors. All rights reserved.
"""Training and test as ``tools/train.py`` and ``tools/test.py`` run them."""

from __future__ import annotations

import os
import os.path as osp
import re
import time
from argparse import Namespace
from contextlib import contextmanager
from pathlib import Path
from typing import Iterable, Iterator

import mmengine
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from cape_mm.engine.checkpoint_loading import (
    check_checkpoint_is_safe,
    load_plain_file,
    local_checkpoints,
)
from cape_mm.engine.checkpoints import refuse_trained_parameters
from cape_mm.errors import UsageError
from cape_mm.evaluation.metrics.result_tables import without_nan

from .config_mistakes import check_counts, check_options

# Variables that hold the rank of a process before it has joined the others.
_RANKS = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')


def train(args: Namespace) -> None:
    """Train as the command line says."""
    cfg = read_run_config(args)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        _enable_amp(cfg)
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    if args.auto_scale_lr:
        _enable_auto_scale_lr(cfg)
    _complete(cfg, args)
    with hold_work_dir(cfg.work_dir, cfg.launcher):
        runner = Runner.from_cfg(cfg)
        runner.register_hook(dict(type='cape_mm.FittingCheckpointHook'))
        runner.train()


def test(args: Namespace) -> None:
    """Test as the command line says, and write the metrics to ``--out``."""
    if args.out and not args.out.endswith(('.json', '.pkl', '.yaml', '.yml')):
        raise UsageError(
            f"--out must end in .json, .yaml or .pkl, not '{args.out}'"
        )
    if args.dump and not args.dump.endswith(('.pkl', '.pickle')):
        raise UsageError(f"--dump must end in .pkl, not '{args.dump}'")
    cfg = read_run_config(args)
    cfg.load_from = args.checkpoint
    cfg.resume = False
    if args.dump:
        evaluators = cfg.test_evaluator
        if not isinstance(evaluators, (list, tuple)):
            evaluators = [evaluators]
        dump = dict(type='DumpResults', out_file_path=args.dump)
        cfg.test_evaluator = [*evaluators, dump]
    _complete(cfg, args)
    runner = Runner.from_cfg(cfg)
    if args.checkpoint is None:
        refuse_trained_parameters(runner.model, cfg.filename)
    runner.register_hook(dict(type='cape_mm.StrictCheckpointHook'))
    metrics = runner.test()
    if args.out and is_main_process():
        mmengine.mkdir_or_exist(Path(args.out).parent)
        mmengine.dump(without_nan(metrics), args.out)


@contextmanager
def hold_work_dir(work_dir: str, launcher: str = 'none') -> Iterator[None]:
    """Keep a second training out of a working directory.

    The lock ends with the process, however it ends.

    Args:
        work_dir (str): The directory; it is made.
        launcher (str): Launcher of the processes, of which the first one
            holds the lock. Defaults to 'none': one process.

    Raises:
        UsageError: If a training runs there, with its process id and start.
    """
    rank = int(os.environ.get(_RANKS.get(launcher, ''), 0))
    if not is_main_process() or rank > 0:
        yield
        return
    mmengine.mkdir_or_exist(work_dir)
    path = Path(work_dir, '.training')
    with open(path, 'a+', encoding='utf-8') as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UsageError(
                f'a training runs in {work_dir} ({file.read().strip()}): '
                'choose another --work-dir, or wait for it'
            ) from None
        except (ImportError, OSError):  # a system or disk without such locks
            pass
        file.truncate(0)
        start = time.strftime('%Y-%m-%d %H:%M:%S')
        file.write(f'process {os.getpid()} since {start}\n')
        file.flush()
        yield


def _complete(cfg: Config, args: Namespace) -> None:
    """Apply what training and test share; ``--cfg-options`` come last."""
    _set_visualization(cfg, args)
    merge_cfg_options(cfg, args)
    check_counts(cfg)
    _check_checkpoints(cfg)
    join_cpu_processes(cfg)


def read_config(args: Namespace) -> Config:
    """Config of ``args.config`` with ``--cfg-options``."""
    cfg = _read_file(args.config)
    merge_cfg_options(cfg, args)
    return cfg


def read_run_config(args: Namespace) -> Config:
    """Config of ``args.config`` with launcher and working directory.

    The latter is, in this order, ``args.work_dir``, the config's ``work_dir``,
    ``./work_dirs/<config name>``. ``--cfg-options`` are not applied yet.
    """
    if 'LOCAL_RANK' not in os.environ:
        os.environ['LOCAL_RANK'] = str(args.local_rank)
    cfg = _read_file(args.config)
    if not isinstance(cfg.get('model'), dict):
        raise UsageError(
            f"'{args.config}' has no `model`: give another config"
        )
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = osp.join('./work_dirs', Path(cfg.filename).stem)
    return cfg


def _read_file(path: str) -> Config:
    """Config of a file, whose suffix ``.py`` may be left out."""
    if not path.endswith('.py') and osp.isfile(f'{path}.py'):
        path += '.py'
    if not osp.isfile(path):
        raise UsageError(f"there is no config file '{path}'")
    if not path.endswith(('.py', '.json', '.yaml', '.yml')):
        raise UsageError(f"'{path}' is no config file, such as NAME.py")
    try:
        return Config.fromfile(path)
    except (NameError, SyntaxError) as error:
        names = _environment_names(Path(path))
        given = ', '.join(
            f'{name}={os.environ[name]}'
            for name in dict.fromkeys(names)
            if name in os.environ
        )
        if not given:
            raise
        raise UsageError(
            f'{path} cannot be read with {given}: {error}'
        ) from None


def _environment_names(path: Path) -> list[str]:
    """Environment variables that a config and its bases read."""
    text = path.read_text('utf-8')
    names = re.findall(r"\{\{\s*'?\$(\w+):", text)
    for base in re.findall(r"""['"]([^'"\s]+\.py)['"]""", text):
        if (path.parent / base).is_file():
            names += _environment_names(path.parent / base)
    return names


def merge_cfg_options(cfg: Config, args: Namespace) -> None:
    """Apply ``--cfg-options``."""
    if args.cfg_options is None:
        return
    check_options(cfg, args.cfg_options)
    try:
        cfg.merge_from_dict(args.cfg_options)
    except (KeyError, TypeError) as error:
        raise UsageError(f'--cfg-options: {error.args[0]}') from None


def join_cpu_processes(cfg: Config) -> None:
    """Join the processes of a distributed run if there is no GPU.

    MMEngine joins them when it builds the runner, but chooses a GPU first.
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


def _set_visualization(cfg: Config, args: Namespace) -> None:
    """Apply ``--show``, ``--show-dir``, ``--interval`` and ``--wait-time``."""
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


def _enable_amp(cfg: Config) -> None:
    """Switch the optimizer wrapper to mixed precision."""
    if get_device() in ('cpu', 'mps'):
        raise UsageError(
            '--amp needs a GPU and there is none; leave --amp away'
        )
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    kind = kind if isinstance(kind, str) else kind.__name__
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise UsageError(f'--amp cannot change an optimizer wrapper `{kind}`')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def _enable_auto_scale_lr(cfg: Config) -> None:
    """Switch on scaling of the learning rate by the batch size."""
    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise UsageError(
            '--auto-scale-lr needs `auto_scale_lr = dict(base_batch_size=N)` '
            'in the config, N being the batch size its learning rate is for'
        )
    cfg.auto_scale_lr.enable = True


def _check_checkpoints(cfg: Config) -> None:
    """Check every local checkpoint that the run will load.

    Of weights to begin with, those that this replaces are not loaded.
    """
    start = cfg.get('load_from')
    if not isinstance(start, (str, type(None))):
        raise UsageError(f'load_from is {start!r}, must be a file or URL')
    if cfg.get('resume') and start is None:
        pointer = Path(cfg.work_dir, 'last_checkpoint')
        if pointer.is_file():
            start = pointer.read_text('utf-8').strip()
    if start and '://' in start:
        check_checkpoint_is_safe(start)
    elif start:
        content = load_plain_file(start)
        names = content.get('state_dict', content)
        _drop_initial_weights(cfg.model, '', names)
    for path in sorted({*local_checkpoints(cfg)} - {start}):
        load_plain_file(path)


def _drop_initial_weights(part: dict, prefix: str, names: Iterable) -> None:
    """Remove pretrained weights of parts that a checkpoint has, too."""
    has_part = any(str(name).startswith(prefix) for name in names)
    for key, value in part.items():
        if key == 'pretrained' and value and has_part:
            part[key] = False if value is True else None
        elif key == 'init_cfg' and isinstance(value, dict):
            if value.get('type') == 'Pretrained' and has_part:
                part[key] = None
        elif isinstance(value, dict):
            _drop_initial_weights(value, f'{prefix}{key}.', names)
