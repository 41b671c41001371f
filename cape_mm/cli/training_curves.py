# Copyright (c) cape_mm contributors. All rights reserved.
"""Plot loss, PCK and the teacher-forcing gap of runs. Imports no PyTorch."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import NamedTuple


class Curves(NamedTuple):
    """Scalars of a run: by iteration with loss, by epoch with PCK."""

    train: list[dict]
    val: list[dict]


def plot_training(args: Namespace) -> None:
    """Read runs and plot them."""
    runs = {
        name: read_curves(find_scalars(Path(path)))
        for name, path in zip(short_names(args.runs), args.runs)
    }
    _plot(runs, Path(args.out))
    for name, run in runs.items():
        if run.val:
            best = max(run.val, key=lambda entry: entry['PCK'])
            print(f'{name}: best PCK {best["PCK"]:.4f} at {best["step"]}')
    print(f'Plotted into {args.out}')


def find_scalars(path: Path) -> Path:
    """``scalars.json`` of a folder's newest run, or of a file's."""
    if path.name == 'scalars.json':
        return path
    folder = path if path.is_dir() else path.parent
    found = [*folder.glob('vis_data/scalars.json')]
    found += folder.glob('*/vis_data/scalars.json')
    if not found:
        raise FileNotFoundError(
            f'no vis_data/scalars.json in {folder}: the run needs the '
            'LocalVisBackend'
        )
    return max(found, key=lambda file: file.parent.parent.name)


def read_curves(file: Path) -> Curves:
    """Entries of ``scalars.json``; the last of each step, after a resume."""
    train: dict[int, dict] = {}
    val: dict[int, dict] = {}
    for line in file.read_text().splitlines():
        entry = json.loads(line)
        if 'loss' in entry:
            train[entry['step']] = entry
        elif 'PCK' in entry:
            val[entry['step']] = entry
    return Curves(*([x[step] for step in sorted(x)] for x in (train, val)))


def pick(entries: list[dict], key: str) -> tuple[list, list]:
    """Steps and values of the entries that have a value."""
    chosen = [entry for entry in entries if key in entry]
    return [e['step'] for e in chosen], [e[key] for e in chosen]


def loss_names(entries: list[dict]) -> list[str]:
    """Sorted names of the losses of the last layer."""
    names = {key for entry in entries for key in entry}
    return sorted(name for name in names if name.startswith('loss_'))


def short_names(paths: list[str]) -> list[str]:
    """As many last parts of paths as distinguish them."""
    parts = [Path(path).resolve().parts for path in paths]
    for count in range(1, max(map(len, parts))):
        names = ['/'.join(part[-count:]) for part in parts]
        if len(set(names)) == len(names):
            break
    return names


def _plot(runs: dict[str, Curves], out: Path) -> None:
    """Draw three panels into an image."""
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(16, 4.8))
    alone = len(runs) == 1
    all_losses: list[float] = []
    for number, (name, run) in enumerate(runs.items()):
        color = f'C{number}'
        prefix = '' if alone else f'{name}, '
        for i, key in enumerate(['loss', *loss_names(run.train)]):
            steps, values = pick(run.train, key)
            all_losses += values
            if alone or key == 'loss':
                shade = f'C{i}' if alone else color
                label = key if alone else name
                left.plot(steps, values, color=shade, label=label)
        for axes, key, factor, style, words in (
            (middle, 'PCK', 100, '-', 'PCK@0.2'),
            (middle, 'PCK@0.05', 100, '--', 'PCK@0.05'),
            (right, 'NME_ar', 1, '-', 'autoregressive'),
            (right, 'NME_tf', 1, ':', 'teacher-forced'),
        ):
            steps, values = pick(run.val, key)
            scaled = [factor * value for value in values]
            shade = 'C1' if alone and style == ':' else color
            axes.plot(steps, scaled, style, color=shade, label=prefix + words)
        steps, free = pick(run.val, 'NME_ar')
        _, forced = pick(run.val, 'NME_tf')
        if len(free) == len(forced):
            right.fill_between(steps, forced, free, color=color, alpha=0.15)
    if all(value > 0 for value in all_losses):
        left.set_yscale('log')
    left.set(title='training loss', xlabel='iteration')
    middle.set(title='validation PCK (%)', xlabel='epoch', ylim=(0, 101))
    right.set(
        title='validation error / box: what teacher forcing hides',
        xlabel='epoch',
    )
    right.set_ylim(bottom=0)
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    figure.tight_layout()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    plt.close(figure)
