# Copyright (c) cape_mm contributors. All rights reserved.
"""Compare two checkpoints on the same episodes.

    python tools/analysis_tools/compare_checkpoints.py CONFIG epoch_15.pth \
        epoch_50.pth

Writes `differences.csv` and `.json`, one row per query, the largest
difference of the mean error first, and images *support | ground truth | A |
B* of the first of them.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from mmengine.config import DictAction

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors

SCORES = ('PCK', 'PCK@0.05', 'NME')
FIELD_B = 'pred_instances_b'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Compare two checkpoints on the same episodes'
    )
    parser.add_argument('config', help='config file; its episodes are used')
    parser.add_argument('checkpoint_a', help='checkpoint A')
    parser.add_argument('checkpoint_b', help='checkpoint B')
    parser.add_argument(
        '--config-b', help='config of the model B, if it is another one'
    )
    parser.add_argument('--mode', choices=['val', 'test'], default='test')
    parser.add_argument(
        '--num-episodes',
        type=int,
        help='use this many episodes, evenly chosen (default: all)',
    )
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument(
        '--num-images',
        '--num-pictures',
        type=int,
        default=10,
        help='default: 10',
    )
    parser.add_argument('--out-dir', default='work_dirs/compare_checkpoints')
    parser.add_argument('--device', help='e.g. cpu or cuda:0')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE'
    )
    return parser.parse_args()


def score(query, supports: list) -> dict[str, float]:
    """Numbers of one query; NaN where no keypoint counts."""
    from cape_mm.evaluation.functional import mean_error, pair_pck
    from cape_mm.evaluation.metrics.episode_pairs import pair_errors

    errors = pair_errors(query, supports)
    return {
        'PCK': pair_pck(*errors, 0.2),
        'PCK@0.05': pair_pck(*errors, 0.05),
        'NME': mean_error(*errors),
    }


def compare(episode_a, episode_b, index: int) -> list[dict]:
    """Compare the predictions of one episode.

    Args:
        episode_a (EpisodeDataSample): With the predictions of A.
        episode_b (EpisodeDataSample): The same episode with those of B.
        index (int): Number of the episode.

    Returns:
        List[dict]: One row per query; B - A in ``diff_*``.
    """
    rows = []
    pairs = zip(episode_a.queries, episode_b.queries)
    for number, (query_a, query_b) in enumerate(pairs):
        row = dict(
            episode=index,
            query=number,
            category_id=episode_a.category_id,
            category=episode_a.category_name,
            supports=' '.join(str(s.id) for s in episode_a.supports),
            id=query_a.id,
            image=query_a.img_path,
        )
        a = score(query_a, episode_a.supports)
        b = score(query_b, episode_b.supports)
        for name in SCORES:
            row[f'{name}_a'], row[f'{name}_b'] = a[name], b[name]
            row[f'diff_{name}'] = b[name] - a[name]
        rows.append(row)
    return rows


def sort_rows(rows: list[dict]) -> list[dict]:
    """Largest difference of the mean error first; empty queries last."""
    judged = [row for row in rows if row['diff_NME'] == row['diff_NME']]
    empty = [row for row in rows if row['diff_NME'] != row['diff_NME']]
    judged.sort(key=lambda row: -abs(row['diff_NME']))
    return judged + empty


def summarise(rows: list[dict]) -> dict:
    """Means over the queries that have a keypoint that counts."""
    judged = [row for row in rows if row['diff_NME'] == row['diff_NME']]
    means = {}
    for name in SCORES:
        for side in 'ab':
            values = [row[f'{name}_{side}'] for row in judged]
            means[f'{name}_{side}'] = sum(values) / max(len(values), 1)
    return dict(
        queries=len(rows),
        judged=len(judged),
        better_a=sum(row['diff_NME'] > 0 for row in judged),
        better_b=sum(row['diff_NME'] < 0 for row in judged),
        **means,
    )


def format_rows(rows: list[dict], limit: int | None = None) -> str:
    """Format the first rows as a table of plain text."""
    from cape_mm.evaluation.metrics.result_tables import format_table

    keys = ['category', 'episode', 'query', 'id']
    keys += [f'{name}_{side}' for name in SCORES for side in 'ab']
    keys.append('diff_NME')
    return format_table([{k: row[k] for k in keys} for row in rows[:limit]])


def draw(row: dict, episodes: tuple, names: tuple, out_dir: Path, rank: int):
    """Write the image of one row."""
    import mmcv
    from mmengine.structures import InstanceData

    from cape_mm.visualization import EpisodeVisualizer

    episode_a, episode_b = episodes
    number = row['query']
    episode_a.queries[number].set_field(
        episode_b.queries[number].pred_instances, FIELD_B, dtype=InstanceData
    )
    captions = [
        f'{side.upper()} {name}: PCK {100 * row[f"PCK_{side}"]:.0f} %, '
        f'NME {row[f"NME_{side}"]:.3f}'
        for side, name in zip('ab', names)
    ]
    image = EpisodeVisualizer().draw_episode(
        episode_a,
        number,
        title=f'episode {row["episode"]}, query {number}',
        predictions=(
            (captions[0], 'pred_instances'),
            (captions[1], FIELD_B),
        ),
    )
    file = f'{rank:03d}_{row["category_id"]}_{row["episode"]}_{number}.png'
    mmcv.imwrite(image[..., ::-1], str(out_dir / file))


def write_rows(rows: list[dict], summary: dict, out_dir: Path) -> None:
    """Write `differences.csv` and `differences.json`."""
    import mmengine

    out_dir.mkdir(parents=True, exist_ok=True)
    with open(out_dir / 'differences.csv', 'w', newline='') as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    # NaN is no JSON
    clean = [
        {k: None if v != v else v for k, v in row.items()} for row in rows
    ]
    mmengine.dump(
        dict(summary=summary, queries=clean),
        out_dir / 'differences.json',
        indent=2,
    )


def main() -> None:
    """Compare, print and draw."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from mmengine.config import Config

    from cape_mm.apis import load_estimator
    from cape_mm.cli.episodes import iterate_batches, predict_items
    from cape_mm.cli.launch import merge_cfg_options
    from cape_mm.datasets.pipeline import build_dataset, spread_indices

    with one_line_errors():
        cfg = Config.fromfile(args.config)
        merge_cfg_options(cfg, args)
        cfg_b = Config.fromfile(args.config_b) if args.config_b else cfg
        models = [
            load_estimator(cfg, args.checkpoint_a, args.device),
            load_estimator(cfg_b, args.checkpoint_b, args.device),
        ]
        dataset = build_dataset(cfg, args.mode)
    for model in models:
        model.test_cfg.update(teacher_forced=False)
    indices = spread_indices(len(dataset), args.num_episodes)
    rows: list[dict] = []
    for chosen, items in iterate_batches(dataset, indices, args.batch_size):
        predicted = [predict_items(model, items) for model in models]
        for index, episode_a, episode_b in zip(chosen, *predicted):
            rows += compare(episode_a, episode_b, index)
    rows = sort_rows(rows)
    summary = summarise(rows)
    out_dir = Path(args.out_dir)
    write_rows(rows, summary, out_dir)

    names = (Path(args.checkpoint_a).stem, Path(args.checkpoint_b).stem)
    for rank, row in enumerate(rows[: args.num_images]):
        item = dataset[row['episode']]
        pair = tuple(predict_items(model, [item])[0] for model in models)
        draw(row, pair, names, out_dir, rank)
    print(f'A = {args.checkpoint_a}\nB = {args.checkpoint_b}')
    print(format_rows(rows, 20))
    print(', '.join(f'{k}: {v:.4g}' for k, v in summary.items()))
    print(f'All rows and images are in {out_dir}')


if __name__ == '__main__':
    main()
