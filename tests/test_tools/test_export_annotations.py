# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from cape_mm.cli.arguments import EXPORT_FORMATS
from cape_mm.datasets.formats.annotation_tools import WRITERS

TOOL = 'dataset_converters/export_annotations.py'


@pytest.fixture
def mp100(tmp_path):
    """An annotation file of two images in MP-100 layout."""
    for number in (1, 2):
        path = tmp_path / 'images' / f'{number}.png'
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.full((30, 40, 3), number, np.uint8))
    annotations = [
        dict(
            id=10 * number,
            image_id=number,
            category_id=7,
            bbox=[2, 3, 28, 22],
            keypoints=[5, 6, 2, 20, 8 + number, 2],
        )
        for number in (1, 2)
    ]
    images = [
        dict(id=number, file_name=f'{number}.png', width=40, height=30)
        for number in (1, 2)
    ]
    category = dict(id=7, name='mug', keypoints=['a', 'b'], skeleton=[[0, 1]])
    path = tmp_path / 'annotations' / 'train.json'
    path.parent.mkdir()
    content = dict(
        images=images, annotations=annotations, categories=[category]
    )
    path.write_text(json.dumps(content))
    return path


def test_the_formats_are_those_of_the_writers():
    assert tuple(WRITERS) == EXPORT_FORMATS


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


def test_a_dataset_is_exported_to_several_formats(mp100, tmp_path, start_tool):
    out = tmp_path / 'out'
    text = start_tool(TOOL, mp100, '--out', out, '--format', 'coco', 'csv')
    assert '2 images, 2 instances' in text
    assert 'csv has no place for skeletons' in text
    assert sorted(path.name for path in out.iterdir()) == ['coco', 'csv']
    (path,) = (out / 'coco' / 'annotations').iterdir()
    content = json.loads(path.read_text())
    assert content['categories'][0]['skeleton'] == [[1, 2]]
    assert [i['id'] for i in content['images']] == [1, 2]
    assert (out / 'coco' / 'images' / 'default' / '2.png').is_file()


def test_nothing_is_overwritten(mp100, tmp_path, call_tool):
    args = TOOL, mp100, '--out', tmp_path / 'out', '--format'
    call_tool(*args, 'csv')
    with pytest.raises(SystemExit, match='csv is not empty'):
        call_tool(*args, 'labelme', 'csv')
    assert not (tmp_path / 'out' / 'labelme').exists()


def test_a_missing_source_is_named(tmp_path, call_tool):
    with pytest.raises(SystemExit, match='error: there is no .*nowhere'):
        call_tool(TOOL, tmp_path / 'nowhere', '--out', 'x', '--format', 'csv')
