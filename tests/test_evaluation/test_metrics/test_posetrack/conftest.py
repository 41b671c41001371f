# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
import math

import numpy as np
import pytest

from cape_mm.evaluation.metrics import PoseTrackMetric
from cape_mm.evaluation.metrics.posetrack import posetrack_metric

NAMES = ('nose', 'left_wrist', 'right_wrist')


def make_points(persons):
    """(N, 3, 2) points at y = 0 of persons; NaN for None."""
    xs = [np.broadcast_to(np.array(x, float), 3) for x in persons.values()]
    xs = np.stack(xs) if xs else np.zeros((0, 3))
    return np.stack([xs, np.where(np.isnan(xs), np.nan, 0)], axis=-1)


@pytest.fixture
def make_frame():
    """Make what MMEngine's evaluator hands to a metric for one frame.

    Persons are ``{id: x}`` of their three keypoints, all at y = 0; x is a
    number or a list with one per keypoint, None for a keypoint without a label
    or without a prediction. Heads measure 10 px, so that the threshold is at
    5 px.
    """

    def make(
        frame_id, truth, predicted, scores=1.0, visibility=1.0, **metainfo
    ):
        gt, pred = make_points(truth), make_points(predicted)
        side = 10 / 0.6 / math.sqrt(2)
        head = [7, 9, 7 + side, 9 + side]
        frame = dict(
            video_id='a',
            frame_id=frame_id,
            num_frames=2,
            is_labeled=True,
            img_path=f'data/images/val/a/{frame_id:06d}.jpg',
            ori_shape=(60, 80),
            ignore_regions=[],
            gt_instances=dict(
                keypoints=np.nan_to_num(gt),
                keypoints_visible=np.isfinite(gt[..., 0]).astype(np.float32),
                bbox_head=np.tile(head, (len(gt), 1)),
                track_ids=np.array([*truth], dtype=np.int64),
            ),
            pred_instances=dict(
                keypoints=pred,
                keypoint_scores=np.broadcast_to(scores, pred.shape[:2]),
                keypoints_visible=np.broadcast_to(visibility, pred.shape[:2]),
                track_ids=np.array([*predicted], dtype=np.int64),
                bbox_scores=np.ones(len(pred)),
            ),
        )
        frame.update(metainfo)
        return frame

    return make


@pytest.fixture
def make_faulty_video(make_frame):
    """Make a video in which some keypoints are wrong."""

    def make(video_id='a', num_frames=5, seed=0):
        rng = np.random.default_rng(seed)
        return [
            make_frame(
                t,
                {1: list(rng.normal(0, 1, 3)), 2: list(rng.normal(20, 1, 3))},
                {
                    5 + t // 3: list(rng.normal(0, 4, 3)),
                    9: list(rng.normal(20, 4, 3)),
                    11: list(rng.normal(40, 4, 3)),
                },
                scores=rng.choice([0.2, 0.5], 3),
                video_id=video_id,
                num_frames=num_frames,
            )
            for t in range(num_frames)
        ]

    return make


@pytest.fixture
def evaluate():
    """Run a metric over frames, in batches of one."""

    def run(frames, names=NAMES, metric=None, **options):
        metric = metric or PoseTrackMetric(**options)
        metric.dataset_meta = dict(keypoint_names=list(names))
        for frame in frames:
            metric.process({}, [frame])
        return metric.evaluate(len(frames))

    return run


@pytest.fixture
def logged(monkeypatch):
    lines = []

    def collect(text, logger=None, level=logging.INFO):
        lines.append((level, text))

    monkeypatch.setattr(posetrack_metric, 'print_log', collect)
    return lines
