# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.registry import MODELS
from cape_mm.structures import ClipDataSample

MEAN, STD = [10.0, 20.0, 30.0], [2.0, 4.0, 5.0]


def make_item(number, index=((0, 1, 2),), size=(8, 6)):
    index = np.array(index)
    count = index.max() + 1
    generator = torch.Generator().manual_seed(number)
    images = torch.randint(0, 256, (count, 3, *size), generator=generator)
    sample = ClipDataSample(
        metainfo=dict(video_id=str(number), frame_index=index)
    )
    sample.frames = []
    for frame in range(count):
        packed = PoseDataSample(metainfo=dict(frame_id=frame))
        packed.gt_instance_labels = InstanceData(
            keypoints=torch.full((2, 15, 2), float(frame))
        )
        sample.frames = [*sample.frames, packed]
    return dict(inputs=images.to(torch.uint8), data_samples=sample)


def process(*items, **kwargs):
    cfg = dict(
        type='cape_mm.ClipDataPreprocessor',
        mean=MEAN,
        std=STD,
        bgr_to_rgb=True,
        **kwargs,
    )
    return MODELS.build(cfg)(pseudo_collate(list(items)))


def normalised(item):
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))
    return (item['inputs'].flip(1).float() - mean) / std


def test_equal_clips_are_stacked():
    items = [make_item(n, ((0, 1, 2), (1, 2, 3))) for n in range(2)]
    out = process(*items)
    inputs, samples = out['inputs'], out['data_samples']
    assert inputs['frames'].shape == (2, 4, 3, 8, 6)
    assert inputs['valid'].all() and inputs['frame_valid'].all()
    assert inputs['frame_index'].tolist() == [[[0, 1, 2], [1, 2, 3]]] * 2
    assert inputs['frame_index'].dtype == torch.int64
    for row, item in enumerate(items):
        assert torch.allclose(inputs['frames'][row], normalised(item))
        assert samples[row].video_id == str(row)
        for number, frame in enumerate(samples[row].frames):
            assert frame.frame_id == number
            assert frame.batch_input_shape == (8, 6)
            assert (frame.gt_instance_labels.keypoints == number).all()


def test_images_are_padded_at_the_right_and_bottom():
    items = [make_item(0, size=(8, 6)), make_item(1, size=(5, 9))]
    inputs = process(*items, pad_size_divisor=4, pad_value=-7)['inputs']
    assert inputs['frames'].shape == (2, 3, 3, 8, 12)
    for row, (height, width) in enumerate(((8, 6), (5, 9))):
        valid = torch.zeros(3, 8, 12, dtype=torch.bool)
        valid[:, :height, :width] = True
        assert torch.equal(inputs['valid'][row], valid)
        found = inputs['frames'][row]
        expected = normalised(items[row])
        assert torch.allclose(found[:, :, :height, :width], expected)
        outside = ~valid[:, None].expand_as(found)
        assert (found[outside] == -7).all()


def test_clips_of_fewer_frames_repeat_the_last_one():
    items = [make_item(0, ((0, 1, 1),)), make_item(1, ((0, 1, 2),))]
    inputs = process(*items)['inputs']
    assert inputs['frame_valid'].tolist() == [
        [True, True, False],
        [True, True, True],
    ]
    assert not inputs['valid'][0, 2].any() and inputs['valid'][0, :2].all()
    frames = inputs['frames'][0]
    assert torch.equal(frames[2], frames[1])
    assert torch.allclose(frames[:2], normalised(items[0]))


def test_batch_of_two_equals_two_batches_of_one():
    items = [make_item(0, ((0, 1, 1),)), make_item(1, size=(4, 4))]
    both = process(*items)['inputs']
    for row, item in enumerate(items):
        alone = process(item)['inputs']
        valid = both['valid'][row]
        kept = both['frames'][row].movedim(1, -1)[valid]
        assert torch.equal(
            kept, alone['frames'][0].movedim(1, -1)[alone['valid'][0]]
        )


def test_unlike_clips_are_refused():
    with pytest.raises(ValueError, match=r'\(1, 3\), \(2, 3\)'):
        process(make_item(0), make_item(1, ((0, 1, 2), (1, 2, 2))))
    item = make_item(0)
    item['inputs'] = item['inputs'][:2]
    with pytest.raises(ValueError, match='video 0 has 2 images, but 3'):
        process(item)


def test_items_of_the_batch_are_not_changed():
    item = make_item(0)
    process(item)
    assert 'batch_input_shape' not in item['data_samples'].frames[0]
