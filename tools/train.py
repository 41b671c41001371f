# Copyright (c) cape_mm contributors. All rights reserved.
"""Train a model: ``python tools/train.py CONFIG``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# In a checkout this checkout is used, also when a wheel is installed.
ROOT = Path(__file__).resolve().parents[1]
if (ROOT / 'cape_mm').is_dir():
    sys.path.insert(0, str(ROOT))

# Says what is missing, if something is.
from cape_mm.cli.arguments import add_common_arguments  # noqa: E402


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Train a model')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir',
        help='folder for logs and checkpoints (default: `work_dir` of the '
        'config, otherwise ./work_dirs/<config name>)',
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CKPT',
        help='continue from this checkpoint; without CKPT from the latest '
        'one in the working directory, or from the start if there is none',
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision (needs a GPU)'
    )
    parser.add_argument(
        '--no-validate',
        action='store_true',
        help='do not validate, hence keep no best checkpoint',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by actual batch size / '
        '`auto_scale_lr.base_batch_size` of the config',
    )
    parser.add_argument(
        '--show-dir',
        help='write images of the validation into this folder, as given '
        '(relative to the current folder), with the epoch in their names',
    )
    add_common_arguments(parser, example='optim_wrapper.optimizer.lr=1e-4')
    return parser.parse_args()


def enable_amp(cfg) -> None:
    """Switch the optimizer wrapper to mixed precision."""
    from mmengine.device import get_device

    from cape_mm.cli.launch import UsageError

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


def enable_auto_scale_lr(cfg) -> None:
    """Switch on scaling of the learning rate by the batch size."""
    from cape_mm.cli.launch import UsageError

    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise UsageError(
            '--auto-scale-lr needs `auto_scale_lr = dict(base_batch_size=N)` '
            'in the config, N being the batch size its learning rate is for'
        )
    cfg.auto_scale_lr.enable = True


def build_config(args: argparse.Namespace):
    """Read the config and apply the command line to it."""
    from cape_mm.cli.launch import (
        check_checkpoints,
        join_cpu_processes,
        load_config,
        merge_cfg_options,
        set_visualization,
    )

    cfg = load_config(args)
    if args.no_validate:
        cfg.val_cfg = None
        cfg.val_dataloader = None
        cfg.val_evaluator = None
    if args.amp:
        enable_amp(cfg)
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    if args.auto_scale_lr:
        enable_auto_scale_lr(cfg)
    set_visualization(cfg, args)
    merge_cfg_options(cfg, args)
    check_checkpoints(cfg)
    join_cpu_processes(cfg)
    return cfg


def main() -> None:
    """Train."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from mmengine.runner import Runner

    from cape_mm.cli.launch import leave_processes, one_line_errors

    with one_line_errors('; go on with --resume'):
        Runner.from_cfg(build_config(args)).train()
    leave_processes()


if __name__ == '__main__':
    main()
