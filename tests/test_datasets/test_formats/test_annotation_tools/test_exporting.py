# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.datasets.formats.annotation_tools import (
    READERS,
    WRITERS,
    export_annotations,
)
from cape_mm.errors import DataError


def test_what_is_written_is_read():
    assert {*WRITERS} - {*READERS} == {'mp100'}, 'its files are COCO'


@pytest.mark.parametrize('format', [*WRITERS])
def test_every_format_is_imported_again(
    format, predicted, tmp_path, read, assert_same
):
    if format == 'sleap':
        pytest.importorskip('sleap_io')
    lines = export_annotations(predicted, format, tmp_path / 'out', link=False)
    assert lines and all(lines)
    found = read(
        tmp_path / 'out',
        format='coco' if format == 'mp100' else format,
        category='mug',
        image_root=tmp_path / ('out' if 'yolo' in format else 'source')
        if format in ('coco-results', 'csv', 'yolo-pose')
        else None,
    )
    assert found.num_instances == 11
    assert all(image.path.is_file() for image in found.images)


def test_what_a_format_does_not_hold_is_said(mugs, tmp_path):
    (*_, line) = export_annotations(mugs, 'deeplabcut', tmp_path / 'a')
    assert line == (
        'deeplabcut has no place for boxes, hidden flags, skeletons'
    )
    lines = export_annotations(mugs, 'coco', tmp_path / 'b')
    assert len(lines) == 1


def test_uncertain_keypoints_are_left_out(predicted, tmp_path, read):
    export_annotations(predicted, 'coco', tmp_path / 'out', min_score=0.6)
    found = read(tmp_path / 'out')
    assert found.num_instances == 10, 'the second mug has no other keypoint'
    for number, image in enumerate(found.images):
        v = image.instances[0].keypoints[:, 2]
        assert v.tolist() == [2, 2 * (number >= 6), 0]
    assert predicted.images[0].instances[0].keypoints[1, 2] == 2


def test_a_dataset_of_mp100_is_written(predicted, tmp_path):
    export_annotations(predicted, 'mp100', tmp_path / 'out')
    dataset = MP100Dataset('annotations/train.json', str(tmp_path / 'out'))
    np.testing.assert_allclose(dataset[0]['keypoints'][0, 0], [5.25, 6])


def test_flip_pairs_are_kept(mugs, tmp_path, read):
    mugs.categories[7] = replace(mugs.categories[7], flip_pairs=((0, 1),))
    for format in ('coco', 'mp100', 'yolo-pose'):
        export_annotations(mugs, format, tmp_path / format)
    for format in ('coco', 'mp100', 'yolo-pose'):
        category = read(tmp_path / format, skeleton_base='0').categories[1]
        assert category.flip_pairs == ((0, 1),)
    text = (tmp_path / 'yolo-pose' / 'data.yaml').read_text()
    assert yaml.safe_load(text)['flip_idx'] == [1, 0, 2]


@pytest.mark.parametrize('format', ['labelme', 'yolo-pose'])
def test_images_that_share_a_file_of_labels_are_refused(
    format, mugs, tmp_path
):
    mugs.images[1].name = 'shelf/0.jpg'
    with pytest.raises(DataError, match=r'0\.png and shelf/0\.jpg would'):
        export_annotations(mugs, format, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_labels_that_are_there_are_kept(mugs, tmp_path):
    export_annotations(mugs, 'labelme', tmp_path / 'out')
    with pytest.raises(FileExistsError, match='out is not empty'):
        export_annotations(mugs, 'labelme', tmp_path / 'out')


def test_there_must_be_something_to_write(predicted, tmp_path):
    with pytest.raises(DataError, match='no instance to write'):
        export_annotations(predicted, 'coco', tmp_path / 'o', min_score=2)
