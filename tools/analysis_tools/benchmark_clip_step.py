# Copyright (c) cape_mm contributors. All rights reserved.
"""Time and memory of training steps of a model for clips.

    python tools/analysis_tools/benchmark_clip_step.py CONFIG

Builds the model of the config with random weights and lets it learn from
clips of noise with a few made-up persons: forward, backward, one update of the
optimiser. No data are needed. Each call measures one setting: the peak of the
memory of a process does not fall again. To see what a window without gradient
saves, call it twice, the second time with `--no-grad-windows 1`.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Time and memory of training steps of a model for clips'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('--size', type=int, default=800, help='side in pixels')
    parser.add_argument('--windows', type=int, default=2, help='T')
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument('--persons', type=int, default=4)
    parser.add_argument(
        '--no-grad-windows',
        type=int,
        default=0,
        help='first windows without gradient (default: 0)',
    )
    parser.add_argument('--steps', type=int, default=2)
    parser.add_argument('--device', default='cpu')
    parser.add_argument(
        '--amp', action='store_true', help='in mixed precision'
    )
    args = parser.parse_args()
    if args.no_grad_windows >= args.windows:
        parser.error('--no-grad-windows must leave a window to learn from')
    if args.amp and args.device == 'cpu':
        parser.error('--amp needs a GPU: --device cuda')
    return args


def build_model(args: argparse.Namespace):
    """The model of the config with random weights, in training mode."""
    import torch
    from mmengine.config import Config
    from mmengine.registry import MODELS, init_default_scope

    cfg = Config.fromfile(args.config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    cfg.model.backbone.pop('init_cfg', None)
    cfg.model.head.no_grad_windows = args.no_grad_windows
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    return model.to(args.device).train()


def random_clip(args: argparse.Namespace, frames: int, keypoints: int) -> dict:
    """Frames of noise; persons stay where they are.

    Args:
        args (argparse.Namespace): Size, windows and persons.
        frames (int): F.
        keypoints (int): K.

    Returns:
        dict: ``inputs`` (U, 3, H, W) uint8 and ``data_samples``, one clip.
    """
    import numpy as np
    import torch
    from mmengine.structures import InstanceData
    from mmpose.structures import PoseDataSample

    from cape_mm.structures import ClipDataSample

    count, size = args.windows + frames - 1, (args.size, args.size)
    starts = np.arange(args.windows)[:, None]
    clip = ClipDataSample(
        metainfo=dict(video_id='0', frame_index=starts + np.arange(frames))
    )
    places = 0.2 + 0.6 * torch.rand(args.persons, 1, 2)
    poses = places + 0.1 * torch.randn(args.persons, keypoints, 2)
    side = 0.4 * args.size
    clip.frames = []
    for number in range(count):
        meta = dict(video_id='0', frame_id=number, is_labeled=True)
        frame = PoseDataSample(
            metainfo=dict(meta, img_shape=size, ori_shape=size)
        )
        frame.gt_instance_labels = InstanceData(
            keypoints=poses.clamp(0, 1),
            keypoints_visible=torch.ones(args.persons, keypoints),
            areas=torch.full((args.persons,), side**2),
            track_ids=torch.arange(args.persons),
        )
        clip.frames.append(frame)
    noise = torch.randint(256, (count, 3, *size), dtype=torch.uint8)
    return dict(inputs=noise, data_samples=clip)


def peak_memory(device: str) -> float:
    """Peak in GiB: of the process, or of what a GPU has given out."""
    import torch

    if device == 'cpu':
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return torch.cuda.max_memory_allocated(device) / 2**30


def run(args: argparse.Namespace) -> None:
    """Measure, and print a line for each step."""
    import torch
    from mmengine.dataset import pseudo_collate
    from mmengine.optim import build_optim_wrapper

    model = build_model(args)
    count = sum(p.numel() for p in model.parameters()) / 1e6
    print(f'{count:.2f} million parameters')
    kind = 'AmpOptimWrapper' if args.amp else 'OptimWrapper'
    optimizer = build_optim_wrapper(
        model,
        dict(type=kind, optimizer=dict(type='AdamW', lr=1e-5)),
    )
    head = model.head
    frames = head.decoder.layers[0].cross_attention.layout[0]
    batch = pseudo_collate(
        [
            random_clip(args, frames, head.num_keypoints)
            for _ in range(args.batch_size)
        ]
    )
    before = peak_memory(args.device)
    print(f'{before:.2f} GiB before the first step')
    for step in range(args.steps):
        start = time.perf_counter()
        losses = model.train_step(batch, optimizer)
        total = losses['loss'].item()
        seconds = time.perf_counter() - start
        print(
            f'step {step + 1}: {seconds:.2f} s, peak '
            f'{peak_memory(args.device):.2f} GiB, loss {total:.2f}'
        )
    if not torch.isfinite(losses['loss']):
        sys.exit('the loss is not finite')


def main() -> None:
    """Run, and end with one sentence when the user's input is wrong."""
    args = parse_args()
    with one_line_errors():
        run(args)


if __name__ == '__main__':
    main()
