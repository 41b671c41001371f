# Copyright (c) cape_mm contributors. All rights reserved.
"""A PAVENet that trains in a blink, and clips for it."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

import cape_mm.models  # noqa: F401
from cape_mm.registry import MODELS
from cape_mm.structures import ClipDataSample

K = 4
C = 16
SIZE = (32, 48)
SIGMAS = dict(sigmas=[0.1] * K)
LAYERS = dict(num_heads=2, feedforward_dims=16)


TRACKER = dict(
    type='cape_mm.PoseQueryTracker',
    metainfo=SIGMAS,
    birth_thr=0.0,
    keep_thr=0.0,
    duplicate_oks=1.0,
    reanchor=['proposals'],
)


def model_config(
    num_frames=3, mode='bonus', criterion=None, tracker=TRACKER, **head
):
    """Config with all losses; ``head`` and ``criterion`` change options."""
    finer = head.get('heatmap', True) is not None
    return dict(
        type='cape_mm.PAVENet',
        data_preprocessor=dict(
            type='cape_mm.ClipDataPreprocessor', mean=[128] * 3, std=[64] * 3
        ),
        backbone=dict(
            type='mmpose.ResNet',
            depth=18,
            base_channels=8,
            stem_channels=8,
            out_indices=(0, 1, 2) if finer else (1, 2),
            num_stages=3,
            strides=(1, 2, 2),
            dilations=(1, 1, 1),
            norm_cfg=dict(type='GN', num_groups=2),
            norm_eval=False,
            zero_init_residual=False,
        ),
        neck=dict(
            type='mmdet.ChannelMapper',
            in_channels=[16, 32],
            out_channels=C,
            kernel_size=1,
            act_cfg=None,
            norm_cfg=dict(type='GN', num_groups=2),
        ),
        encoder=dict(
            type='cape_mm.ClipEncoder',
            embed_dims=C,
            num_levels=2,
            num_layers=1,
            num_heads=2,
            feedforward_dims=16,
            dropout=0.0,
        ),
        finer_map=finer,
        head=dict(
            dict(
                type='cape_mm.PAVEHead',
                embed_dims=C,
                num_keypoints=K,
                num_frames=num_frames,
                num_levels=2,
                num_queries=6,
                distinct_queries=0.1,
                decoder=dict(num_layers=2, sampling_radius=1, **LAYERS),
                keypoint_decoder=dict(
                    num_layers=2, sampling_radius=1, **LAYERS
                ),
                heatmap=dict(finer_channels=8),
                criterion=dict(
                    dict(
                        type='cape_mm.PAVECriterion',
                        loss_cls=dict(
                            type='mmdet.FocalLoss', use_sigmoid=True
                        ),
                        loss_kpt=dict(type='cape_mm.FlowRLELoss'),
                        l1_weight=10.0,
                        oks_weight=1.0,
                        vis_weight=1.0,
                        neighbour_weight=1.0,
                        metainfo=SIGMAS,
                    ),
                    **(criterion or {}),
                ),
                assigner=dict(
                    type='cape_mm.TrackAwareHungarianAssigner',
                    match_costs=[
                        dict(type='mmdet.FocalLossCost', weight=2.0),
                        dict(type='cape_mm.KeypointL1Cost', weight=70.0),
                    ],
                    mode=mode,
                ),
                sampler=dict(
                    type='cape_mm.TrackQuerySampler', matched_always=True
                ),
            ),
            **head,
        ),
        tracker=tracker and dict(tracker),
    )


def build_model(seed=0, noise=0.05, **kwargs):
    """A model without branches that start with 0."""
    torch.manual_seed(seed)
    model = MODELS.build(model_config(**kwargs))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(noise * torch.randn_like(parameter))
    return model


def make_clip(
    seed=0, num_windows=2, num_frames=3, video='a', first=0, size=SIZE
):
    """A clip with two persons, the second one not in the first frame."""
    rng = np.random.default_rng(seed)
    half = num_frames // 2
    centres = half + np.arange(num_windows)
    index = centres[:, None] + np.arange(-half, half + 1)
    count = num_windows + num_frames - 1
    sample = ClipDataSample(
        metainfo=dict(video_id=video, frame_index=index.astype(np.int64))
    )
    poses = rng.uniform(0.2, 0.8, (2, K, 2))
    frames = []
    for number in range(count):
        persons = slice(0, 1 if number == 0 else 2)
        points = (poses + 0.02 * number)[persons].astype(np.float32)
        visible = np.ones(points.shape[:2], np.float32)
        visible[0, 1] = 0
        frame = PoseDataSample(
            metainfo=dict(
                video_id=video,
                frame_id=first + number,
                num_frames=100,
                is_labeled=True,
                img_path=f'{video}/{number}.png',
                ori_shape=size,
                img_shape=size,
                warp_mat=np.eye(2, 3, dtype=np.float32),
            )
        )
        frame.gt_instances = InstanceData(keypoints=points * size[::-1])
        frame.gt_instance_labels = InstanceData(
            keypoints=torch.from_numpy(points),
            keypoints_visible=torch.from_numpy(visible),
            areas=torch.full((len(points),), 300.0),
            track_ids=torch.tensor([7, 3])[persons],
        )
        frames.append(frame)
    sample.frames = frames
    pixels = rng.integers(0, 256, (count, 3, *size), dtype=np.uint8)
    return dict(inputs=torch.from_numpy(pixels), data_samples=sample)


def collate(*clips):
    """A batch, as ``pseudo_collate`` makes it."""
    return {key: [clip[key] for clip in clips] for key in clips[0]}


def run_loss(model, batch):
    """Total and single losses of a batch."""
    data = model.data_preprocessor(batch, True)
    losses = model(**data, mode='loss')
    total, _ = model.parse_losses(losses)
    return total, losses
