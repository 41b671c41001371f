# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import zlib

import numpy as np
import pytest

from cape_mm.datasets.formats.cephalometric.meta_image import (
    read_header,
    read_images,
)

STACK = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), np.uint8)


def write(path, data=None, **fields):
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
    path = write(tmp_path / 'a.mha')
    assert read_header(path)[:2] == (3, (4, 5, 3))
    np.testing.assert_array_equal(np.stack(list(read_images(path))), STACK)


def test_compressed_stack(tmp_path):
    data = zlib.compress(STACK.tobytes())
    path = write(
        tmp_path / 'a.mha',
        data,
        CompressedData='True',
        CompressedDataSize=len(data),
    )
    np.testing.assert_array_equal(np.stack(list(read_images(path))), STACK)


def test_channels_may_be_a_dimension(tmp_path):
    path = write(
        tmp_path / 'a.mha',
        NDims=4,
        DimSize='3 5 4 3',
        ElementNumberOfChannels=1,
    )
    np.testing.assert_array_equal(np.stack(list(read_images(path))), STACK)


def test_grey_stack(tmp_path):
    path = write(
        tmp_path / 'a.mha', STACK[..., 0].tobytes(), ElementNumberOfChannels=1
    )
    images = np.stack(list(read_images(path)))
    np.testing.assert_array_equal(images, STACK[..., 0])


def test_images_are_read_one_at_a_time(tmp_path):
    data = zlib.compress(STACK.tobytes())
    path = write(tmp_path / 'a.mha', data[:-20], CompressedData='True')
    images = read_images(path)
    np.testing.assert_array_equal(next(images), STACK[0])
    with pytest.raises(ValueError, match=r'a.mha ends in image 3 of 3'):
        list(images)


def test_a_stack_that_ends_too_early(tmp_path):
    path = write(tmp_path / 'a.mha', STACK.tobytes()[:-1])
    with pytest.raises(ValueError, match='ends in image 3 of 3'):
        list(read_images(path))


def test_damaged_data(tmp_path):
    data = b'no zlib stream'
    path = write(tmp_path / 'a.mha', data, CompressedData='True')
    with pytest.raises(ValueError, match='compressed data are damaged'):
        list(read_images(path))


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
    with pytest.raises(ValueError, match=words):
        read_header(write(tmp_path / 'a.mha', **fields))


def test_another_file_is_no_metaimage(tmp_path):
    path = tmp_path / 'a.mha'
    path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(ValueError, match='is no MetaImage file'):
        read_header(path)
