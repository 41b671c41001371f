# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import csv
import json

import pytest

from cape_mm.errors import DataError


def point(x, y, **attributes):
    return dict(
        shape_attributes=dict(name='point', cx=x, cy=y),
        region_attributes=attributes,
    )


def rect(x, y, width, height, **attributes):
    return dict(
        shape_attributes=dict(
            name='rect', x=x, y=y, width=width, height=height
        ),
        region_attributes=attributes,
    )


REGIONS = [
    rect(2, 3, 28, 22, name='mug', group='1'),
    point(5, 6, name='rim', group='1'),
    point(20, 8, name='handle', group='1', occluded='yes'),
    dict(shape_attributes=dict(name='circle'), region_attributes={}),
    point(1, 2, group='1'),
]


@pytest.fixture
def entries(tmp_path, image):
    image(tmp_path / '1.png')
    return {
        '1.png1234': dict(
            filename='1.png', size=1234, regions=REGIONS, file_attributes={}
        ),
        '2.png99': dict(
            filename='2.png', size=99, regions=[], file_attributes={}
        ),
    }


def check(annotations, report):
    assert annotations.categories[1].name == 'mug'
    assert annotations.categories[1].keypoint_names == ('rim', 'handle')
    (mug,) = annotations.images[0].instances
    assert mug.keypoints.tolist() == [[5, 6, 2], [20, 8, 1]]
    assert mug.box.tolist() == [2, 3, 30, 25]
    assert dict(report.counts) == dict(ignored_shape=2)


def test_an_export_is_read(entries, tmp_path, write, read, report):
    check(read(write(tmp_path / 'via.json', entries)), report)


def test_a_project_is_read(entries, tmp_path, write, read, report):
    project = dict(
        _via_settings={}, _via_img_metadata=entries, _via_attributes={}
    )
    check(read(write(tmp_path / 'via.json', project)), report)


def test_the_regions_of_the_first_version_are_read(
    entries, tmp_path, write, read, report
):
    regions = {str(number): region for number, region in enumerate(REGIONS)}
    entries['1.png1234']['regions'] = regions
    check(read(write(tmp_path / 'via.json', entries)), report)


def test_a_table_is_read(entries, tmp_path, read, report):
    path = tmp_path / 'via.csv'
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                'filename',
                'file_size',
                'file_attributes',
                'region_count',
                'region_id',
                'region_shape_attributes',
                'region_attributes',
            ]
        )
        for number, region in enumerate(REGIONS):
            cells = [json.dumps(value) for value in region.values()]
            writer.writerow(['1.png', 1234, '{}', 5, number, *cells])
        writer.writerow(['2.png', 99, '{}', 0, 0, '{}', '{}'])
    check(read(path), report)


def test_the_only_attribute_names_the_keypoint(entries, tmp_path, write, read):
    regions = [point(5, 6, mug_part='rim'), point(7, 8, mug_part='foot')]
    entries['1.png1234']['regions'] = regions
    annotations = read(write(tmp_path / 'via.json', entries))
    assert annotations.categories[1].keypoint_names == ('rim', 'foot')


@pytest.mark.parametrize(
    'region', ['text', dict(), dict(shape_attributes=dict(name='point'))]
)
def test_a_broken_region_is_named(entries, tmp_path, write, read, region):
    if isinstance(region, dict) and region:
        region['region_attributes'] = dict(name='rim')
    entries['1.png1234']['regions'] = [region]
    with pytest.raises(DataError, match='region 0 of 1.png has not the form'):
        read(write(tmp_path / 'via.json', entries))


def test_a_broken_table_is_named(tmp_path, write, read):
    text = 'filename,region_shape_attributes,region_attributes\na,{,{}\n'
    with pytest.raises(DataError, match='via.csv has not the form of via'):
        read(write(tmp_path / 'via.csv', text))
