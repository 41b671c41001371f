# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.errors import DataError
from cape_mm.structures import DescriptionTable, cached_description_table


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'text.npz'
    vectors = np.eye(3, 4, dtype=np.float32)
    DescriptionTable(['eye', 'left ear', 'schön'], vectors, 'm').save(path)
    return path


def test_vectors_come_in_the_order_of_the_descriptions(path):
    table = DescriptionTable.load(path)
    assert table.model == 'm'
    vectors = table.encode(['schön', 'eye', 'eye'])
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, np.eye(3, 4)[[2, 0, 0]])


def test_an_unknown_description_is_an_error_with_the_command(path):
    with pytest.raises(DataError) as error:
        DescriptionTable.load(path).encode(['eye', 'left hoof', 'tail'])
    assert str(error.value) == (
        f"{path}: no vector of 'left hoof' 'tail'. Add it: python "
        'tools/dataset_converters/describe_keypoints.py '
        f"{path} --add 'left hoof' 'tail'"
    )


def test_a_missing_table_is_an_error_with_the_command(tmp_path):
    with pytest.raises(DataError, match='Write it: python tools'):
        DescriptionTable.load(tmp_path / 'none.npz')


@pytest.mark.parametrize('kind', ['text', 'other arrays', 'objects'])
def test_another_file_is_refused(tmp_path, kind):
    path = tmp_path / 'other.npz'
    if kind == 'text':
        path.write_text('not an archive')
    elif kind == 'other arrays':
        np.savez(path, x=np.ones(3))
    else:
        rows = np.array([{}, 'b'], dtype=object)
        np.savez(path, descriptions=rows, vectors=np.ones((2, 3)), model='m')
    with pytest.raises(DataError, match='not a table of keypoint desc'):
        DescriptionTable.load(path)


def test_descriptions_without_their_vectors_are_refused(tmp_path):
    path = tmp_path / 'short.npz'
    DescriptionTable(['a', 'b'], np.ones((1, 2)), 'm').save(path)
    with pytest.raises(DataError, match='2 different descriptions, but 1'):
        DescriptionTable.load(path)


def test_vectors_of_another_size_than_the_model_reads_are_refused(path):
    assert len(cached_description_table(str(path), 4).rows) == 3
    with pytest.raises(DataError, match=r'shape \(4,\).*reads \(768,\)'):
        cached_description_table(str(path), 768)
