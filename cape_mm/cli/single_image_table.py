# Copyright (c) cape_mm contributors. All rights reserved.
"""Memorise many single images, and judge each run."""

from __future__ import annotations

import json
import re
import shutil
import sys
from argparse import Namespace
from pathlib import Path

from cape_mm.datasets.formats.json_values import read_json
from cape_mm.errors import UsageError

from .training_tables import HOME, format_markdown, train_and_test

_MAX_LOSS, _MIN_PCK_005, _MAX_GAP = 0.1, 0.95, 0.1


def memorise_images(args: Namespace) -> None:
    """Memorise many single images, and judge each run."""
    cases = [
        (f'synthetic_seed{seed}', 'synthetic creature', seed, {})
        for seed in args.seeds
    ]
    if args.real:
        cases += _real_images(args.real.resolve())
    rows: list[dict] = []
    for name, label, seed, variables in cases:
        folder = args.work_dir / name
        done = folder / 'row.json'
        if not done.exists():
            # what an interrupted run has left
            shutil.rmtree(folder, ignore_errors=True)
            row = _memorise(folder, seed, variables)
            done.write_text(json.dumps(dict(case=label, seed=seed, **row)))
        rows.append(json.loads(done.read_text()))
        table = _image_table(rows)
        print(table.splitlines()[-1], flush=True)
        if args.out:
            args.out.write_text(table)
    failed = sum(not row['passed'] for row in rows)
    print(f'{len(rows) - failed} of {len(rows)} runs meet all criteria')
    sys.exit(bool(failed))


def _real_images(root: Path) -> list[tuple[str, str, int, dict[str, str]]]:
    """Name, label, seed and variables of one image of every category."""
    files = sorted((root / 'annotations').glob('*.json'))
    if not files:
        raise UsageError(f'there is no annotation file in {root}/annotations')
    return [
        (
            f'{file.stem}_{category["id"]}',
            f'{category["name"]} ({category["id"]})',
            0,
            dict(
                CAPE_DATA_ROOT=str(root),
                CAPE_ANN_FILE=f'annotations/{file.name}',
                CAPE_CATEGORY=str(category['id']),
                CAPE_IMAGE_INDEX='0',
            ),
        )
        for file in files
        for category in sorted(
            read_json(file)['categories'],
            key=lambda entry: entry['id'],
        )
    ]


def _memorise(folder: Path, seed: int, variables: dict[str, str]) -> dict:
    """Memorise one image, and describe the run."""
    config = HOME / 'configs' / 'cape' / 'single_image.py'
    metrics, usage = train_and_test(
        str(config), folder, [f'randomness.seed={seed}'], **variables
    )
    (scalars,) = folder.glob('*/vis_data/scalars.json')
    text = (folder / 'train_output.txt').read_text()
    return dict(
        keypoints=re.search('keypoints: (.*?),', text)[1],
        visible=re.search('labelled: (.*?),', text)[1],
        **judge_memory(
            [json.loads(line) for line in scalars.read_text().splitlines()],
            metrics['PCK'],
        ),
        seconds=round(usage.seconds),
        peak_mb=round(usage.peak_mb),
    )


def judge_memory(scalars: list[dict], tested_pck: float) -> dict:
    """Figures of a run that memorises an image, and ``passed``.

    Scalars of the training have ``loss``, those of the validation ``PCK``.
    """
    validations = [entry for entry in scalars if 'PCK' in entry]
    pck = [entry['PCK'] for entry in validations]
    last = validations[-1]
    reached = pck.index(max(pck))
    row = dict(
        first_best_epoch=last['step'] - len(pck) + reached + 1,
        lowest_after=min(pck[reached:]),
        pck=last['PCK'],
        pck_005=last['PCK@0.05'],
        nme=last['NME_ar'],
        gap=last['ar_tf_gap'],
        loss=[entry['loss'] for entry in scalars if 'loss' in entry][-1],
        tested_pck=tested_pck,
    )
    row['passed'] = (
        row['lowest_after'] == row['pck'] == row['tested_pck'] == 1.0
        and row['pck_005'] >= _MIN_PCK_005
        and row['loss'] < _MAX_LOSS
        and row['gap'] < _MAX_GAP
    )
    return row


def _image_table(rows: list[dict]) -> str:
    """A Markdown table of memorised images."""
    header = (
        'image | seed | keypoints (labelled) | 100 % from epoch | lowest '
        'PCK after | PCK | PCK@0.05 | NME | last loss | AR/TF gap | '
        'test.py | seconds | peak MB | all criteria'
    )
    cells = (
        '{case} | {seed} | {keypoints} ({visible}) | {first_best_epoch} | '
        '{lowest_after:.2%} | {pck:.2%} | {pck_005:.2%} | {nme:.5f} | '
        '{loss:.4f} | {gap:+.1%} | {tested_pck:.2%} | {seconds} | {peak_mb} '
        '| {verdict}'
    )
    verdicts = [dict(r, verdict=('**no**', 'yes')[r['passed']]) for r in rows]
    return format_markdown(
        header.split(' | '),
        [cells.format(**row).split(' | ') for row in verdicts],
    )
