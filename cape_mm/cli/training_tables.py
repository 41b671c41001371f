# Copyright (c) cape_mm contributors. All rights reserved.
"""Train and test many times with our tools, and tabulate the results.

What is finished is not run again, so an interrupted table can be continued.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import NamedTuple, Sequence

from cape_mm.apis.base_inferencer import HOME
from cape_mm.errors import UsageError


class Usage(NamedTuple):
    """Resources that a tool has used: time on the clock, CPU, MiB."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0


def run_tool(
    arguments: Sequence[str], output: Path, **variables: str
) -> Usage:
    """Run a tool in a process of its own, its output into a file."""
    for name in arguments[1:]:
        if name.endswith(('.py', '.pth')) and not Path(name).is_file():
            raise UsageError(f"there is no file '{name}'")
    output.parent.mkdir(parents=True, exist_ok=True)
    start = time.time()
    with output.open('a') as file:
        process = subprocess.Popen(
            list(arguments),
            stdout=file,
            stderr=subprocess.STDOUT,
            env=dict(os.environ, PYTHON=sys.executable, **variables),
        )
        # wait4 gives the usage of this child alone
        _, process.returncode, usage = os.wait4(process.pid, 0)
    if process.returncode:
        text = output.read_text('utf-8', errors='replace').strip()
        raise UsageError(
            f'{Path(arguments[1]).name} failed ({text.splitlines()[-1][:300]})'
            f'; see {output}; the same command goes on'
            if text
            else f'{arguments[1]} failed'
        )
    return Usage(
        time.time() - start,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
    )


def find_best(folder: Path) -> Path:
    """The last ``best_PCK_epoch_*.pth`` of a working directory."""
    found = sorted(
        folder.glob('best_PCK_epoch_*.pth'),
        key=lambda path: int(path.stem.rpartition('_')[2]),
    )
    if not found:
        raise FileNotFoundError(f'no best_PCK_epoch_*.pth in {folder}')
    return found[-1]


def _command(tool: str, *files: str, gpus: int) -> list[str]:
    """Command line of ``train`` or ``test``, on one or several GPUs."""
    tools = HOME / 'tools'
    if gpus == 1:
        return [sys.executable, str(tools / f'{tool}.py'), *files]
    return ['bash', str(tools / f'dist_{tool}.sh'), *files, str(gpus)]


def run_training(
    config: str,
    folder: Path,
    options: Sequence[str],
    gpus: int = 1,
    **variables: str,
) -> Usage:
    """Train in a folder, or go on; sum up the CPU time of all sessions."""
    command = _command('train', config, gpus=gpus)
    command += ['--work-dir', str(folder), '--resume', *_flag(options)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        return run_tool(command, folder / 'train_output.txt', **variables)
    finally:
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime - before.ru_utime
        seconds += after.ru_stime - before.ru_stime + sum_cpu_seconds(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'cpu_seconds.txt').write_text(f'{seconds:.1f}\n')


def sum_cpu_seconds(folder: Path) -> float:
    """CPU time of all finished or failed sessions of a training."""
    path = folder / 'cpu_seconds.txt'
    return float(path.read_text()) if path.exists() else 0.0


def run_test(
    config: str,
    checkpoint: Path,
    folder: Path,
    out: Path,
    options: Sequence[str],
    gpus: int = 1,
    **variables: str,
) -> dict:
    """Metrics of a checkpoint, also written to ``out``."""
    command = _command('test', config, str(checkpoint), gpus=gpus)
    command += ['--work-dir', str(folder / 'test'), '--out', str(out)]
    command += _flag(options)
    run_tool(command, folder / 'test_output.txt', **variables)
    return json.loads(out.read_text())


def _flag(options: Sequence[str]) -> list[str]:
    """Settings as arguments."""
    return ['--cfg-options', *options] if options else []


def train_and_test(
    config: str, folder: Path, options: Sequence[str], **variables: str
) -> tuple[dict, Usage]:
    """Metrics of the best checkpoint and usage of its (resumed) training."""
    usage = run_training(config, folder, options, **variables)
    best, out = find_best(folder), folder / 'metrics.json'
    return run_test(config, best, folder, out, options, **variables), usage


def format_markdown(
    header: Sequence[str], rows: Sequence[Sequence[str]], rule: str = '---|'
) -> str:
    """A Markdown table; ``rule`` aligns the columns after the first."""
    lines = [f'| {" | ".join(row)} |' for row in (header, *rows)]
    lines.insert(1, f'|---|{rule * (len(header) - 1)}')
    return '\n'.join(lines)


def cross_validate(args: Namespace) -> None:
    """Train and test a config on several splits; average the metrics."""
    results = {}
    shots = '' if args.shots is None else f'_{args.shots}shot'
    for split in args.splits:
        folder = args.work_dir / f'split{split}'
        results[split] = _run_split(args, split, folder, shots)
        summary = _summarise_splits(results, args.metrics)
        table = args.work_dir / f'summary{shots}.md'
        table.write_text(_split_table(summary))
        text = json.dumps(summary, indent=1) + '\n'
        table.with_suffix('.json').write_text(text)
    print(_split_table(summary))


def _run_split(args: Namespace, split: int, folder: Path, shots: str) -> dict:
    """Train and test one split, unless that is done."""
    config = args.config.replace('{split}', str(split))
    metrics = folder / f'metrics{shots}.json'
    if metrics.exists():
        print(f'split {split}: {metrics} is there already', flush=True)
        return json.loads(metrics.read_text())
    if args.checkpoints is not None:
        checkpoint = Path(args.checkpoints.replace('{split}', str(split)))
    else:
        trained = folder / 'trained.json'
        if not trained.exists():
            print(f'split {split}: training in {folder}', flush=True)
            run_training(config, folder, args.cfg_options, args.gpus)
            trained.write_text(json.dumps(dict(config=config)))
        checkpoint = find_best(folder)
    options = list(args.cfg_options)
    if args.shots is not None:
        options.append(f'test_dataloader.dataset.num_shots={args.shots}')
    print(f'split {split}: testing {checkpoint}', flush=True)
    # Complete or not there: an interrupted test must not look finished.
    part = metrics.with_suffix('.part.json')
    found = run_test(config, checkpoint, folder, part, options, args.gpus)
    part.replace(metrics)
    return found


def _summarise_splits(
    results: dict[int, dict], names: Sequence[str] | None
) -> dict:
    """Mean and standard deviation (n - 1) of metrics over splits."""
    if names is None:
        # the mean of ends of intervals means nothing
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
    summary = dict(
        splits=rows, mean={k: statistics.mean(v) for k, v in columns.items()}
    )
    if len(rows) > 1:
        summary['std'] = {k: statistics.stdev(v) for k, v in columns.items()}
    lists = {s: m.get('pair_list') or {} for s, m in results.items()}
    summary['partial'] = [s for s, x in lists.items() if x.get('partial')]
    summary['pair_lists'] = {s: x.get('sha256') for s, x in lists.items()}
    return summary


def _split_table(summary: dict) -> str:
    """A Markdown table of a summary, and remarks."""
    names = list(summary['mean'])
    rows = {
        f'{split}{"*" if split in summary["partial"] else ""}': row
        for split, row in summary['splits'].items()
    }
    rows.update({k: summary[k] for k in ('mean', 'std') if k in summary})
    table = format_markdown(
        ['split', *names],
        [
            [label, *(f'{row[name]:.4f}' for name in names)]
            for label, row in rows.items()
        ],
        rule='---:|',
    )
    lines = [
        table,
        '',
        f'{len(summary["splits"])} splits; std of the sample (n - 1).',
    ]
    if summary['partial']:
        lines.append('* evaluated partially: not comparable.')
    for split, value in summary['pair_lists'].items():
        if value:
            lines.append(f'Pairs of split {split}: sha256 {value}')
    return '\n'.join(lines) + '\n'
