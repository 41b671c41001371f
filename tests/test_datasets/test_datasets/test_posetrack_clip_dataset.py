# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from support.clip_samples import (
    AUGMENTING,
    PLAIN,
    make_content,
    person_points,
    to_annolist,
    track_id,
    write_images,
    write_videos,
)

from cape_mm.datasets.formats.posetrack import keypoint_names
from cape_mm.datasets.samplers import SampleIndex
from cape_mm.registry import DATASETS
from cape_mm.structures.coordinates import norm_to_original

KEPT = [0, 1, 2, *range(5, 17)]


def build(cfg, **kwargs):
    return DATASETS.build(dict(dict(cfg, pipeline=PLAIN), **kwargs))


def frame_ids(sample):
    ids = np.array([frame.frame_id for frame in sample.frames])
    return ids[sample.frame_index]


@pytest.mark.parametrize('num_frames', [1, 3, 5])
@pytest.mark.parametrize('num_windows', [1, 2, 3])
def test_shapes_and_middle_frames(num_windows, num_frames, tmp_path):
    cfg = write_videos(tmp_path)
    dataset = build(cfg, num_windows=num_windows, num_frames=num_frames)
    starts = set()
    for item in (dataset[i] for i in range(len(dataset))):
        sample = item['data_samples']
        ids = frame_ids(sample)
        assert ids.shape == (num_windows, num_frames)
        assert item['inputs'].shape == (len(sample.frames), 3, 48, 64)
        assert item['inputs'].dtype == torch.uint8
        assert len(set(ids.ravel())) == len(sample.frames)
        middle = ids[:, num_frames // 2]
        assert (np.diff(middle) == 1).all()
        length = sample.frames[0].num_frames
        half = num_frames // 2
        expected = middle[:, None] + np.arange(-half, half + 1)
        assert np.array_equal(ids, expected.clip(0, length - 1))
        assert [frame.frame_id for frame in sample.centers] == middle.tolist()
        assert {frame.video_id for frame in sample.frames} == {sample.video_id}
        starts.add((sample.video_id, middle[0]))
    # each possible start once
    assert len(starts) == len(dataset) == 6 + 4 - 2 * (num_windows - 1)


def test_each_frame_has_its_own_image_and_persons(tmp_path):
    dataset = build(write_videos(tmp_path), num_windows=2)
    for i in range(len(dataset)):
        item = dataset[i]
        for image, frame in zip(item['inputs'], item['data_samples'].frames):
            loaded = cv2.imread(frame.img_path)
            assert np.array_equal(image.numpy().transpose(1, 2, 0), loaded)
            gt, labels = frame.gt_instances, frame.gt_instance_labels
            assert gt.track_ids.tolist() == [track_id(n) for n in range(3)]
            assert gt.track_ids.tolist() == labels.track_ids.tolist()
            for number in range(3):
                points = person_points(number, frame.frame_id)[KEPT, :2]
                assert np.allclose(gt.keypoints[number], points)
                back = norm_to_original(
                    labels.keypoints[number], frame.warp_mat, frame.img_shape
                )
                visible = labels.keypoints_visible[number] > 0
                assert np.allclose(back[visible], points[visible], atol=1e-3)
            assert frame.is_labeled and frame.ori_shape == (48, 64)
            assert frame.img_id % 100 == frame.frame_id
            assert np.array_equal(
                frame.ignore_regions[0], [[0, 0], [5, 0], [5, 5]]
            )


def test_identities_survive_augmentation(tmp_path):
    dataset = build(
        write_videos(tmp_path), pipeline=AUGMENTING, num_windows=2, max_gap=3
    )
    dropped = 0
    flip = dataset.metainfo['flip_indices']
    for epoch in range(12):
        item = dataset[SampleIndex(0, epoch, 0)]
        frames = item['data_samples'].frames
        for frame in frames:
            assert np.array_equal(frame.warp_mat, frames[0].warp_mat)
            warp = frame.warp_mat.astype(float)
            labels = frame.gt_instance_labels
            dropped += 3 - len(labels.track_ids)
            assert frame.gt_instances.track_ids.tolist() == (
                labels.track_ids.tolist()
            )
            for row, identity in enumerate(labels.track_ids.tolist()):
                number = (identity - 3) // 7
                points = person_points(number, frame.frame_id)[KEPT, :2]
                if np.linalg.det(warp[:, :2]) < 0:
                    points = points[flip]
                height, width = frame.img_shape
                expected = points @ warp[:, :2].T + warp[:, 2] + 0.5
                visible = labels.keypoints_visible[row].numpy() > 0
                found = labels.keypoints[row].numpy() * [width, height]
                assert visible.any()
                assert np.allclose(
                    found[visible], expected[visible], atol=1e-2
                )
                assert not found[~visible].any()
    assert dropped > 0


def test_unlabelled_frames_are_neighbours_but_no_middle(tmp_path):
    cfg = write_videos(tmp_path, (8,), unlabelled=[0, 1, 4, 7])
    dataset = build(cfg, num_windows=2)
    found = set()
    for i in range(len(dataset)):
        sample = dataset[i]['data_samples']
        for frame in sample.frames:
            assert frame.is_labeled == (frame.frame_id not in (0, 1, 4, 7))
            count = 3 if frame.is_labeled else 0
            assert len(frame.gt_instances.track_ids) == count
            assert frame.gt_instance_labels.keypoints.shape == (count, 15, 2)
        assert all(frame.is_labeled for frame in sample.centers)
        found.add(tuple(f.frame_id for f in sample.centers))
    assert found == {(2, 3), (3, 5), (5, 6)}


def test_test_mode_goes_through_all_frames_in_order(tmp_path):
    cfg = write_videos(tmp_path, (3, 2), unlabelled=[1])
    dataset = build(cfg, test_mode=True, num_frames=3)
    assert len(dataset) == 5 and dataset.video_lengths == [3, 2]
    found = []
    for i in range(len(dataset)):
        sample = dataset[i]['data_samples']
        (center,) = sample.centers
        found.append((sample.video_id, frame_ids(sample)[0].tolist()))
        assert center.num_frames == dataset.video_lengths[i > 2]
        assert center.is_labeled == (center.frame_id != 1)
    assert found == [
        ('000001_a', [0, 0, 1]),
        ('000001_a', [0, 1, 2]),
        ('000001_a', [1, 2, 2]),
        ('000002_b', [0, 0, 1]),
        ('000002_b', [0, 1, 1]),
    ]
    with pytest.raises(IndexError, match='sample 5 of .* does not exist'):
        dataset[5]


def test_merged_file_gives_the_same(tmp_path):
    parts = build(write_videos(tmp_path / 'a'), test_mode=True)
    whole = build(write_videos(tmp_path / 'b', merged=True), test_mode=True)
    assert len(parts) == len(whole)
    for i in range(len(parts)):
        one, other = parts[i]['data_samples'], whole[i]['data_samples']
        assert one.video_id == other.video_id
        for a, b in zip(one.frames, other.frames):
            assert np.array_equal(
                a.gt_instances.keypoints, b.gt_instances.keypoints
            )


def test_posetrack17_is_read_by_the_same_type(tmp_path):
    content = make_content('000001_a', 4)
    old = to_annolist(content)
    for image, entry in zip(content['images'], old['annolist']):
        image['file_name'] = entry['image'][0]['name']
    write_images(tmp_path, content)
    (tmp_path / '000001_bonn.json').write_text(json.dumps(old))
    dataset = build(
        dict(
            type='cape_mm.PoseTrackClipDataset',
            data_root=str(tmp_path),
            ann_file='000001_bonn.json',
        ),
        test_mode=True,
    )
    sample = dataset[3]['data_samples']
    assert sample.video_id == '000001'
    (center,) = sample.centers
    assert center.frame_id == 3 and center.img_path.endswith('00000004.png')
    points = person_points(2, 3)[KEPT, :2]
    assert np.allclose(center.gt_instances.keypoints[2], points)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.15 * (high - low)
    assert np.allclose(
        center.gt_instances.bboxes[2], [*(low - margin), *(high + margin)]
    )


def test_layout_of_17_keypoints(tmp_path):
    dataset = build(write_videos(tmp_path), keypoint_layout='posetrack18')
    (frame,) = dataset[0]['data_samples'].centers
    assert frame.gt_instances.keypoints.shape == (3, 17, 2)
    assert not frame.gt_instances.keypoints_visible[:, [3, 4]].any()
    names = dataset.metainfo['keypoint_id2name']
    assert [names[i] for i in range(17)] == list(keypoint_names('posetrack18'))


def test_missing_images_are_an_error_or_dropped(tmp_path):
    cfg = write_videos(tmp_path)
    (tmp_path / 'images/000001_a/000002.png').unlink()
    with pytest.raises(FileNotFoundError, match='1 of 10 images.*000002'):
        build(cfg)
    dataset = build(cfg, missing_images='drop', test_mode=True)
    assert dataset.video_lengths == [5, 4]
    sample = dataset[2]['data_samples']
    assert [f.img_path[-6:-4] for f in sample.frames] == ['03', '04']
    assert frame_ids(sample).tolist() == [[2, 2, 3]]


def test_wrong_images_are_named(tmp_path):
    dataset = build(write_videos(tmp_path), test_mode=True)
    path = tmp_path / 'images/000001_a/000000.png'
    cv2.imwrite(str(path), np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(ValueError, match='000000.png has 30 x 20.*64 x 48'):
        dataset[0]
    path.write_bytes(b'no image')
    with pytest.raises(ValueError, match='000000.png. cannot be read'):
        dataset[0]


def test_images_of_one_video_have_one_size(tmp_path):
    cfg = write_videos(tmp_path, (3,))
    (path,) = (tmp_path / 'annotations/train').iterdir()
    content = json.loads(path.read_text())
    for image in content['images']:
        del image['width'], image['height']
    path.write_text(json.dumps(content))
    cv2.imwrite(
        str(tmp_path / 'images/000001_a/000001.png'),
        np.zeros((20, 30, 3), np.uint8),
    )
    with pytest.raises(ValueError, match='000001.png has 30 x 20 .* other th'):
        build(cfg)[0]


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(num_frames=2), 'num_frames is 2; .* must be odd'),
        (dict(num_windows=0), 'num_windows is 0, must be >= 1'),
        (dict(seed=-1), 'seed is -1'),
        (dict(num_windows=2, test_mode=True), 'in test mode.*num_windows=1'),
        (dict(max_gap=0), 'max_gap is 0, must be >= 1'),
        (dict(frame_stride=0), 'frame_stride is 0'),
        (dict(clips_per_epoch=0), 'clips_per_epoch is 0'),
        (dict(hidden_keypoints='x'), "'keep' or 'drop', not 'x'"),
        (dict(missing_images='x'), "'error' or 'drop', not 'x'"),
        (dict(keypoint_layout='x'), "no keypoint layout 'x'"),
    ],
)
def test_wrong_arguments_are_named(kwargs, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        build(write_videos(tmp_path), **kwargs)


def test_nothing_to_train_on_is_an_error_in_training_only(tmp_path):
    cfg = write_videos(tmp_path, (3,), unlabelled=[0, 1, 2])
    with pytest.raises(ValueError, match='no labelled frame.*test_mode=True'):
        build(cfg)
    assert len(build(cfg, test_mode=True)) == 3


def test_frames_alone_are_no_videos(tmp_path):
    with pytest.raises(NotImplementedError, match='cannot be cut'):
        build(write_videos(tmp_path)).get_subset(3)


def test_description_counts_videos_frames_and_poses(tmp_path):
    text = build(write_videos(tmp_path), num_windows=2).describe()
    assert '2 videos, 10 frames, 10 of them labelled, with 30 poses' in text
    assert 'clips per epoch: 8' in text


@pytest.mark.parametrize('ann', ['val_fixture', 'posetrack_mini_val.json'])
def test_real_frames_of_posetrack18(ann, posetrack_mini):
    dataset = build(
        dict(
            type='cape_mm.PoseTrackClipDataset',
            data_root=str(posetrack_mini),
            ann_file=f'annotations/{ann}',
        ),
        test_mode=True,
    )
    assert len(dataset) == 3
    persons, regions = {}, {}
    for i in range(3):
        (center,) = dataset[i]['data_samples'].centers
        persons[center.video_id] = center.gt_instances.track_ids.tolist()
        regions[center.video_id] = len(center.ignore_regions)
        assert np.isfinite(center.gt_instances.bbox_head).all()
    assert persons == {
        '003418_mpii_test': [0],
        '009473_mpii_test': [0, 1],
        '012834_mpii_test': list(range(11)),
    }
    assert regions == {
        '003418_mpii_test': 9,
        '009473_mpii_test': 2,
        '012834_mpii_test': 4,
    }
    # one frame per video: three times the same
    assert dataset[0]['data_samples'].frame_index.tolist() == [[0, 0, 0]]


def test_real_unlabelled_frames(posetrack_mini):
    dataset = build(
        dict(
            type='cape_mm.PoseTrackClipDataset',
            data_root=str(posetrack_mini),
            ann_file='annotations/unlabelled_frames.json',
        ),
        test_mode=True,
        num_frames=5,
    )
    found = [frame_ids(dataset[i]['data_samples'])[0].tolist() for i in (0, 2)]
    assert found == [[0, 0, 0, 1, 2], [0, 1, 2, 3, 4]]
    (center,) = dataset[2]['data_samples'].centers
    assert not center.is_labeled and len(center.gt_instances.track_ids) == 0
