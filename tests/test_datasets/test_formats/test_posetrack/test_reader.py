# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import numpy as np
import pytest
from support.clip_samples import (
    NAMES,
    make_content,
    person_points,
    to_annolist,
)

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.posetrack import (
    POSETRACK_PROBLEMS,
    keypoint_names,
    read_videos,
)

KEYPOINTS = keypoint_names('posetrack15')
KEPT = [NAMES.index(name) for name in KEYPOINTS]


@pytest.fixture
def read(tmp_path):
    """Write contents, read them; the report is left on the function."""

    def call(single=None, names=KEYPOINTS, **contents):
        for name, content in contents.items():
            (tmp_path / f'{name}.json').write_text(json.dumps(content))
        path = tmp_path
        if single is not None:
            path = tmp_path / f'{single}.json'
        call.report = AnnotationReport(str(path), problems=POSETRACK_PROBLEMS)
        return read_videos(str(path), names, call.report)

    return call


def test_posetrack18_keeps_every_value(read):
    videos = read(video_a=make_content('000001_a', 3, unlabelled=[1]))
    frames = videos.pop('video_a')
    assert not videos
    assert [frame['frame_number'] for frame in frames] == [0, 1, 2]
    assert [f['is_labeled'] for f in frames] == [True, False, True]
    frame = frames[2]
    assert frame['file_name'] == 'images/000001_a/000002.png'
    assert frame['size'] == (64, 48) and frame['img_id'] == 10**10 + 2
    assert np.array_equal(frame['ignore_regions'][0], [[0, 0], [5, 0], [5, 5]])
    assert [person.track_id for person in frame['persons']] == [3, 10, 17]
    points = person_points(1, 2)
    person = frame['persons'][1]
    assert np.allclose(person.keypoints[:, :2], points[KEPT, :2])
    assert (person.keypoints[:, 2] == 2).all()
    x, y = points[0, :2]
    assert np.allclose(person.bbox, [x - 1, y - 1, x + 5, y + 27])
    assert np.allclose(person.head_box, [x - 1, y - 1, x + 4, y + 3])
    assert not read.report


def test_posetrack17_says_the_same_as_posetrack18(read):
    content = make_content('000001_a', 3, unlabelled=[0])
    ((new_id, new),) = read('new', new=content).items()
    ((old_id, old),) = read('old', old=to_annolist(content)).items()
    assert [frame['frame_number'] for frame in old] == [1, 2, 3]
    assert old_id == '000001' and new_id == '000001_a'
    for one, other in zip(new, old):
        assert one['is_labeled'] == other['is_labeled']
        assert np.array_equal(one['ignore_regions'], other['ignore_regions'])
        assert len(one['persons']) == len(other['persons'])
        for a, b in zip(one['persons'], other['persons']):
            assert np.allclose(a.keypoints, b.keypoints)
            assert np.allclose(a.head_box, b.head_box)
            assert a.track_id == b.track_id
            assert b.bbox is None


def test_posetrack17_hidden_bare_and_missing_values(read):
    entry = dict(
        image=dict(name='images/x/00000004.jpg'),
        annorect=[
            dict(
                track_id=5,
                annopoints=dict(
                    point=[
                        dict(id=13, x=1.5, y=2, is_visible=0),
                        dict(id=[0], x=[3], y=[4]),
                    ]
                ),
            ),
            dict(x1=[9], x2=[4], y1=[1], y2=[8], track_id=[], annopoints=[]),
        ],
    )
    empty = dict(image=[dict(name='images/x/00000005.jpg')], annorect=[])
    (frames,) = read(a=dict(annolist=[empty, entry])).values()
    first, second = frames
    assert (first['frame_number'], second['frame_number']) == (4, 5)
    assert first['is_labeled'] and not second['is_labeled']
    hidden, box_only = first['persons']
    nose, ankle = KEYPOINTS.index('nose'), KEYPOINTS.index('right_ankle')
    assert hidden.keypoints[nose].tolist() == [1.5, 2, 1]
    assert hidden.keypoints[ankle].tolist() == [3, 4, 2]
    assert hidden.head_box is None and hidden.track_id == 5
    assert box_only.head_box.tolist() == [4, 1, 9, 8]
    assert box_only.track_id is None and not box_only.keypoints.any()


def test_names_decide_not_positions(read):
    content = make_content('000001_a', 1, persons=1)
    order = np.random.default_rng(0).permutation(17)
    category, annotation = content['categories'][0], content['annotations'][0]
    category['keypoints'] = [NAMES[i] for i in order]
    points = np.reshape(annotation['keypoints'], (17, 3))[order]
    annotation['keypoints'] = points.ravel().tolist()
    (frames,) = read(a=content).values()
    found = frames[0]['persons'][0].keypoints[:, :2]
    assert np.allclose(found, person_points(0, 0)[KEPT, :2])
    (frames,) = read(a=content, names=keypoint_names('posetrack18')).values()
    found = frames[0]['persons'][0].keypoints
    assert np.allclose(found[:, :2], person_points(0, 0)[:, :2])
    assert (found[[3, 4]] == 0).all()


def test_a_place_without_flag_is_hidden_and_no_place_unlabelled(read):
    content = make_content('000001_a', 1, persons=1)
    points = np.reshape(content['annotations'][0]['keypoints'], (17, 3))
    points[0, 2], points[1, 2] = 0, 2
    points[2] = 0
    content['annotations'][0]['keypoints'] = points.ravel().tolist()
    (frames,) = read(a=content).values()
    states = frames[0]['persons'][0].keypoints[:, 2]
    assert states[:4].tolist() == [1, 2, 0, 2]


def test_posetrack21_persons_may_have_a_box_only(read):
    content = make_content('000001_a', 1, persons=2)
    content['annotations'][0].update(keypoints=[], person_id=12)
    del content['annotations'][1]['keypoints']
    (frames,) = read(a=content).values()
    for person in frames[0]['persons']:
        assert not person.keypoints.any() and person.bbox is not None


def test_merged_files_are_parted_by_folder(read):
    contents = [make_content(name, 2) for name in ('000002_x', '000002_y')]
    for offset, content in enumerate(contents):
        for item in content['images']:
            item['id'] += 50 * offset
        for item in content['annotations']:
            item['image_id'] += 50 * offset
    merged = dict(
        images=contents[0]['images'] + contents[1]['images'][::-1],
        annotations=contents[0]['annotations'] + contents[1]['annotations'],
        categories=contents[0]['categories'],
    )
    videos = read('all', all=merged)
    # both have vid_id 000002: the folder separates them
    assert list(videos) == ['000002_x', '000002_y']
    assert [f['frame_number'] for f in videos['000002_y']] == [0, 1]
    assert all(len(f['persons']) == 3 for v in videos.values() for f in v)


def test_equal_folder_names_need_their_parents(read):
    content = make_content('000001_a', 2)
    for folder, image in zip(('train', 'val'), content['images']):
        image['file_name'] = f'{folder}/000001_a/000000.png'
    videos = read('all', all=content)
    assert list(videos) == ['train_000001_a', 'val_000001_a']


def broken(edit):
    content = make_content('000001_a', 2)
    edit(content)
    return content


@pytest.mark.parametrize(
    'edit, message',
    [
        (
            lambda c: c['categories'][0]['keypoints'].remove('nose'),
            'lacks the keypoints nose; it has head_bottom.*keypoint_layout',
        ),
        (lambda c: c['categories'].clear(), '0 categories'),
        (
            lambda c: c['annotations'][1]['keypoints'].pop(),
            r'annotation \d+: keypoints has 50 entries, must have 51',
        ),
        (
            lambda c: c['annotations'][1]['keypoints'].__setitem__(0, np.nan),
            'annotation .*: x of keypoint 0 is nan, not a number',
        ),
        (
            lambda c: c['annotations'][0].update(bbox=[1, 2, 3]),
            r'bbox has 3 entries, must have 4: \[1, 2, 3\]',
        ),
        (
            lambda c: c['images'][0].update(ignore_regions_x=[[1, 2]]),
            'image 10000000000: ignore_regions_x and ignore_regions_y',
        ),
        (
            lambda c: c['images'][0].update(
                ignore_regions_x=[0, 9, 9], ignore_regions_y=[0, 0, 9]
            ),
            r'image 10000000000: .* a single one: \[\[0, 96, 96\]\]',
        ),
        (
            lambda c: c['images'][0].update(file_name='images/a/first.png'),
            "'images/a/first.png' has no number; name images by",
        ),
        (
            lambda c: c['images'][1].update(
                file_name='images/000001_a/000000.jpg'
            ),
            'both frame 0 of video broken; remove one',
        ),
        (lambda c: c['images'][1].pop('file_name'), 'image number 1 has no'),
    ],
)
def test_broken_posetrack18_files_are_named(edit, message, read):
    with pytest.raises(ValueError, match='broken.json') as error:
        read(broken=broken(edit))
    assert error.match(message)


@pytest.mark.parametrize(
    'entry, message',
    [
        (dict(annorect=[]), 'entry 0 of annolist has no image name'),
        (
            dict(annorect=[dict(annopoints=[dict(point=[dict(id=[2])])])]),
            'annorect 0 has a point without place',
        ),
        (
            dict(
                annorect=[dict(annopoints=dict(point=dict(id=15, x=1, y=1)))]
            ),
            'annorect 0 has keypoint id 15; PoseTrack17 has 0 to 14',
        ),
        (dict(annorect=[dict(x1=[1, 2])]), 'has a list of 2 where'),
        (dict(annorect=[dict(x1='a')]), "x1 is 'a', not a number"),
    ],
)
def test_broken_posetrack17_files_are_named(entry, message, read):
    if message.find('image name') < 0:
        entry = dict(entry, image=[dict(name='a/00000001.jpg')])
    with pytest.raises(ValueError, match='broken.json') as error:
        read(broken=dict(annolist=[entry]))
    assert error.match(message)


def test_missing_and_foreign_files_are_named(read, tmp_path):
    with pytest.raises(FileNotFoundError, match='has no .json file'):
        read()
    with pytest.raises(FileNotFoundError, match='does not exist'):
        read('nothing')
    with pytest.raises(ValueError, match='no PoseTrack file.*but info, a'):
        read('other', other=dict(info=1, a=2))
    with pytest.raises(ValueError, match='holds a list.*detections'):
        read('boxes', boxes=[dict(bbox=[])])
    (tmp_path / 'text.json').write_text('{')
    with pytest.raises(ValueError, match='text.json is no valid JSON'):
        read('text')


def test_one_video_in_two_files_is_refused(read):
    merged = make_content('000001_a', 1)
    other = make_content('000002_b', 1)
    merged['images'] += other['images']
    content = make_content('000001_a', 2)
    with pytest.raises(ValueError, match='video 000001_a is in .* and in'):
        read(**{'000001_a': content, 'some': _with_new_ids(merged)})


def _with_new_ids(content):
    for number, image in enumerate(content['images']):
        image['id'] = number
    content['annotations'] = []
    return content


def test_annotations_of_unknown_images_are_counted(read):
    content = make_content('000001_a', 1)
    content['annotations'][0]['image_id'] = 5
    (frames,) = read(a=content).values()
    assert len(frames[0]['persons']) == 2
    assert read.report.counts == dict(unknown_image=1)
