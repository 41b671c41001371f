# Copyright (c) cape_mm contributors. All rights reserved.
"""Measure what a model makes of its support.

    python tools/analysis_tools/support_ablation.py CONFIG CHECKPOINT

Prints the PCK over the config's test episodes with the right support and with
supports that are wrong in one respect. Keypoints are judged as in the test:
labelled in the query and in all its right supports. For a support of a wrong
category, keypoint *j* of that category stands for keypoint *j* of the query,
as far as both have it; the others do not count.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path

from mmengine.config import DictAction

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors

ZEROED = 'support features zeroed'
# The published protocol counts a pair without common keypoint as 0.
COLUMNS = ('PCK@0.2', 'PCK@0.05', 'pairs', 'keypoints')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Measure what a model makes of its support'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--num-episodes',
        type=int,
        help='use this many test episodes, evenly chosen (default: all)',
    )
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--seed', type=int, default=0, help='of the shuffles')
    parser.add_argument('--device', help='e.g. cpu or cuda:0')
    parser.add_argument('--out', help='write the table to this .json file')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE'
    )
    return parser.parse_args()


def donor_of(dataset, position: int, indices: list[int], categories: dict):
    """The next episode of another category, from half a list further on.

    Args:
        dataset: Episodes.
        position (int): Place of the episode in ``indices``.
        indices (List[int]): Episodes that are used.
        categories (dict): Category ids by index, filled on the way.

    Returns:
        dict | None: An item, None if there is only one category.
    """
    own = categories[indices[position]]
    for step in range(len(indices)):
        index = indices[(position + len(indices) // 2 + step) % len(indices)]
        if categories.get(index) != own:
            item = dataset[index]
            categories[index] = item['data_samples'].category_id
            if categories[index] != own:
                return item
    return None


def measure(original, predicted, change) -> list[dict]:
    """Judge the queries of one episode.

    Args:
        original (EpisodeDataSample): With the truth.
        predicted (EpisodeDataSample): With predictions.
        change (Intervened): What was done to the episode.

    Returns:
        List[dict]: Correct shares (NaN without keypoint) and counts.
    """
    from cape_mm.evaluation.functional import (
        keypoint_distances,
        longer_side,
        pair_pck,
    )
    from cape_mm.evaluation.metrics.episode_pairs import co_visible

    rows = []
    for truth, query in zip(original.queries, predicted.queries):
        instances = truth.gt_instances
        errors = (
            keypoint_distances(
                query.pred_instances.keypoints[0][change.order],
                instances.keypoints[0],
            ),
            co_visible(truth, original.supports) & change.judged,
            longer_side(instances.bboxes[0]),
        )
        rows.append(
            {
                'PCK@0.2': pair_pck(*errors, 0.2),
                'PCK@0.05': pair_pck(*errors, 0.05),
                'keypoints': int(errors[1].sum()),
                'judged': bool(change.judged.all()),
            }
        )
    return rows


def average(rows: list[dict]) -> dict[str, float]:
    """Means over pairs; a pair counts 0 only if it is empty in the test.

    Args:
        rows (List[dict]): From :func:`measure`.

    Returns:
        Dict[str, float]: One row of the table.
    """
    kept = [row for row in rows if row['judged'] or row['keypoints']]
    table = dict(pairs=len(kept))
    table['keypoints'] = sum(row['keypoints'] for row in kept)
    for name in ('PCK@0.2', 'PCK@0.05'):
        hits = sum(row[name] for row in kept if row['keypoints'])
        table[name] = hits / len(kept) if kept else float('nan')
    return {name: table[name] for name in COLUMNS}


def run(model, dataset, indices: list[int], batch_size: int, seed: int):
    """Measure all conditions.

    Args:
        model (BaseModel): In evaluation mode.
        dataset (Dataset): Episodes.
        indices (List[int]): Which of them.
        batch_size (int): Episodes at once.
        seed (int): Of the shuffles.

    Returns:
        Dict[str, Dict[str, float]]: Rows of the table by condition.
    """
    import numpy as np
    from mmengine.utils import track_iter_progress

    from cape_mm.cli.episodes import iterate_batches, predict_items
    from cape_mm.evaluation.support_interventions import (
        INTERVENTIONS,
        right_support,
        zeroed_support_features,
    )

    changes = dict(INTERVENTIONS, **{ZEROED: right_support})
    rows: dict[str, list] = {name: [] for name in changes}
    categories: dict[int, int] = {}
    starts = range(0, len(indices), batch_size)
    batches = iterate_batches(dataset, indices, batch_size)
    for start, (chosen, items) in zip(
        track_iter_progress((starts, len(starts))), batches
    ):
        for index, item in zip(chosen, items):
            categories[index] = item['data_samples'].category_id
        donors = [
            donor_of(dataset, start + i, indices, categories)
            for i in range(len(items))
        ]
        for name, change in changes.items():
            needs_donor = name.startswith('wrong')
            changed = [
                change(item, donor, np.random.default_rng([seed, index]))
                for index, item, donor in zip(chosen, items, donors)
                if donor is not None or not needs_donor
            ]
            if not changed:
                continue
            hidden = name == ZEROED
            with zeroed_support_features(model) if hidden else nullcontext():
                predicted = predict_items(model, [c.item for c in changed])
            originals = [
                item['data_samples']
                for item, donor in zip(items, donors)
                if donor is not None or not needs_donor
            ]
            for triple in zip(originals, predicted, changed):
                rows[name] += measure(*triple)
    return {name: average(found) for name, found in rows.items()}


def format_rows(table: dict[str, dict[str, float]]) -> str:
    """Format the table, shares in percent, with the loss against right.

    Args:
        table (Dict[str, Dict[str, float]]): From :func:`run`.

    Returns:
        str: Several lines.
    """
    from cape_mm.evaluation.metrics.result_tables import format_table

    right = next(iter(table.values()))
    lines = []
    for name, row in table.items():
        line = dict(support=name)
        for key in ('PCK@0.2', 'PCK@0.05'):
            line[key] = f'{100 * row[key]:.2f}'
            line[f'{key} - right'] = f'{100 * (row[key] - right[key]):+.2f}'
        lines.append(dict(line, pairs=row['pairs'], kpts=row['keypoints']))
    return format_table(lines)


def main() -> None:
    """Measure and print."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    import mmengine
    from mmengine.config import Config

    from cape_mm.apis import load_estimator
    from cape_mm.cli.launch import merge_cfg_options
    from cape_mm.datasets.pipeline import build_dataset, spread_indices

    with one_line_errors():
        cfg = Config.fromfile(args.config)
        merge_cfg_options(cfg, args)
        model = load_estimator(cfg, args.checkpoint, args.device)
        dataset = build_dataset(cfg)
    # a second, teacher-forced pass is of no use here
    model.test_cfg.update(teacher_forced=False)
    indices = spread_indices(len(dataset), args.num_episodes)
    table = run(model, dataset, indices, args.batch_size, args.seed)
    print(f'\n{format_rows(table)}')
    if not table['wrong-category support']['pairs']:
        print('Only one category: nothing to take a wrong support from.')
    if args.out:
        mmengine.dump(table, args.out, indent=2)


if __name__ == '__main__':
    main()
