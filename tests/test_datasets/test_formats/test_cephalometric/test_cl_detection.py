# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from cape_mm.datasets.formats.cephalometric.cl_detection import (
    cut_filling,
    read_cl_detection_stack,
    read_header,
    read_stack,
)
from cape_mm.errors import DataError

SIZES = ((30, 25), (32, 20))
STACK = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), np.uint8)


@pytest.fixture
def challenge(tmp_path):
    """Two cephalograms of other sizes in a stack of 32 x 28 pixels."""
    stack = np.zeros((2, 28, 32, 3), np.uint8)
    points = []
    for number, (width, height) in enumerate(SIZES, 1):
        stack[number - 1, :height, :width] = 50 * number
        for name in range(1, 39):
            points.append(
                dict(
                    name=str(name),
                    point=[number + name / 4, name / 2, number],
                    scale=0.1 * number,
                )
            )
    (tmp_path / 'train_stack.mha').write_bytes(
        b'NDims = 3\nDimSize = 32 28 2\nElementNumberOfChannels = 3\n'
        b'ElementType = MET_UCHAR\nElementDataFile = LOCAL\n' + stack.tobytes()
    )
    content = dict(name='Orthodontic landmarks', points=points)
    (tmp_path / 'train-gt.json').write_text(json.dumps(content))
    return tmp_path


def read(folder, report):
    return list(
        read_cl_detection_stack(
            folder / 'train_stack.mha', folder / 'train-gt.json', report
        )
    )


def edit(folder, change):
    path = folder / 'train-gt.json'
    content = json.loads(path.read_text())
    change(content['points'])
    path.write_text(json.dumps(content))


def test_cephalograms_without_filling_and_with_their_own_spacing(
    challenge, report
):
    edit(challenge, lambda points: points.reverse())
    first, second = read(challenge, report)
    assert first.image.shape == (25, 30) and second.image.shape == (20, 32)
    assert (first.image == 50).all()
    assert first.keypoints_px[3].tolist() == [2, 2]
    assert second.keypoints_px[37].tolist() == [11.5, 19]
    assert tuple(first.spacing) == (0.1, 0.1)
    assert tuple(second.spacing) == (0.2, 0.2)
    assert (first.visible == 2).all() and not first.subject


def test_missing_points_are_not_labelled(challenge, report):
    edit(challenge, lambda points: points.pop(4))
    first, _ = read(challenge, report)
    assert first.visible[4] == 0 and first.visible.sum() == 74
    assert 'cephalogram 1, landmark 5' in report.examples['not_labelled'][0]


def test_cephalograms_without_points_are_left_out_and_counted(
    challenge, report
):
    edit(challenge, lambda points: points.__delitem__(slice(38)))
    (record,) = read(challenge, report)
    assert record.image_path == '002.png'
    assert report.counts['no_annotation'] == 1


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda p: p[0].update(name='39'), 'point 0 is'),
        (lambda p: p[0].update(point=[1, 2]), 'point 0 is'),
        (lambda p: p[0].update(point=[1, float('nan'), 1]), 'point 0 is'),
        (
            lambda p: p[0].update(point=[1, 2, 3]),
            'cephalogram 3, the stack has 2',
        ),
        (lambda p: p[1].update(name='1'), 'landmark 1 already'),
        (
            lambda p: p[0].update(scale=0.2),
            'cephalogram 1: its points have the',
        ),
        (
            lambda p: [e.pop('scale') for e in p],
            'cephalogram 1: its points have the',
        ),
    ],
)
def test_wrong_labels_are_named(challenge, report, change, words):
    edit(challenge, change)
    with pytest.raises(DataError, match=words) as error:
        read(challenge, report)
    assert 'train-gt.json' in str(error.value)


def test_another_json_file(challenge, report):
    (challenge / 'train-gt.json').write_text('[]')
    with pytest.raises(DataError, match='no JSON file with a list "points"'):
        read(challenge, report)


def test_only_the_right_and_the_bottom_are_cut():
    image = np.zeros((6, 7, 3), np.uint8)
    image[2:4, 1:3] = (1, 2, 3)
    cut = cut_filling(image, 'cephalogram')
    assert cut.shape == (4, 3, 3)
    assert cut[2, 1].tolist() == [3, 2, 1]  # BGR, as OpenCV writes


def test_an_empty_cephalogram_is_refused():
    with pytest.raises(DataError, match='cephalogram 1 is empty'):
        cut_filling(np.zeros((4, 5, 3), np.uint8), 'cephalogram 1')


def write_stack(path, data=None, **fields):
    head = dict(
        ObjectType='Image',
        NDims=3,
        BinaryData='True',
        CompressedData='False',
        ElementSpacing='1 1 1',
        DimSize='5 4 3',
        ElementNumberOfChannels=3,
        ElementType='MET_UCHAR',
    )
    head.update(fields, ElementDataFile=fields.get('ElementDataFile', 'LOCAL'))
    # ElementDataFile is always the last field.
    head['ElementDataFile'] = head.pop('ElementDataFile')
    text = ''.join(f'{key} = {value}\n' for key, value in head.items())
    path.write_bytes(
        text.encode() + (STACK.tobytes() if data is None else data)
    )
    return path


def test_raw_stack(tmp_path):
    path = write_stack(tmp_path / 'a.mha')
    assert read_header(path)[:2] == (3, (4, 5, 3))
    np.testing.assert_array_equal(np.stack(list(read_stack(path))), STACK)


def test_compressed_stack(tmp_path):
    data = zlib.compress(STACK.tobytes())
    path = write_stack(
        tmp_path / 'a.mha',
        data,
        CompressedData='True',
        CompressedDataSize=len(data),
    )
    np.testing.assert_array_equal(np.stack(list(read_stack(path))), STACK)


def test_channels_may_be_a_dimension(tmp_path):
    path = write_stack(
        tmp_path / 'a.mha',
        NDims=4,
        DimSize='3 5 4 3',
        ElementNumberOfChannels=1,
    )
    np.testing.assert_array_equal(np.stack(list(read_stack(path))), STACK)


def test_grey_stack(tmp_path):
    path = write_stack(
        tmp_path / 'a.mha', STACK[..., 0].tobytes(), ElementNumberOfChannels=1
    )
    images = np.stack(list(read_stack(path)))
    np.testing.assert_array_equal(images, STACK[..., 0])


def test_images_are_read_one_at_a_time(tmp_path):
    data = zlib.compress(STACK.tobytes())
    path = write_stack(tmp_path / 'a.mha', data[:-20], CompressedData='True')
    images = read_stack(path)
    np.testing.assert_array_equal(next(images), STACK[0])
    with pytest.raises(DataError, match=r'a.mha ends in image 3 of 3'):
        list(images)


def test_a_stack_that_ends_too_early(tmp_path):
    path = write_stack(tmp_path / 'a.mha', STACK.tobytes()[:-1])
    with pytest.raises(DataError, match='ends in image 3 of 3'):
        list(read_stack(path))


def test_damaged_data(tmp_path):
    data = b'no zlib stream'
    path = write_stack(tmp_path / 'a.mha', data, CompressedData='True')
    with pytest.raises(DataError, match='compressed data are damaged'):
        list(read_stack(path))


@pytest.mark.parametrize(
    ('fields', 'words'),
    [
        (dict(ElementType='MET_USHORT'), 'ElementType is MET_USHORT'),
        (dict(ElementDataFile='a.raw'), 'ElementDataFile is a.raw'),
        (dict(BinaryData='False'), 'BinaryData is False'),
        (dict(DimSize='5 four 3'), 'DimSize'),
        (dict(DimSize='5 4', ElementNumberOfChannels=1), 'is no stack'),
        (dict(DimSize='5 0 3'), 'is no stack'),
    ],
)
def test_other_kinds_are_refused_with_a_remedy(tmp_path, fields, words):
    with pytest.raises(DataError, match=words):
        read_header(write_stack(tmp_path / 'a.mha', **fields))


def test_another_file_is_no_metaimage(tmp_path):
    path = tmp_path / 'a.mha'
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(DataError, match='is no MetaImage file'):
        read_header(path)
