# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from support.clip_samples import AUGMENTING, PLAIN

from cape_mm.datasets.datasets import StaticImageClipDataset
from cape_mm.datasets.formats.posetrack import keypoint_names
from cape_mm.datasets.samplers import SampleIndex
from cape_mm.registry import DATASETS
from cape_mm.structures.coordinates import norm_to_original

COCO = keypoint_names('coco')


@pytest.fixture
def coco(tmp_path):
    """Two images: two persons in one, an unlabelled one in the other."""
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number, persons in enumerate((2, 1)):
        name = f'image_{"ab"[number]}.png'
        pixels = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / name), pixels)
        images.append(dict(id=number, file_name=name, width=80, height=60))
        for person in range(persons):
            x = 30 + 20 * person + np.arange(17) % 4
            points = np.column_stack(
                [x, 20 + np.arange(17), np.full(17, 2 * (number == 0))]
            )
            annotations.append(
                dict(
                    id=10 * number + person,
                    image_id=number,
                    category_id=1,
                    iscrowd=0,
                    area=100.0,
                    bbox=[float(x.min()), 20.0, 4.0, 17.0],
                    keypoints=points.ravel().tolist(),
                )
            )
    categories = [dict(id=1, name='person', keypoints=list(COCO))]
    content = dict(
        images=images, annotations=annotations, categories=categories
    )
    (tmp_path / 'coco.json').write_text(json.dumps(content))

    def build(**kwargs):
        return DATASETS.build(
            dict(
                dict(
                    type='cape_mm.StaticImageClipDataset',
                    data_root=str(tmp_path),
                    ann_file='coco.json',
                    pipeline=PLAIN,
                    num_windows=2,
                ),
                **kwargs,
            )
        )

    return build


@pytest.mark.parametrize('num_windows, num_frames', [(1, 1), (2, 3), (3, 5)])
def test_windows_overlap_as_those_of_videos(num_windows, num_frames, coco):
    dataset = coco(num_windows=num_windows, num_frames=num_frames)
    assert len(dataset) == 1
    item = dataset[0]
    sample = item['data_samples']
    expected = np.arange(num_windows)[:, None] + np.arange(num_frames)
    assert np.array_equal(sample.frame_index, expected)
    assert len(item['inputs']) == num_windows + num_frames - 1
    assert sample.video_id == '0'


def test_the_middle_is_the_image_and_others_move(coco):
    item = coco()[0]
    sample = item['data_samples']
    still = sample.centers[1]
    loaded = cv2.imread(still.img_path)
    index = sample.frame_index[1, 1]
    assert np.array_equal(
        item['inputs'][index].numpy(), loaded.transpose(2, 0, 1)
    )
    assert np.allclose(still.warp_mat, np.eye(3)[:2])
    matrices = [frame.warp_mat for frame in sample.frames]
    for a in range(len(matrices)):
        for b in range(a):
            assert not np.allclose(matrices[a], matrices[b], atol=1e-3)


def test_labels_follow_the_motion_and_originals_stay(coco):
    dataset = coco(pipeline=AUGMENTING[:4] + AUGMENTING[-2:])
    for epoch in range(5):
        sample = dataset[SampleIndex(0, epoch, 0)]['data_samples']
        for frame in sample.frames:
            mirrored = np.linalg.det(frame.warp_mat[:, :2]) < 0
            flip = dataset.metainfo['flip_indices']
            labels, gt = frame.gt_instance_labels, frame.gt_instances
            back = norm_to_original(
                labels.keypoints, frame.warp_mat, frame.img_shape
            ).numpy()
            expected = gt.keypoints[:, flip] if mirrored else gt.keypoints
            visible = labels.keypoints_visible.numpy() > 0
            assert np.allclose(back[visible], expected[visible], atol=1e-2)
            assert set(gt.track_ids) <= {0, 1}


def test_head_and_neck_are_not_invented(coco):
    names = keypoint_names('posetrack15')
    (frame, _) = coco()[0]['data_samples'].centers
    visible = frame.gt_instances.keypoints_visible
    missing = [i for i, name in enumerate(names) if 'head' in name]
    assert not visible[:, missing].any()
    assert visible.sum() == 2 * 13
    assert np.isnan(frame.gt_instances.bbox_head).all()
    assert coco(keypoint_layout='coco')[0]['data_samples'].frames[
        0
    ].gt_instances.keypoints.shape == (2, 17, 2)


def test_items_are_determined_and_epochs_differ(coco):
    one, other = coco(), coco()
    a, b = one[SampleIndex(0, 3, 0)], other[SampleIndex(0, 3, 0)]
    assert torch.equal(a['inputs'], b['inputs'])
    c = one[SampleIndex(0, 4, 0)]
    assert not torch.equal(a['inputs'], c['inputs'])


def test_in_test_an_image_is_a_video_that_stands_still(coco):
    dataset = coco(test_mode=True, num_windows=1)
    # also the image without usable person
    assert len(dataset) == 2 and dataset.video_lengths == [1, 1]
    item = dataset[1]
    assert item['inputs'].shape == (1, 3, 60, 80)
    sample = item['data_samples']
    assert sample.frame_index.tolist() == [[0, 0, 0]]
    (center,) = sample.centers
    assert (center.frame_id, center.num_frames) == (0, 1)
    assert len(center.ignore_bboxes) == 1


def test_missing_files_are_named(coco, tmp_path):
    (tmp_path / 'image_b.png').unlink()
    with pytest.raises(FileNotFoundError, match='1 of 2 images.*image_b'):
        coco()
    assert len(coco(missing_images='drop')) == 1
    with pytest.raises(FileNotFoundError, match='nothing.json does not exist'):
        coco(ann_file='nothing.json')


def test_real_images_of_coco(body_coco_mini):
    dataset = DATASETS.build(
        dict(
            type='cape_mm.StaticImageClipDataset',
            data_root=str(body_coco_mini),
            ann_file='annotations/test_coco.json',
            data_prefix=dict(img='images/'),
            pipeline=PLAIN,
            num_windows=2,
        )
    )
    assert len(dataset) == 4
    assert 'with 12 poses' in dataset.describe()
    for i in range(4):
        item = dataset[i]
        assert len(item['inputs']) == 4
        for frame in item['data_samples'].centers:
            labels = frame.gt_instance_labels
            visible = labels.keypoints_visible > 0
            assert visible.any(dim=1).all()
            assert ((labels.keypoints >= 0) & (labels.keypoints <= 1)).all()


def moves_of(num_frames, still, seed, **limits):
    dataset = StaticImageClipDataset('x.json', lazy_init=True, **limits)
    rng = np.random.default_rng(seed)
    return dataset.draw_moves(num_frames, still, rng)


def test_the_still_frame_does_not_move_and_limits_are_kept():
    limits = np.array([np.deg2rad(5), 0.02, 0.02, 0.03])
    for seed in range(20):
        moves = moves_of(
            5, 2, seed, rotation=5, shift=0.02, scale=0.03, shake=0
        )
        assert (moves[2] == 0).all()
        steps = np.diff(moves, axis=0)
        assert np.allclose(steps, steps[0])
        assert (np.abs(steps) <= limits).all() and np.abs(steps).min() > 0


def test_shake_differs_from_frame_to_frame():
    moves = moves_of(6, 0, 0, rotation=5, shift=0.02, scale=0.03, shake=0.1)
    assert (moves[0] == 0).all()
    assert np.ptp(np.diff(moves, axis=0), axis=0).min() > 0
