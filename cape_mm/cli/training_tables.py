# Copyright (c) cape_mm contributors. All rights reserved.
"""Train and test many times with our tools, and tabulate the results.

What is finished is not run again, so an interrupted table can be continued.
"""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import NamedTuple, Sequence

import yaml

from cape_mm.apis.base_inferencer import HOME
from cape_mm.engine.checkpoint_loading import load_plain_file
from cape_mm.errors import UsageError

from .training_curves import read_curves

# Metrics of an ablation; shares, printed in percent.
_ABLATION = ('PCK', 'PCK@0.1', 'PCK@0.05', 'ar_tf_gap')
# Where a page keeps a table that is written by a tool.
_PLACE = re.compile(r'(<!-- table -->\n).*?(<!-- end of table -->)', re.S)


class Usage(NamedTuple):
    """Resources that a tool has used: time on the clock, CPU, MiB."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0


def run_tool(
    arguments: Sequence[str], output: Path, **variables: str
) -> Usage:
    """Run a tool in a process of its own, its output into a file."""
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
        raise subprocess.CalledProcessError(
            process.returncode, list(arguments), f'see {output}'
        )
    return Usage(
        time.time() - start,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
    )


def _find_best(folder: Path) -> Path:
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


def _train(
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
        seconds += after.ru_stime - before.ru_stime + _cpu_seconds(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'cpu_seconds.txt').write_text(f'{seconds:.1f}\n')


def _cpu_seconds(folder: Path) -> float:
    """CPU time of all finished or failed sessions of a training."""
    path = folder / 'cpu_seconds.txt'
    return float(path.read_text()) if path.exists() else 0.0


def _test(
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
    usage = _train(config, folder, options, **variables)
    best, out = _find_best(folder), folder / 'metrics.json'
    return _test(config, best, folder, out, options, **variables), usage


def _end_with(error: subprocess.CalledProcessError, what: str, folder: Path):
    """End the program after a failed run."""
    sys.exit(
        f'Error: {what} failed ({error.cmd[1]}); see the *_output.txt in '
        f'{folder}. Run the same command again to go on'
    )


def format_markdown(
    header: Sequence[str], rows: Sequence[Sequence[str]], rule: str = '---|'
) -> str:
    """A Markdown table; ``rule`` aligns the columns after the first."""
    lines = [f'| {" | ".join(row)} |' for row in (header, *rows)]
    lines.insert(1, f'|---|{rule * (len(header) - 1)}')
    return '\n'.join(lines)


def run_ablations(args: Namespace) -> None:
    """Train and test configs with several seeds; compare with the first."""
    costs = {}
    if args.costs:
        # imported late: models are built
        from .benchmarks import benchmark_queries

        costs = benchmark_queries(args)
    results: dict[str, list[dict]] = {}
    # seed by seed: an interrupted table compares all configs alike
    for seed in args.seeds:
        for config in args.configs:
            folder = args.work_dir / config.stem / f'seed{seed}'
            row = _ablation_row(args, config, seed, folder)
            if row is None:
                continue
            results.setdefault(config.stem, []).append(row)
            table = _ablation_table(results, costs)
            if args.out:
                write_table(args.out, table)
    if not results:
        raise UsageError(f'no run in {args.work_dir} has got that far')
    print(table)
    if args.record:
        for config in args.configs:
            if config.stem in results:
                _record(config, results[config.stem], args.record)


def _ablation_row(
    args: Namespace, config: Path, seed: int, folder: Path
) -> dict | None:
    """Result of a run, which is trained and tested unless that is done."""
    if args.epoch:
        return _read_validation(folder, args.epoch)
    done = folder / 'row.json'
    if not done.exists():
        if args.finished:
            return None
        print(f'{config.stem}, seed {seed}', flush=True)
        row = _run_ablation(args, config, seed, folder)
        done.write_text(json.dumps(row, indent=1))
    return json.loads(done.read_text())


def _read_validation(folder: Path, epoch: int) -> dict | None:
    """Validation of a run, perhaps unfinished, after an epoch."""
    for file in sorted(folder.glob('*/vis_data/scalars.json')):
        train, val = read_curves(file)
        steps = [entry['iter'] for entry in train if entry['epoch'] == epoch]
        for entry in val:
            if entry['step'] == epoch and steps:
                row = {name: entry[name] for name in _ABLATION[:3]}
                seconds = _cpu_seconds(folder) / _count_iterations(folder)
                return dict(
                    row, iterations=steps[-1], cpu_seconds=seconds * steps[-1]
                )
    return None


def _count_iterations(folder: Path) -> int:
    """Iterations of a run up to its last checkpoint."""
    last = (folder / 'last_checkpoint').read_text().strip()
    return load_plain_file(last)['meta']['iter']


def _run_ablation(
    args: Namespace, config: Path, seed: int, folder: Path
) -> dict:
    """Metrics, iterations and CPU time of a run."""
    options = [f'randomness.seed={seed}', *args.cfg_options]
    row = dict(seed=seed)
    try:
        _train(str(config), folder, options)
        for shots in args.shots or [None]:
            prefix, more = '', []
            if shots is not None:
                prefix = f'{shots}-shot '
                more = [f'test_dataloader.dataset.num_shots={shots}']
            found = _test(
                str(config),
                _find_best(folder),
                folder,
                folder / f'metrics{prefix.strip()}.json',
                [*options, *more],
            )
            row.update({prefix + k: found[k] for k in _ABLATION if k in found})
    except subprocess.CalledProcessError as error:
        _end_with(error, f'{config.stem} with seed {seed}', folder)
    row['iterations'] = _count_iterations(folder)
    row['cpu_seconds'] = round(_cpu_seconds(folder))
    return row


def write_table(path: Path, table: str) -> None:
    """Write a file, or a page's part between the two comments for it."""
    if path.exists() and _PLACE.search(text := path.read_text('utf-8')):
        table = _PLACE.sub(lambda m: f'{m[1]}\n{table}\n{m[2]}', text)
    path.write_text(table, 'utf-8')


def _ablation_table(results: dict[str, list[dict]], costs: dict) -> str:
    """Mean and standard deviation over seeds by config."""
    first, *others = results.values()
    budgets = {row['iterations'] for rows in results.values() for row in rows}
    if len(budgets) > 1:
        raise UsageError(
            f'runs of different budgets, {sorted(budgets)} iterations, are '
            'not comparable: choose another --work-dir'
        )
    names = [
        name
        for name in first[0]
        if name.endswith(_ABLATION)
        and all(name in row for rows in others for row in rows)
    ]
    # with shots the table is wide enough
    compared = [name for name in names if name.startswith('PCK')]
    header = ['config', 'seeds']
    for name in names:
        header.append(f'{name}, %')
        header += ['− first'] if name in compared else []
    header += ['CPU s per step', *next(iter(costs.values()), ())]
    table = []
    for config, rows in results.items():
        cells = [config, str(len(rows))]
        for name in names:
            values = [100 * row[name] for row in rows]
            mean = statistics.mean(values)
            spread = statistics.stdev(values) if len(rows) > 1 else None
            cells.append(
                f'{mean:.2f}' + (f' ± {spread:.2f}' if spread else '')
            )
            if name in compared:
                reference = statistics.mean(100 * row[name] for row in first)
                cells.append(f'{mean - reference:+.2f}')
        seconds = statistics.mean(row['cpu_seconds'] for row in rows)
        cells.append(f'{seconds / max(*budgets, 1):.2f}')
        table.append([*cells, *costs.get(config, {}).values()])
    note = (
        f'{budgets.pop():,} iterations. Mean ± standard deviation of the '
        'sample (n − 1). CPU time of training includes loading and validation.'
    )
    return f'{format_markdown(header, table)}\n\n{note}\n'


def _record(config: Path, rows: list[dict], dataset: str) -> None:
    """Write the means of a config's runs into the metafile beside it."""
    path = config.parent / 'metafile.yml'
    content = yaml.safe_load(path.read_text('utf-8'))
    (model,) = (m for m in content['Models'] if m['Name'] == config.stem)
    means: dict[str, dict] = {}
    for name in rows[0]:
        shots, _, metric = name.rpartition(' ')
        if metric in _ABLATION and metric.startswith('PCK'):
            value = statistics.mean(row[name] for row in rows)
            means.setdefault(shots, {})[metric] = round(value, 4)
    for shots, metrics in means.items():
        task = ', '.join(
            [
                'Category-agnostic pose estimation, unseen categories',
                *([shots] if shots else []),
                f'{rows[0]["iterations"]} iterations',
                f'mean of {len(rows)} seed(s)',
            ]
        )
        entry = dict(Task=task, Dataset=dataset, Metrics=metrics)
        start = task.rpartition(', ')[0]
        model['Results'] = [
            one
            for one in model['Results']
            if one['Metrics'] and not one['Task'].startswith(start)
        ] + [entry]
    text = yaml.safe_dump(content, sort_keys=False, width=1000)
    path.write_text(text, 'utf-8')


def cross_validate(args: Namespace) -> None:
    """Train and test a config on several splits; average the metrics."""
    results = {}
    shots = '' if args.shots is None else f'_{args.shots}shot'
    for split in args.splits:
        folder = args.work_dir / f'split{split}'
        try:
            results[split] = _run_split(args, split, folder, shots)
        except subprocess.CalledProcessError as error:
            _end_with(error, f'split {split}', folder)
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
            _train(config, folder, args.cfg_options, args.gpus)
            trained.write_text(json.dumps(dict(config=config)))
        checkpoint = _find_best(folder)
    options = list(args.cfg_options)
    if args.shots is not None:
        options.append(f'test_dataloader.dataset.num_shots={args.shots}')
    print(f'split {split}: testing {checkpoint}', flush=True)
    # Complete or not there: an interrupted test must not look finished.
    part = metrics.with_suffix('.part.json')
    found = _test(config, checkpoint, folder, part, options, args.gpus)
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
