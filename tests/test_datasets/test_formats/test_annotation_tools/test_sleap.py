# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from cape_mm.datasets.formats.annotation_tools.sleap import write_sleap
from cape_mm.errors import DataError

sleap_io = pytest.importorskip('sleap_io')


@pytest.fixture
def fly():
    skeleton = sleap_io.Skeleton(
        nodes=['head', 'tail', 'wing'],
        edges=[('head', 'tail'), ('tail', 'wing')],
        name='fly',
    )

    def fly(*points, track=None, scores=None):
        """Points of a fly, labelled or with scores predicted."""
        points = np.array(points, float)
        if scores is None:
            return sleap_io.Instance.from_numpy(
                points, skeleton=skeleton, track=track
            )
        return sleap_io.PredictedInstance.from_numpy(
            points, skeleton=skeleton, point_scores=np.array(scores), score=0.8
        )

    return fly


@pytest.fixture
def images(tmp_path, image):
    """Three images as video."""
    paths = [tmp_path / 'flies' / f'{number}.png' for number in range(3)]
    for number, path in enumerate(paths):
        image(path, seed=number)
    return sleap_io.load_video([str(path) for path in paths])


def save(path, video, frames, **options):
    labels = sleap_io.Labels(
        [
            sleap_io.LabeledFrame(
                video=video, frame_idx=number, instances=instances
            )
            for number, instances in frames.items()
        ]
    )
    labels.save(str(path), **options)
    return path


NAN = float('nan')


def test_labels_of_image_lists_are_read(tmp_path, images, fly, read, report):
    labelled = fly([1, 2], [3.5, 4], [NAN, NAN], track=sleap_io.Track('a'))
    labelled.points['visible'][1] = False
    predicted = fly([1, 2], [3, 4], [5, 6], scores=[0.5, 0.6, 0.7])
    path = save(tmp_path / 'a.slp', images, {1: [labelled, predicted]})
    annotations = read(path)
    category = annotations.categories[1]
    assert category.name == 'fly'
    assert category.keypoint_names == ('head', 'tail', 'wing')
    assert category.skeleton == ((0, 1), (1, 2))
    (image,) = annotations.images
    assert image.name.endswith('1.png')
    (instance,) = image.instances
    assert instance.keypoints.tolist() == [[1, 2, 2], [3.5, 4, 1], [0, 0, 0]]
    assert instance.track_id == 0
    assert report.counts['predictions'] == 1


def test_predictions_keep_their_scores(tmp_path, images, fly, read):
    predicted = fly([1, 2], [3, 4], [5, 6], scores=[0.5, 0.6, 0.7])
    path = save(tmp_path / 'a.slp', images, {0: [predicted]})
    (instance,) = read(path).images[0].instances
    np.testing.assert_allclose(instance.keypoint_scores, [0.5, 0.6, 0.7])
    assert instance.score == pytest.approx(0.8)


def test_images_that_were_moved_are_found(tmp_path, images, fly, read):
    path = save(tmp_path / 'a.slp', images, {1: [fly([1, 2], [3, 4], [5, 6])]})
    (tmp_path / 'flies').rename(tmp_path / 'moved')
    (image,) = read(path).images
    assert image.name == 'moved/1.png'


def test_frames_of_videos_are_taken(tmp_path, fly, read):
    codec = cv2.VideoWriter_fourcc(*'MJPG')
    name = str(tmp_path / 'flies.avi')
    video = cv2.VideoWriter(name, codec, 5, (40, 30))
    for number in range(3):
        video.write(np.full((30, 40, 3), 100 * number, np.uint8))
    video.release()
    frames = {2: [fly([1, 2], [3, 4], [5, 6])]}
    path = save(tmp_path / 'a.slp', sleap_io.load_video(name), frames)
    (image,) = read(path).images
    assert (image.name, image.size) == ('flies/000002.png', (40, 30))
    assert abs(image.read_pixels().mean() - 200) < 5


def test_a_package_carries_its_images(tmp_path, images, fly, read):
    frames = {1: [fly([1, 2], [3, 4], [5, 6])]}
    path = save(tmp_path / 'a.pkg.slp', images, frames, embed='all')
    expected = cv2.imread(str(tmp_path / 'flies' / '1.png'))
    for number in range(3):
        (tmp_path / 'flies' / f'{number}.png').unlink()
    (image,) = read(path).images
    assert image.size == (40, 30)
    assert image.name == '0/000001.png'
    np.testing.assert_array_equal(image.read_pixels(), expected)


def test_a_video_that_is_gone_is_counted(tmp_path, images, fly, read):
    path = save(tmp_path / 'a.slp', images, {1: [fly([1, 2], [3, 4], [5, 6])]})
    (tmp_path / 'flies' / '1.png').unlink()
    with pytest.raises(DataError, match='1 images that are missing'):
        read(path)


def test_a_broken_file_is_named(tmp_path, read, write):
    path = write(tmp_path / 'a.slp', 'no HDF5')
    with pytest.raises(DataError, match=r'a\.slp has not the form of sleap'):
        read(path)


def test_a_missing_package_is_named(tmp_path, write, read, monkeypatch):
    monkeypatch.setitem(sys.modules, 'sleap_io', None)
    with pytest.raises(ImportError, match=r'sleap_io.*annotation-tools'):
        read(write(tmp_path / 'a.slp', ''))


@pytest.mark.parametrize('tool', ['coco', 'labelstudio', 'ultralytics'])
def test_what_sleap_io_writes_for_others_is_read(
    tmp_path, images, fly, read, tool
):
    points = [1.5, 2], [30, 4], [5, 26]
    (tmp_path / 'in').mkdir()
    save(tmp_path / 'in' / 'a.slp', images, {1: [fly(*points)]})
    labels = sleap_io.load_slp(str(tmp_path / 'in' / 'a.slp'))
    path = tmp_path / 'flies' / 'export.json'
    if tool == 'ultralytics':
        path = tmp_path / 'yolo'
        sleap_io.save_ultralytics(labels, str(path), split_ratios={'train': 1})
    else:
        getattr(sleap_io, f'save_{tool}')(labels, str(path))
    annotations = read(path)
    category = annotations.categories[1]
    assert set(category.keypoint_names) == {'head', 'tail', 'wing'}
    order = [*map(category.keypoint_names.index, ('head', 'tail', 'wing'))]
    ((instance,),) = (image.instances for image in annotations.images)
    np.testing.assert_allclose(
        instance.keypoints[order, :2], points, atol=1e-4
    )
    if tool != 'labelstudio':  # which has none
        assert category.skeleton == ((0, 1), (1, 2))


def test_written_labels_are_read_again(mugs, tmp_path, read, assert_same):
    for entry in mugs.images:
        entry.instances[0].track_id = 4
    write_sleap(mugs, tmp_path / 'out')
    found = read(tmp_path / 'out')
    assert_same(found, mugs, boxes=False)
    assert found.categories[1].skeleton == ((0, 1), (1, 2))
    assert found.images[0].instances[0].track_id == 0


def test_written_predictions_are_those_of_sleap_io(
    predicted, tmp_path, image, read, assert_same
):
    image(predicted.images[9].path, 50, 60)
    predicted.images[9].size = (50, 60)
    write_sleap(predicted, tmp_path / 'out')
    labels = sleap_io.load_slp(str(tmp_path / 'out' / 'labels.slp'))
    assert [video.shape for video in labels.videos] == [
        *((9, 30, 40, 3), (1, 60, 50, 3)),
    ], 'images of one size are a video'
    frame = labels[3]
    assert frame.image.shape == (30, 40, 3)
    first, second = frame.instances
    assert isinstance(first, sleap_io.PredictedInstance)
    assert labels.skeleton.node_names == ['rim left', 'rim right', 'handle']
    assert labels.skeleton.edge_inds == [(0, 1), (1, 2)]
    np.testing.assert_allclose(
        second.numpy(), [[25, 26], [30, 27.5], [np.nan, np.nan]]
    )
    np.testing.assert_allclose(second.points['score'], [0.5, 0.25, 0])
    assert second.score == 0.5
    assert_same(read(tmp_path / 'out'), predicted, boxes=False)


def test_keypoints_of_one_name_are_numbered(mugs, tmp_path):
    names = ('rim', 'rim', 'handle')
    mugs.categories[7] = replace(mugs.categories[7], keypoint_names=names)
    write_sleap(mugs, tmp_path)
    labels = sleap_io.load_slp(str(tmp_path / 'labels.slp'))
    assert labels.skeleton.node_names == ['rim', 'rim_2', 'handle']
