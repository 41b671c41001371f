# Copyright (c) cape_mm contributors. All rights reserved.
"""Coordinates that are numbers, and wrong all the same."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

pytest.importorskip('hypothesis')

from support.annotation_documents import (  # noqa: E402
    annolist_document,
    cephalometric_document,
    mp100_document,
    posetrack_document,
)
from support.annotation_readers import (  # noqa: E402
    all_readers,
    write_images,
)

from cape_mm.datasets.datasets import (  # noqa: E402
    CephalometricDataset,
    MP100Dataset,
    PoseTrackClipDataset,
    StaticImageClipDataset,
)
from cape_mm.datasets.formats.annotation_report import (  # noqa: E402
    IMPLAUSIBLE,
    AnnotationReport,
)
from cape_mm.datasets.formats.plausibility import (  # noqa: E402
    PlacedInstance,
    check_plausibility,
    counts_from_one,
    is_outside,
)
from cape_mm.datasets.formats.posetrack import (  # noqa: E402
    POSETRACK_PROBLEMS,
    read_videos,
)
from cape_mm.errors import DataError  # noqa: E402

DOCUMENTS = dict(
    mp100=mp100_document,
    coco=mp100_document,
    posetrack18=posetrack_document,
    coco_images=posetrack_document,
    cephalometric=cephalometric_document,
)
W, H = 60, 40


def move(annotation, change):
    """Change x, y (K, 2) of the labelled keypoints of an annotation."""
    points = np.reshape(annotation['keypoints'], (-1, 3)).astype(float)
    labelled = points[:, 2] > 0
    points[labelled, :2] = change(points[labelled, :2])
    annotation['keypoints'] = points.ravel().tolist()


def make_corner_box(annotation):
    move(annotation, lambda xy: xy * 0 + (40, 30))
    annotation['bbox'] = [30, 20, 50, 36]


#: By kind: the change of an annotation, and words of the error.
FAULTS = dict(
    at_corner=(
        lambda ann: move(ann, lambda xy: xy * 0),
        r'labelled keypoints at \(0, 0\), several on an instance, e\.g\. .* '
        r'at \(0, 0\).*; write v = 0 where a keypoint is not annotated',
    ),
    normalised=(
        lambda ann: move(ann, lambda xy: xy / (W, H)),
        'instances within one pixel, as if coordinates were shares of the '
        r'image, e\.g\. .* at \(0\.08.*60 x 40 pixels; multiply x by',
    ),
    corner_box=(
        make_corner_box,
        r'boxes that fit as x1, y1, x2, y2, not as x, y, w, h, e\.g\. .*'
        'the box is .*; write boxes as x, y, width, height',
    ),
    outside=(
        lambda ann: move(ann, lambda xy: xy + (W, H)),
        r'labelled keypoints outside of their image, e\.g\. .* at \(65, 46\)'
        '.*60 x 40 pixels; correct the coordinates, or the sizes',
    ),
    outside_box=(
        lambda ann: ann.update(bbox=[40, 30, 10, 5]),
        r'labelled keypoints far outside of their box, e\.g\. .*40, 30, 50, '
        '35.*; correct the boxes or the coordinates',
    ),
)


@pytest.fixture
def read(tmp_path):
    write_images(tmp_path)

    def run(name, content):
        path = tmp_path / 'annotations.json'
        path.write_text(json.dumps(content))
        return all_readers()[name].read(path)

    return run


@pytest.mark.parametrize('kind', FAULTS)
@pytest.mark.parametrize('name', DOCUMENTS)
def test_implausible_majority_is_an_error_with_its_remedy(read, name, kind):
    content = DOCUMENTS[name]()
    change, message = FAULTS[kind]
    for annotation in content['annotations']:
        change(annotation)
    with pytest.raises(
        DataError, match=rf'annotations\.json: \d+ of \d+ {message}'
    ) as caught:
        read(name, content)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize('kind', FAULTS)
@pytest.mark.parametrize('name', DOCUMENTS)
def test_implausible_minority_is_counted_and_kept(read, name, kind):
    content = DOCUMENTS[name]()
    sound = read(name, content)
    FAULTS[kind][0](content['annotations'][0])
    found = read(name, content)
    assert found.reported[kind] >= 1
    assert not sound.reported.keys() & {*IMPLAUSIBLE}
    # an import sets v = 0 outside of the image, and says so
    is_left_out = name == 'coco' and kind == 'outside'
    assert len(found.records) == len(sound.records) - is_left_out


def test_posetrack17_is_checked_without_boxes_and_sizes(read):
    content = annolist_document()
    for entry in content['annolist']:
        for person in entry['annorect']:
            for point in person['annopoints'][0]['point']:
                point.update(x=[0.5], y=[0.25])
    with pytest.raises(DataError, match='4 of 4 instances within one pixel'):
        read('posetrack17', content)


def test_numbers_beyond_float32_in_most_annotations_are_an_error(read):
    content = mp100_document()
    for number, annotation in enumerate(content['annotations']):
        annotation['keypoints'][0] = 1e300 if number < 3 else 5
    found = read('mp100', content)
    assert found.reported['not_finite'] == 3
    assert len(found.records) == 3
    content['annotations'][3]['keypoints'][0] = 1e300
    message = r'most annotations .* x of keypoint 0 is 1e\+300, not a number'
    with pytest.raises(DataError, match=message):
        read('mp100', content)


def test_report_names_the_first_record_and_counts_keypoints():
    report = AnnotationReport('file', problems=IMPLAUSIBLE)
    points = np.array([[5.0, 5, 2]] * 9 + [[np.nan, 0, 0]])
    bad = points.copy()
    bad[3:5, 0] = 80
    instances = [PlacedInstance('one', points, (W, H))] * 2
    instances.append(PlacedInstance('two', bad, (W, H), names=[*'abcdefghij']))
    check_plausibility(instances, report)
    assert report.counts == dict(outside=2)
    assert report.examples['outside'] == [
        'two: d at (80, 5), the image has 60 x 40 pixels'
    ]
    assert '... and 1 more' in str(report)
    check_plausibility([], report)


@pytest.mark.parametrize(
    'keypoints, size, box',
    [
        # one keypoint at the corner, one within the first pixel
        ([[0, 0, 2], [5, 5, 2]], (W, H), None),
        ([[0.5, 0.5, 2], [0, 0, 0]], (W, H), None),
        # an image of few pixels
        ([[0.5, 0.5, 2], [1, 0, 2]], (2, 2), None),
        # rounding, and an image of unknown size
        ([[-1, -1, 2], [W, H, 2]], (W, H), None),
        ([[900, 900, 2]], None, None),
        # a box that is cut at the border, and a tight one
        ([[30, 20, 2], [59, 39, 2]], (W, H), [20, 10, 80, 70]),
        ([[10, 10, 2], [30, 30, 2]], (W, H), [12, 12, 28, 28]),
        # nothing labelled
        ([[np.nan, 1e300, 0]], (W, H), [1, 2, 3, 4]),
    ],
)
def test_unusual_coordinates_are_no_fault(keypoints, size, box):
    report = AnnotationReport('file', problems=IMPLAUSIBLE)
    one = PlacedInstance('one', np.array(keypoints, float), size, box)
    check_plausibility([one], report)
    assert not report


def test_outside_begins_at_the_border_of_the_image():
    points = np.array([[-0.5, 0], [59.5, 39.5], [59.6, 0], [np.nan, 0]])
    expected = [False, False, True, True]
    assert is_outside(points, (W, H)).tolist() == expected
    assert not is_outside(points[:3], np.full(2, np.nan)).any()


CHAIN = [[i, i + 1] for i in range(1, 6)]


@pytest.mark.parametrize('shift, expected', [(0, False), (1, True)])
def test_skeleton_that_stops_before_the_last_keypoint(shift, expected, read):
    # keypoints far apart but for a chain of neighbours
    chain = [[9 * i, 5, 2] for i in range(6)]
    places = np.array([[50, 35, 2], *chain, [3, 38, 2]], float)
    places = np.roll(places, -shift, axis=0)
    assert counts_from_one(CHAIN, [places.ravel().tolist()]) is expected
    assert not counts_from_one(CHAIN[:3], [places.ravel().tolist()])
    assert not counts_from_one([[0, 1], *CHAIN], [places.ravel().tolist()])

    content = mp100_document()
    for category in content['categories']:
        category.update(keypoints=[*'abcdefgh'], skeleton=CHAIN)
    for annotation in content['annotations']:
        annotation['keypoints'] = places.ravel().tolist()
    assert read('mp100', content).reported.get('one_based', 0) == (
        2 * expected
    )


def test_boxes_of_requests_and_supports_are_checked(tmp_path):
    from cape_mm.apis.inputs.images import ImageLoader

    loader = ImageLoader([dict(type='LoadImage')])
    image = tmp_path / 'support.png'
    cv2.imwrite(str(image), np.zeros((H, W, 3), np.uint8))
    points = np.array([[0.1, 0.2, 1], [0.5, 0.6, 1]])
    with pytest.raises(DataError, match=r'support\.png: 1 of 1 instances wit'):
        loader.load_support(image, points, None)
    points = np.array([[30.0, 20, 1], [50, 30, 1]] * 2)
    # x, y, width, height instead of two corners
    with pytest.raises(DataError, match='4 of 4 .* far outside of their box'):
        loader.load_support(image, points, [0, 0, 10, 10])


REAL = [
    ('mp100_mini', 'mp100_split1_train.json', MP100Dataset, {}),
    ('mp100_mini', 'extra_outside_splits.json', MP100Dataset, {}),
    ('real_mini', 'mp100_split1_train.json', MP100Dataset, {}),
    ('real_mini', 'mp100_split1_test.json', MP100Dataset, {}),
    ('body_coco_mini', 'test_coco.json', StaticImageClipDataset, {}),
    ('posetrack_mini', 'posetrack_mini_val.json', PoseTrackClipDataset, {}),
    ('posetrack_mini', 'val_fixture', PoseTrackClipDataset, dict(outside=1)),
    ('posetrack_mini', 'unlabelled_frames.json', PoseTrackClipDataset, {}),
    ('isbi2015', 'isbi2015_train.json', CephalometricDataset, {}),
    ('isbi2015', 'isbi2015_test1.json', CephalometricDataset, {}),
]


@pytest.mark.parametrize('folder, file, dataset_type, expected', REAL)
def test_real_data_raise_no_false_alarm(
    folder, file, dataset_type, expected, request, monkeypatch
):
    root = request.getfixturevalue('real_data')(folder)
    reports = []
    original = AnnotationReport.__init__

    def keep(self, *args, **kwargs):
        reports.append(self)
        original(self, *args, **kwargs)

    monkeypatch.setattr(AnnotationReport, '__init__', keep)
    kwargs = dict(data_root=str(root), ann_file=f'annotations/{file}')
    if dataset_type is CephalometricDataset:
        kwargs['schema'] = 'isbi2015'
    elif dataset_type is not MP100Dataset:
        kwargs['test_mode'] = True
        if dataset_type is StaticImageClipDataset:
            kwargs['data_prefix'] = dict(img='images')
    assert len(dataset_type(**kwargs))
    counts = reports[-1].counts
    assert {k: n for k, n in counts.items() if k in IMPLAUSIBLE} == expected
    assert not counts['bad_skeleton']


def test_real_video_of_two_flies_raises_no_false_alarm(real_data):
    folder = real_data('fly_courtship') / 'annotations' / 'val'
    (path,) = folder.glob('*.json')
    names = json.loads(path.read_text())['categories'][0]['keypoints']
    report = AnnotationReport(str(folder), problems=POSETRACK_PROBLEMS)
    (frames,) = read_videos(str(folder), names, report).values()
    assert len(frames) == 300 and not report
