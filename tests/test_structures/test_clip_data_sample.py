# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.structures import ClipDataSample
from cape_mm.structures.input_coordinates import (
    norm_to_original,
    norm_to_pixels,
    original_to_norm,
    pixels_to_norm,
)


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


def test_corners_of_the_image_are_0_and_1():
    corners = torch.tensor([[-0.5, -0.5], [63.5, 47.5], [31.5, 23.5]])
    norm = pixels_to_norm(corners, (48, 64))
    assert norm.tolist() == [[0, 0], [1, 1], [0.5, 0.5]]
    assert torch.equal(norm_to_pixels(norm, (48, 64)), corners)


def test_norm_is_where_grid_sample_looks():
    image = torch.arange(48 * 64.0).view(1, 1, 48, 64)
    points = torch.tensor([[3.0, 7.0], [60.0, 0.0]])
    grid = 2 * pixels_to_norm(points, (48, 64)) - 1
    found = torch.nn.functional.grid_sample(
        image, grid[None, None], align_corners=False
    )
    assert torch.allclose(found.flatten(), torch.tensor([7 * 64 + 3.0, 60]))


def test_original_pixels_and_back():
    warp = np.array([[0.6, -0.8, 5], [0.8, 0.6, -3]], np.float32)
    points = torch.rand(2, 5, 2, generator=torch.Generator().manual_seed(0))
    points = 1000 * points
    norm = original_to_norm(points, warp, (480, 640))
    assert torch.allclose(
        norm_to_original(norm, warp, (480, 640)), points, atol=1e-2
    )
    first = warp[:, :2] @ points[0, 0].numpy() + warp[:, 2]
    assert torch.allclose(
        norm[0, 0], torch.tensor((first + 0.5) / [640, 480]).float()
    )
