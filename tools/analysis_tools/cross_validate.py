# Copyright (c) cape_mm contributors. All rights reserved.
"""Train and test a config on several splits, and tabulate the results.

    python tools/analysis_tools/cross_validate.py \
        'configs/cape/autoregressive_r50_8xb16-200e_mp100-split{split}-256x256.py'

runs tools/train.py and tools/test.py once per split, each in a folder of its
own, and writes summary.md and summary.json with mean and standard deviation.
What is finished is not run again; an interrupted training is resumed. With
--checkpoints nothing is trained. With --shots the test uses another number of
shots than the training.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Callable, Sequence

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.run_folders import find_best, run_tool

TOOLS = Path(__file__).resolve().parents[1]
Runner = Callable[[Sequence[str], Path], None]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file with {split} in its name')
    parser.add_argument(
        '--splits', type=int, nargs='+', default=[1, 2, 3, 4, 5], metavar='N'
    )
    parser.add_argument(
        '--shots',
        type=int,
        help="supports of each test episode (default: the config's)",
    )
    parser.add_argument(
        '--checkpoints',
        metavar='FILE',
        help='test these, with {split} in the name, instead of training',
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        help='default: ./work_dirs/<config name without {split}>',
    )
    parser.add_argument(
        '--gpus', type=int, default=1, help='processes (default: 1)'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='handed to training and test',
    )
    parser.add_argument(
        '--metrics',
        nargs='+',
        help='columns (default: all that all splits have, but for intervals)',
    )
    args = parser.parse_args()
    for name in ('config', 'checkpoints'):
        value = getattr(args, name)
        if value is not None and '{split}' not in value:
            parser.error(f'no {{split}} in {value!r}')
    if args.work_dir is None:
        stem = Path(args.config).stem.replace('{split}', 's')
        args.work_dir = Path('work_dirs') / f'{stem}_cross_validation'
    return args


def run_split(args: argparse.Namespace, split: int, run: Runner) -> dict:
    """Train and test one split, unless that is done.

    Args:
        args (argparse.Namespace): The command line.
        split (int): Number of the split.
        run (Callable): Runs a command, see :func:`run_tool`.

    Returns:
        dict: What ``tools/test.py`` has measured.
    """
    config = args.config.replace('{split}', str(split))
    folder = args.work_dir / f'split{split}'
    shots = '' if args.shots is None else f'_{args.shots}shot'
    metrics = folder / f'metrics{shots}.json'
    if metrics.exists():
        print(f'split {split}: {metrics} is there already', flush=True)
        return json.loads(metrics.read_text())
    options = ['--cfg-options', *args.cfg_options] if args.cfg_options else []
    if args.checkpoints is not None:
        checkpoint = Path(args.checkpoints.replace('{split}', str(split)))
    else:
        trained = folder / 'trained.json'
        if not trained.exists():
            print(f'split {split}: training in {folder}', flush=True)
            run(
                [
                    *_command('train', config, args.gpus),
                    *('--work-dir', str(folder), '--resume'),
                    *options,
                ],
                folder / 'train_output.txt',
            )
            trained.write_text(json.dumps(dict(config=config)))
        checkpoint = find_best(folder)
    if args.shots is not None:
        options = options or ['--cfg-options']
        options.append(f'test_dataloader.dataset.num_shots={args.shots}')
    print(f'split {split}: testing {checkpoint}', flush=True)
    # Complete or not there: an interrupted test must not look finished.
    part = metrics.with_suffix('.part.json')
    run(
        [
            *_command('test', config, args.gpus, str(checkpoint)),
            *('--work-dir', str(folder / 'test'), '--out', str(part)),
            *options,
        ],
        folder / 'test_output.txt',
    )
    part.replace(metrics)
    return json.loads(metrics.read_text())


def summarise(
    results: dict[int, dict], names: Sequence[str] | None = None
) -> dict:
    """Mean and standard deviation over splits.

    Args:
        results (Dict[int, dict]): Metrics of each split.
        names (Sequence[str], optional): Which metrics; by default all numbers
            that every split has, but for ends of intervals (``*_low``,
            ``*_high``), whose mean means nothing.

    Returns:
        dict: ``splits`` (numbers by split), ``mean``, ``std`` (of the sample,
        n - 1; absent for one split), ``partial`` (splits that were not
        evaluated completely), ``pair_lists`` (hash by split).

    Raises:
        KeyError: If a split lacks a metric of ``names``.
    """
    if names is None:
        names = [
            key
            for key, value in next(iter(results.values())).items()
            if type(value) in (int, float)
            and not key.endswith(('_low', '_high'))
            and all(key in metrics for metrics in results.values())
        ]
    rows = {
        split: {name: float(metrics[name]) for name in names}
        for split, metrics in results.items()
    }
    columns = {name: [row[name] for row in rows.values()] for name in names}
    mean = {key: sum(column) / len(rows) for key, column in columns.items()}
    summary = dict(splits=rows, mean=mean)
    if len(rows) > 1:
        summary['std'] = {
            key: math.sqrt(
                sum((value - mean[key]) ** 2 for value in column)
                / (len(rows) - 1)
            )
            for key, column in columns.items()
        }
    lists = {
        split: metrics.get('pair_list') or {}
        for split, metrics in results.items()
    }
    summary['partial'] = [
        s for s, info in lists.items() if info.get('partial')
    ]
    summary['pair_lists'] = {s: i.get('sha256') for s, i in lists.items()}
    return summary


def to_markdown(summary: dict) -> str:
    """Format a summary.

    Args:
        summary (dict): From :func:`summarise`.

    Returns:
        str: A Markdown table, and what to know about it.
    """
    names = list(summary['mean'])
    lines = [
        f'| split | {" | ".join(names)} |',
        f'|---|{"---:|" * len(names)}',
    ]
    rows = {
        f'{split}{"*" if split in summary["partial"] else ""}': row
        for split, row in summary['splits'].items()
    }
    rows.update({k: summary[k] for k in ('mean', 'std') if k in summary})
    for label, row in rows.items():
        cells = ' | '.join(f'{row[name]:.4f}' for name in names)
        lines.append(f'| {label} | {cells} |')
    lines += [
        '',
        f'{len(summary["splits"])} splits; std of the sample (n - 1).',
    ]
    if summary['partial']:
        lines.append('* evaluated partially: not comparable.')
    for split, value in summary['pair_lists'].items():
        if value:
            lines.append(f'Pairs of split {split}: sha256 {value}')
    return '\n'.join(lines) + '\n'


def _command(tool: str, config: str, gpus: int, *more: str) -> list[str]:
    """Command line of a tool, on one or several GPUs."""
    if gpus == 1:
        program = [sys.executable, str(TOOLS / f'{tool}.py')]
        return [*program, config, *more]
    script = TOOLS / f'dist_{tool}.sh'
    return ['bash', str(script), config, *more, str(gpus)]


def main(run: Runner = run_tool) -> None:
    """Run all splits; write the summary after each.

    Args:
        run (Callable): Runs a command, see :func:`run_tool`.
    """
    args = parse_args()
    results = {}
    shots = '' if args.shots is None else f'_{args.shots}shot'
    for split in args.splits:
        try:
            results[split] = run_split(args, split, run)
        except FileNotFoundError as error:
            sys.exit(f'Error: {error}')
        except subprocess.CalledProcessError as error:
            sys.exit(
                f'Error: split {split} failed ({error.cmd[1]}); see the '
                f'*_output.txt in {args.work_dir / f"split{split}"}. Run the '
                'same command again to go on'
            )
        summary = summarise(results, args.metrics)
        table = args.work_dir / f'summary{shots}.md'
        table.write_text(to_markdown(summary))
        text = json.dumps(summary, indent=1) + '\n'
        table.with_suffix('.json').write_text(text)
    print(to_markdown(summary))


if __name__ == '__main__':
    main()
