# Copyright (c) cape_mm contributors. All rights reserved.
"""Compare two checkpoints query by query, on the same episodes."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import mmcv
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.datasets.pipeline import spread_indices
from cape_mm.evaluation.functional.keypoints import mean_error, pair_pck
from cape_mm.evaluation.metrics.episode_pairs import pair_errors
from cape_mm.evaluation.metrics.result_tables import (
    format_table,
    write_result_files,
)
from cape_mm.structures import EpisodeDataSample
from cape_mm.visualization import EpisodeVisualizer

from .episodes import build_dataset, load_episode_model, predict_samples
from .launch import read_config

SCORES = ('PCK', 'PCK@0.05', 'NME')
_FIELD_B = 'pred_instances_b'


def compare_checkpoints(args: Namespace) -> None:
    """Compare two checkpoints; write tables and images."""
    cfg_a = cfg_b = read_config(args)
    if args.config_b:
        cfg_b = read_config(Namespace(config=args.config_b, cfg_options=None))
    models = [
        load_episode_model(cfg_a, args.checkpoint_a, args.device),
        load_episode_model(cfg_b, args.checkpoint_b, args.device),
    ]
    dataset = build_dataset(cfg_a, args.mode)
    indices = spread_indices(len(dataset), args.num_episodes)
    rows: list[dict] = []
    for start in range(0, len(indices), args.batch_size):
        chosen = indices[start : start + args.batch_size]
        samples = [dataset[index] for index in chosen]
        predicted = [predict_samples(model, samples) for model in models]
        for index, episode_a, episode_b in zip(chosen, *predicted):
            rows += _compare(episode_a, episode_b, index)
    rows = sort_rows(rows)
    summary = summarise(rows)
    out_dir = Path(args.out_dir)
    content = dict(summary=summary, queries=rows)
    write_result_files(str(out_dir / 'differences.json'), content, rows)

    # B may be a model without a checkpoint
    files = [args.checkpoint_a, args.checkpoint_b or cfg_b.filename]
    names = tuple(Path(file).stem for file in files)
    for rank, row in enumerate(rows[: args.num_images]):
        sample = dataset[row['episode']]
        pair = [predict_samples(model, [sample])[0] for model in models]
        file = f'{rank:03d}_{row["category_id"]}_{row["episode"]}_'
        image = _draw(row, *pair, names)
        mmcv.imwrite(
            image[..., ::-1], str(out_dir / f'{file}{row["query"]}.png')
        )
    print('A = {}\nB = {}'.format(*files))
    keys = ['category', 'episode', 'query', 'id']
    keys += [f'{name}_{side}' for name in SCORES for side in 'ab']
    keys.append('diff_NME')
    print(format_table([{k: row[k] for k in keys} for row in rows[:20]]))
    print(', '.join(f'{k}: {v:.4g}' for k, v in summary.items()))
    print(f'All rows and images are in {out_dir}')


def _compare(
    episode_a: EpisodeDataSample, episode_b: EpisodeDataSample, index: int
) -> list[dict]:
    """One row per query of an episode; B - A in ``diff_*``."""
    rows = []
    for number, pair in enumerate(zip(episode_a.queries, episode_b.queries)):
        row = dict(
            episode=index,
            query=number,
            category_id=episode_a.category_id,
            category=episode_a.category_name,
            supports=' '.join(str(s.id) for s in episode_a.supports),
            id=pair[0].id,
            image=pair[0].img_path,
        )
        a, b = (_score(query, episode_a.supports) for query in pair)
        for name in SCORES:
            row[f'{name}_a'], row[f'{name}_b'] = a[name], b[name]
            row[f'diff_{name}'] = b[name] - a[name]
        rows.append(row)
    return rows


def _score(query: PoseDataSample, supports: list) -> dict[str, float]:
    """Scores of one query; NaN where no keypoint counts."""
    errors = pair_errors(query, supports)
    return {
        'PCK': pair_pck(*errors, 0.2),
        'PCK@0.05': pair_pck(*errors, 0.05),
        'NME': mean_error(*errors),
    }


def _is_judged(row: dict) -> bool:
    """Whether a query has a keypoint that counts (not NaN)."""
    return row['diff_NME'] == row['diff_NME']


def sort_rows(rows: list[dict]) -> list[dict]:
    """Rows by the difference of the mean error, largest first, NaN last."""
    return sorted(
        rows, key=lambda row: (not _is_judged(row), -abs(row['diff_NME']))
    )


def summarise(rows: list[dict]) -> dict:
    """Counts of queries, and means over those with a keypoint that counts."""
    judged = list(filter(_is_judged, rows))
    columns = [f'{name}_{side}' for name in SCORES for side in 'ab']
    return dict(
        queries=len(rows),
        judged=len(judged),
        better_a=sum(row['diff_NME'] > 0 for row in judged),
        better_b=sum(row['diff_NME'] < 0 for row in judged),
        **{
            name: sum(row[name] for row in judged) / max(len(judged), 1)
            for name in columns
        },
    )


def _draw(
    row: dict,
    episode_a: EpisodeDataSample,
    episode_b: EpisodeDataSample,
    names: tuple[str, str],
):
    """Draw the query of a row: support, ground truth, A, B."""
    number = row['query']
    episode_a.queries[number].set_field(
        episode_b.queries[number].pred_instances, _FIELD_B, dtype=InstanceData
    )
    captions = [
        f'{side.upper()} {name}: PCK {100 * row[f"PCK_{side}"]:.0f} %, '
        f'NME {row[f"NME_{side}"]:.3f}'
        for side, name in zip('ab', names)
    ]
    return EpisodeVisualizer().draw_episode(
        episode_a,
        number,
        title=f'episode {row["episode"]}, query {number}',
        predictions=tuple(zip(captions, ('pred_instances', _FIELD_B))),
    )
