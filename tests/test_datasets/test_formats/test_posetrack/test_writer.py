# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.posetrack import (
    POSETRACK15_KEYPOINTS,
    POSETRACK_PROBLEMS,
    PoseTrackWriter,
    check_exportable,
    read_videos,
)
from cape_mm.errors import DataError

# not in the order of the file
NAMES = sorted(POSETRACK15_KEYPOINTS)


def add_frame(writer, number, keypoints, written, ids):
    image = dict(
        frame_id=number,
        img_id=None,
        img_path=f'/data/images/val/walk/{number:06d}.jpg',
        num_frames=0,
        width=80,
        height=60,
        is_labeled=True,
    )
    writer.add(
        image,
        keypoints,
        written,
        np.full(written.shape, 0.5),
        np.array(ids),
        np.full(len(ids), 0.9),
    )


def test_what_is_written_is_read_back(tmp_path):
    keypoints = np.random.default_rng(0).uniform(1, 50, (3, 15, 2))
    written = np.ones((3, 15), bool)
    written[0, 4:] = False
    written[1] = False
    with PoseTrackWriter(tmp_path, 'walk', NAMES) as writer:
        add_frame(writer, 0, keypoints, written, [70001, 5, 8])
        add_frame(writer, 1, keypoints[:1], written[:1], [8])
        assert writer.finish() == tmp_path / 'walk.json'
    report = AnnotationReport('walk', problems=POSETRACK_PROBLEMS)
    videos = read_videos(str(tmp_path), NAMES, report)
    (frames,) = videos.values()
    assert list(videos) == ['walk'] and not report
    assert [frame['file_name'] for frame in frames] == [
        'images/val/walk/000000.jpg',
        'images/val/walk/000001.jpg',
    ]
    # a person without any keypoint is left out
    first, second = frames[0]['persons']
    for person, row in ((first, 0), (second, 2)):
        visible = person.keypoints[:, 2] == 2
        assert (visible == written[row]).all()
        found = person.keypoints[visible, :2]
        assert np.allclose(found, keypoints[row][visible], atol=1e-3)
    # tracks are numbered as they appear
    assert (first.track_id, second.track_id) == (0, 1)
    assert frames[1]['persons'][0].track_id == 1


def test_what_is_not_finite_is_named(tmp_path):
    keypoints, written = np.ones((1, 15, 2)), np.ones((1, 15), bool)
    keypoints[0, 3] = np.nan
    with PoseTrackWriter(tmp_path, 'walk', NAMES) as writer:
        with pytest.raises(DataError, match=f'0.jpg: .* of {NAMES[3]} is not'):
            add_frame(writer, 0, keypoints, written, [5])
        written[0, 3] = False
        add_frame(writer, 0, keypoints, written, [5])
        writer.finish()


def test_what_is_not_complete_is_removed(tmp_path):
    with PoseTrackWriter(tmp_path, 'walk', NAMES) as writer:
        assert not writer.target.exists()
    assert list(tmp_path.iterdir()) == []


def test_names_of_videos_and_keypoints_are_checked(tmp_path):
    with pytest.raises(ValueError, match="'a/b' is no name of a file"):
        PoseTrackWriter(tmp_path, 'a/b', NAMES)
    with pytest.raises(ValueError, match='keypoints nose, which'):
        check_exportable([name for name in NAMES if name != 'nose'])
