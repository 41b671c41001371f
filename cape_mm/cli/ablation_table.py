# Copyright (c) cape_mm contributors. All rights reserved.
"""Compare configs that were trained at one budget, over several seeds."""

from __future__ import annotations

import json
import re
import statistics
from argparse import Namespace
from pathlib import Path

import yaml

from cape_mm.engine.checkpoint_loading import load_plain_file
from cape_mm.errors import UsageError

from .training_curves import read_curves
from .training_tables import (
    find_best,
    format_markdown,
    run_test,
    run_training,
    sum_cpu_seconds,
)

# Metrics of an ablation; shares, printed in percent.
_ABLATION = ('PCK', 'PCK@0.1', 'PCK@0.05', 'ar_tf_gap')
# Where a page keeps a table that is written by a tool.
_PLACE = re.compile(r'(<!-- table -->\n).*?(<!-- end of table -->)', re.S)


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
            if args.epoch:
                table = f'Validation after epoch {args.epoch}:\n\n{table}'
            if args.out:
                _write_table(args.out, table)
    if not results:
        raise UsageError(f'no run in {args.work_dir} has got that far')
    print(table)
    # validation only chooses checkpoints
    if args.record and not args.epoch:
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
                seconds = sum_cpu_seconds(folder) / _count_iterations(folder)
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
    run_training(str(config), folder, options)
    for shots in args.shots or [None]:
        prefix, more = '', []
        if shots is not None:
            prefix = f'{shots}-shot '
            more = [f'test_dataloader.dataset.num_shots={shots}']
        found = run_test(
            str(config),
            find_best(folder),
            folder,
            folder / f'metrics{prefix.strip()}.json',
            [*options, *more],
        )
        row.update({prefix + k: found[k] for k in _ABLATION if k in found})
    row['iterations'] = _count_iterations(folder)
    row['cpu_seconds'] = round(sum_cpu_seconds(folder))
    return row


def _write_table(path: Path, table: str) -> None:
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
            spread = f' ± {statistics.stdev(values):.2f}' if rows[1:] else ''
            cells.append(f'{mean:.2f}{spread}')
            if name in compared:
                reference = statistics.mean(100 * row[name] for row in first)
                cells.append(f'{mean - reference:+.2f}')
        seconds = statistics.mean(row['cpu_seconds'] for row in rows)
        cells.append(f'{seconds / max(budgets):.2f}')
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
