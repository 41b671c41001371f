# Copyright (c) cape_mm contributors. All rights reserved.
"""Train and test several configs with several seeds, and tabulate them.

    python tools/analysis_tools/ablation_table.py \
        configs/cape/autoregressive_r18_creatures-128x128.py \
        configs/cape/ablations/*.py --seeds 0 1 2 --out table.md

Every run has the budget of its config; to change it for all alike, use the
configs' environment variables or --cfg-options. The first config is what the
others are compared with. What is finished is not run again.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Callable, Sequence

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.run_folders import find_best, run_tool

TOOLS = Path(__file__).resolve().parents[1]
Runner = Callable[[Sequence[str], Path], None]
# Shares and relative differences are printed in percent.
COLUMNS = ('PCK', 'PCK@0.05', 'ar_tf_gap')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('configs', nargs='+', type=Path)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/ablations')
    )
    parser.add_argument('--out', type=Path, help='where to write the table')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='handed to training and test of every config',
    )
    return parser.parse_args()


def measure(
    config: Path,
    seed: int,
    folder: Path,
    cfg_options: Sequence[str] = (),
    run: Runner = run_tool,
) -> dict:
    """Train and test one config with one seed, unless that is done.

    Args:
        config (Path): Config file.
        seed (int): Seed of the run.
        folder (Path): Working directory of this run alone.
        cfg_options (Sequence[str]): Handed to training and test.
        run (Callable): Runs a command, see :func:`run_tool`.

    Returns:
        dict: What ``tools/test.py`` has measured, and ``cpu_seconds`` of the
        training with its validations.
    """
    row = folder / 'row.json'
    if row.exists():
        return json.loads(row.read_text())
    options = ['--cfg-options', f'randomness.seed={seed}', *cfg_options]
    before = _cpu_seconds()
    run(
        [
            *(sys.executable, str(TOOLS / 'train.py'), str(config)),
            *('--work-dir', str(folder), '--resume', *options),
        ],
        folder / 'train_output.txt',
    )
    cpu_seconds = _cpu_seconds() - before
    metrics = folder / 'metrics.json'
    run(
        [
            *(sys.executable, str(TOOLS / 'test.py'), str(config)),
            str(find_best(folder)),
            *('--work-dir', str(folder / 'test'), '--out', str(metrics)),
            *options,
        ],
        folder / 'test_output.txt',
    )
    measured = json.loads(metrics.read_text())
    result = {name: measured[name] for name in COLUMNS}
    result['cpu_seconds'] = round(cpu_seconds)
    row.write_text(json.dumps(result, indent=1))
    return result


def to_markdown(results: dict[str, list[dict]]) -> str:
    """Format mean and standard deviation over seeds.

    Args:
        results (Dict[str, List[dict]]): Rows of :func:`measure` by config;
            the first one is what the others are compared with.

    Returns:
        str: A Markdown table.
    """
    header = ['config', 'seeds']
    for name in COLUMNS:
        header.append(f'{name}, %')
        if name.startswith('PCK'):
            header.append('− first')
    header.append('CPU s')
    lines = [
        f'| {" | ".join(header)} |',
        f'|{"---|" * len(header)}',
    ]
    first = next(iter(results.values()))
    for config, rows in results.items():
        cells = [config, str(len(rows))]
        for name in COLUMNS:
            values = [100 * row[name] for row in rows]
            mean = statistics.mean(values)
            spread = statistics.stdev(values) if len(rows) > 1 else 0
            cells.append(f'{mean:.2f} ± {spread:.2f}')
            if name.startswith('PCK'):
                reference = statistics.mean(100 * row[name] for row in first)
                cells.append(f'{mean - reference:+.2f}')
        seconds = statistics.mean(row['cpu_seconds'] for row in rows)
        lines.append(f'| {" | ".join([*cells, f"{seconds:.0f}"])} |')
    lines += ['', 'Mean ± standard deviation of the sample (n − 1).']
    return '\n'.join(lines) + '\n'


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(run: Runner = run_tool) -> None:
    """Run all configs with all seeds; write the table after each run.

    Args:
        run (Callable): Runs a command, see :func:`run_tool`.
    """
    args = parse_args()
    results: dict[str, list[dict]] = {}
    # seed by seed: an interrupted table compares all configs alike
    for seed in args.seeds:
        for config in args.configs:
            folder = args.work_dir / config.stem / f'seed{seed}'
            print(f'{config.stem}, seed {seed}', flush=True)
            try:
                row = measure(config, seed, folder, args.cfg_options, run)
            except subprocess.CalledProcessError as error:
                sys.exit(
                    f'Error: {config.stem} failed with seed {seed} '
                    f'({error.cmd[1]}); see the *_output.txt in {folder}. '
                    'Run the same command again to go on'
                )
            results.setdefault(config.stem, []).append(row)
            if args.out:
                args.out.write_text(to_markdown(results))
    print(to_markdown(results))


if __name__ == '__main__':
    main()
