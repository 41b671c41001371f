# Copyright (c) cape_mm contributors. All rights reserved.
"""Show what leads to the predictions of some episodes.

    python tools/analysis_tools/show_proposals.py CONFIG CHECKPOINT

For each query two images: `*_proposals.png`, the similarity map of every
keypoint with the proposed, the final and the true point, and
`*_attention.png`, which support keypoints each keypoint listens to in the last
layer of the decoder.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmengine.config import DictAction

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Show what leads to the predictions of some episodes'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--mode', choices=['val', 'test'], default='test')
    parser.add_argument(
        '--num', type=int, default=4, help='how many episodes, evenly chosen'
    )
    parser.add_argument(
        '--episodes', type=int, nargs='+', help='numbers of episodes instead'
    )
    parser.add_argument(
        '--max-queries', type=int, default=1, help='per episode'
    )
    parser.add_argument('--out-dir', default='work_dirs/show_proposals')
    parser.add_argument('--device', help='e.g. cpu or cuda:0')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE'
    )
    return parser.parse_args()


def labels_of(member) -> tuple:
    """Labels (K, 2) in [0, 1] of the input, and (K,) which are valid."""
    import numpy as np

    labels = member.gt_instance_labels
    valid = np.asarray(labels.keypoint_weights)[0] > 0
    return np.asarray(labels.keypoint_labels)[0, :, :2], valid


def draw(item: dict, trace, query: int) -> dict:
    """Draw one query.

    Args:
        item (dict): Episode.
        trace (DecodingTrace): What happened.
        query (int): Which query.

    Returns:
        dict: Images, RGB, by the end of their names.
    """
    import numpy as np

    from cape_mm.visualization.decoding_figures import (
        draw_attention,
        draw_proposals,
    )
    from cape_mm.visualization.model_inputs import input_to_rgb

    episode, inputs = item['data_samples'], item['inputs']
    marks, labelled = labels_of(episode.supports[0])
    truth, known = labels_of(episode.queries[query])
    names = episode.keypoint_names
    step = trace.order[query].argsort() + 1
    notes = [
        f'step {place}, score {score:.2f}' if score > 0 else 'not in support'
        for place, score in zip(step, trace.scores[query])
    ]
    title = (
        f'{episode.category_name} ({episode.category_id}), episode '
        f'{episode.episode[-1]}, query {query}'
    )
    images = dict(
        proposals=draw_proposals(
            (input_to_rgb(inputs['support'][0], 256), marks, labelled),
            input_to_rgb(inputs['query'][query], 256),
            trace.maps[query].numpy(),
            dict(
                truth=np.where(known[:, None], truth, np.nan),
                proposal=trace.proposals[query].numpy(),
                prediction=trace.points[query].numpy(),
            ),
            [f'{i} {name[:18]}\n{notes[i]}' for i, name in enumerate(names)],
            title,
        )
    )
    if trace.attention is not None:
        attention = trace.attention[query].numpy()
        images['attention'] = draw_attention(attention, names, title)
    return images


def main() -> None:
    """Trace and draw."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    import mmcv
    from mmengine.config import Config

    from cape_mm.apis import load_estimator
    from cape_mm.cli.decoding_trace import trace_decoding
    from cape_mm.cli.launch import merge_cfg_options
    from cape_mm.datasets.pipeline import build_dataset, spread_indices

    with one_line_errors():
        cfg = Config.fromfile(args.config)
        merge_cfg_options(cfg, args)
        model = load_estimator(cfg, args.checkpoint, args.device)
        dataset = build_dataset(cfg, args.mode)
    for index in args.episodes or spread_indices(len(dataset), args.num):
        item = dataset[index]
        trace = trace_decoding(model, item)
        for query in range(min(len(trace.points), args.max_queries)):
            for kind, image in draw(item, trace, query).items():
                name = f'{index:05d}_{query}_{kind}.png'
                file = str(Path(args.out_dir) / name)
                mmcv.imwrite(image[..., ::-1], file)
    print(f'Images are in {args.out_dir}')


if __name__ == '__main__':
    main()
