# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.structures import ClipDataSample


def make_sample():
    sample = ClipDataSample(
        metainfo=dict(
            video_id='a', frame_index=np.array([[0, 0, 1], [1, 2, 3]])
        )
    )
    frames = []
    for number in range(4):
        frame = PoseDataSample(metainfo=dict(frame_id=10 + number))
        frame.gt_instance_labels = InstanceData(areas=torch.ones(2))
        frames.append(frame)
    sample.frames = frames
    return sample


def test_centers_are_the_middle_frames_of_the_windows():
    assert [frame.frame_id for frame in make_sample().centers] == [10, 12]


def test_conversion_reaches_all_frames_and_leaves_the_original():
    sample = make_sample()
    half = sample.to(dtype=torch.float16)
    assert half.video_id == 'a'
    assert np.array_equal(half.frame_index, sample.frame_index)
    for frame, other in zip(sample.frames, half.frames):
        assert frame.frame_id == other.frame_id
        assert frame.gt_instance_labels.areas.dtype == torch.float32
        assert other.gt_instance_labels.areas.dtype == torch.float16
