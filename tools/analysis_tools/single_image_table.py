# Copyright (c) cape_mm contributors. All rights reserved.
"""Memorise many single images and tabulate what came out.

Runs ``tools/train.py configs/cape/single_image.py`` and ``tools/test.py`` on
its best checkpoint, once per case, and writes a Markdown table:

    python tools/analysis_tools/single_image_table.py \
        --seeds 0 1 2 3 4 --real ROOT_OF_MP100_LAYOUT --out table.md

A finished case is not run again, so an interrupted table can be continued.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs' / 'cape' / 'single_image.py'
MAX_LOSS, MIN_PCK_005, MAX_GAP = 0.1, 0.95, 0.1


class Case(NamedTuple):
    """One image to memorise.

    Attributes:
        name (str): Folder of the run below the working directory.
        label (str): Dataset and category for the table.
        environment (Dict[str, str]): What chooses the image.
        seed (int): Seed of the run.
    """

    name: str
    label: str
    environment: dict[str, str]
    seed: int = 0


def real_cases(root: Path) -> list[Case]:
    """First instance of each category of every annotation file.

    Args:
        root (Path): Dataset in MP-100 layout.

    Returns:
        List[Case]: Sorted by file and category.
    """
    cases = []
    for file in sorted((root / 'annotations').glob('*.json')):
        annotations = json.loads(file.read_text())
        for category in sorted(
            annotations['categories'], key=lambda entry: entry['id']
        ):
            environment = dict(
                CAPE_DATA_ROOT=str(root),
                CAPE_ANN_FILE=f'annotations/{file.name}',
                CAPE_CATEGORY=str(category['id']),
                CAPE_IMAGE_INDEX='0',
            )
            name = f'{file.stem}_{category["id"]}'
            label = f'{category["name"]} ({category["id"]})'
            cases.append(Case(name, label, environment))
    return cases


def run(case: Case, work_dir: Path) -> dict:
    """Train and test one case.

    Args:
        case (Case): What to run.
        work_dir (Path): Folder of its logs and checkpoints.

    Returns:
        dict: The row of the table.

    Raises:
        subprocess.CalledProcessError: If training or test fails.
    """
    environment = dict(os.environ, **case.environment)
    common = ['--work-dir', str(work_dir)]
    start = time.time()
    peak_mb = _python(
        ['train.py', str(CONFIG), *common]
        + ['--cfg-options', f'randomness.seed={case.seed}'],
        environment,
        work_dir / 'train_output.txt',
    )
    seconds = time.time() - start
    (best,) = work_dir.glob('best_PCK_epoch_*.pth')
    metrics = work_dir / 'test_metrics.json'
    _python(
        ['test.py', str(CONFIG), str(best), *common, '--out', str(metrics)],
        environment,
        work_dir / 'test_output.txt',
    )
    (scalars,) = work_dir.glob('*/vis_data/scalars.json')
    epochs = [json.loads(line) for line in scalars.read_text().splitlines()]
    description = (work_dir / 'train_output.txt').read_text()
    row = summarise(epochs, json.loads(metrics.read_text())['PCK'])
    return dict(
        case=case.label,
        seed=case.seed,
        keypoints=description.split('keypoints: ')[1].split(',')[0],
        visible=description.split('labelled: ')[1].split(',')[0],
        **row,
        seconds=round(seconds),
        peak_mb=round(peak_mb),
    )


def summarise(epochs: list[dict], tested_pck: float) -> dict:
    """Condense the scalars of a run.

    Args:
        epochs (List[dict]): Lines of ``scalars.json``: training entries hold
            ``loss``, validation entries ``PCK``.
        tested_pck (float): PCK of the best checkpoint by ``tools/test.py``.

    Returns:
        dict: Figures, and ``passed``: whether all criteria hold.
    """
    validations = [entry for entry in epochs if 'PCK' in entry]
    pck = [entry['PCK'] for entry in validations]
    last = validations[-1]
    loss = [entry['loss'] for entry in epochs if 'loss' in entry][-1]
    reached = pck.index(max(pck))
    row = dict(
        first_best_epoch=last['step'] - len(pck) + reached + 1,
        lowest_after=min(pck[reached:]),
        pck=last['PCK'],
        pck_005=last['PCK@0.05'],
        nme=last['NME_ar'],
        gap=last['ar_tf_gap'],
        loss=loss,
        tested_pck=tested_pck,
    )
    row['passed'] = (
        row['lowest_after'] == row['pck'] == row['tested_pck'] == 1.0
        and row['pck_005'] >= MIN_PCK_005
        and loss < MAX_LOSS
        and row['gap'] < MAX_GAP
    )
    return row


def to_markdown(rows: list[dict]) -> str:
    """Format the rows.

    Args:
        rows (List[dict]): From :func:`run`.

    Returns:
        str: A Markdown table.
    """
    lines = [
        '| image | seed | keypoints (labelled) | 100 % from epoch | lowest '
        'PCK after | PCK | PCK@0.05 | NME | last loss | AR/TF gap | '
        'test.py | seconds | peak MB | all criteria |',
        '|' + '---|' * 14,
    ]
    for row in rows:
        lines.append(
            '| {case} | {seed} | {keypoints} ({visible}) | '
            '{first_best_epoch} | {lowest_after:.2%} | {pck:.2%} | '
            '{pck_005:.2%} | {nme:.5f} | {loss:.4f} | {gap:+.1%} | '
            '{tested_pck:.2%} | {seconds} | {peak_mb} | {verdict} |'.format(
                verdict='yes' if row['passed'] else '**no**', **row
            )
        )
    return '\n'.join(lines) + '\n'


def _python(
    arguments: list[str], environment: dict[str, str], output: Path
) -> float:
    """Run a tool, its output into a file; return its peak memory in MB."""
    output.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(ROOT / 'tools' / arguments[0])]
    command += arguments[1:]
    with output.open('w') as file:
        process = subprocess.Popen(
            command, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
        # wait4 gives the peak of this child alone
        _, process.returncode, usage = os.wait4(process.pid, 0)
    if process.returncode:
        raise subprocess.CalledProcessError(
            process.returncode, command, f'see {output}'
        )
    return usage.ru_maxrss / 1024


def main() -> None:
    """Run all cases and write the table after each."""
    parser = argparse.ArgumentParser(
        description='Memorise many single images and tabulate the results'
    )
    parser.add_argument(
        '--seeds',
        type=int,
        nargs='*',
        default=[0, 1, 2, 3, 4],
        help='seeds of the embedded default image',
    )
    parser.add_argument(
        '--real',
        type=Path,
        help='dataset in MP-100 layout; the first instance of every '
        'category is memorised, seed 0',
    )
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/single_image_table')
    )
    parser.add_argument('--out', type=Path, help='where to write the table')
    args = parser.parse_args()

    cases = [
        Case(f'embedded_seed{seed}', 'embedded creature', {}, seed)
        for seed in args.seeds
    ]
    if args.real:
        cases += real_cases(args.real.resolve())
    rows = []
    for case in cases:
        work_dir = args.work_dir / case.name
        done = work_dir / 'row.json'
        if not done.exists():
            # what an interrupted run has left
            shutil.rmtree(work_dir, ignore_errors=True)
            row = run(case, work_dir)
            done.write_text(json.dumps(row, indent=2))
        rows.append(json.loads(done.read_text()))
        print(to_markdown(rows[-1:]).splitlines()[-1], flush=True)
        if args.out:
            args.out.write_text(to_markdown(rows))
    failed = sum(not row['passed'] for row in rows)
    print(f'{len(rows) - failed} of {len(rows)} runs meet all criteria')
    sys.exit(bool(failed))


if __name__ == '__main__':
    main()
