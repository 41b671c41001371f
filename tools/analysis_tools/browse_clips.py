# Copyright (c) cape_mm contributors. All rights reserved.
"""Draw clips of videos as the model gets them, after augmentation.

    python tools/analysis_tools/browse_clips.py CONFIG

One image per clip: a row per window, its frames side by side, drawn from the
input tensors with the labels that the loss sees. A colour is an identity.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmengine.config import DictAction

# In a checkout this checkout is used, also when a wheel is installed.
ROOT = Path(__file__).resolve().parents[2]
if (ROOT / 'cape_mm').is_dir():
    sys.path.insert(0, str(ROOT))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Draw clips of videos as the model gets them'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--mode', choices=['train', 'val', 'test'], default='train'
    )
    parser.add_argument(
        '--num', type=int, default=12, help='how many, evenly chosen'
    )
    parser.add_argument(
        '--epoch', type=int, default=0, help='epoch of training, from 0'
    )
    parser.add_argument('--size', type=int, default=256, help='panel, pixels')
    parser.add_argument(
        '--out-dir', default='work_dirs/browse_clips', help='folder'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE'
    )
    return parser.parse_args()


def main() -> None:
    """Draw."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    import mmcv
    from mmengine.config import Config

    from cape_mm.apis.episode_source import build_dataset, spread_indices
    from cape_mm.cli.launch import merge_cfg_options, one_line_errors
    from cape_mm.datasets.samplers import SampleIndex
    from cape_mm.visualization.clip_panels import draw_clip

    with one_line_errors():
        cfg = Config.fromfile(args.config)
        merge_cfg_options(cfg, args)
        dataset = build_dataset(cfg, args.mode)
        print(dataset.describe())
        seed = (cfg.get('randomness') or {}).get('seed') or 0
        skeleton = dataset.metainfo['skeleton_links']
        for number in spread_indices(len(dataset), args.num):
            index = number
            if args.mode == 'train':
                index = SampleIndex(seed, args.epoch, number)
            item = dataset[index]
            name = (
                f'{args.mode}_{number:06d}_{item["data_samples"].video_id}.png'
            )
            image = draw_clip(item, skeleton, args.size)
            mmcv.imwrite(image[..., ::-1], str(Path(args.out_dir) / name))
    print(f'Images are in {args.out_dir}')


if __name__ == '__main__':
    main()
