# Copyright (c) cape_mm contributors. All rights reserved.
"""Test a checkpoint: ``python tools/test.py CONFIG CHECKPOINT``."""

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
    parser = argparse.ArgumentParser(description='Test a checkpoint')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument(
        '--work-dir',
        help='folder for the log (default: `work_dir` of the config, '
        'otherwise ./work_dirs/<config name>)',
    )
    parser.add_argument(
        '--out', metavar='FILE', help='write the metrics to this .json file'
    )
    parser.add_argument(
        '--dump',
        metavar='FILE',
        help='write all predictions to this .pkl file',
    )
    parser.add_argument(
        '--show-dir',
        help='write images into this folder, exactly as given (relative '
        'to the current folder; no time stamp is added as MMPose does)',
    )
    add_common_arguments(parser, example='test_dataloader.num_workers=0')
    return parser.parse_args()


def check_output_files(args: argparse.Namespace) -> None:
    """Refuse file names that could not be written after the test."""
    from cape_mm.cli.launch import UsageError

    if args.out and not args.out.endswith(('.json', '.pkl', '.yaml', '.yml')):
        raise UsageError(
            f"--out must end in .json, .yaml or .pkl, not '{args.out}'"
        )
    if args.dump and not args.dump.endswith(('.pkl', '.pickle')):
        raise UsageError(f"--dump must end in .pkl, not '{args.dump}'")


def build_config(args: argparse.Namespace):
    """Read the config and apply the command line to it."""
    from cape_mm.cli.launch import (
        check_checkpoints,
        join_cpu_processes,
        load_config,
        merge_cfg_options,
        set_visualization,
    )

    check_output_files(args)
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    cfg.resume = False
    set_visualization(cfg, args)
    if args.dump:
        evaluators = cfg.test_evaluator
        if not isinstance(evaluators, (list, tuple)):
            evaluators = [evaluators]
        dump = dict(type='DumpResults', out_file_path=args.dump)
        cfg.test_evaluator = [*evaluators, dump]
    merge_cfg_options(cfg, args)
    check_checkpoints(cfg)
    join_cpu_processes(cfg)
    return cfg


def main() -> None:
    """Test."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    import mmengine
    from mmengine.dist import is_main_process
    from mmengine.runner import Runner

    from cape_mm.cli.launch import leave_processes, one_line_errors

    with one_line_errors():
        runner = Runner.from_cfg(build_config(args))
        runner.register_hook(dict(type='cape_mm.StrictCheckpointHook'))
        metrics = runner.test()
    if args.out and is_main_process():
        mmengine.mkdir_or_exist(Path(args.out).parent)
        mmengine.dump(metrics, args.out)
    leave_processes()


if __name__ == '__main__':
    main()
