# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import pytest

from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.datasets.formats.annotation_tools import (
    import_annotations,
    to_coco,
)
from cape_mm.datasets.formats.mp100.copy_check import check_copy
from cape_mm.errors import DataError


@pytest.fixture
def export(mugs, tmp_path, write):
    """An annotation file of ten mugs beside their images."""
    return write(tmp_path / 'source' / 'export.json', to_coco(mugs))


@pytest.mark.parametrize('images', ['link', 'copy'])
def test_the_result_loads_and_passes_the_check(export, tmp_path, images):
    out = tmp_path / 'out'
    lines = import_annotations([export], out, images=images)
    assert lines[:3] == [
        f'{out}/annotations/train.json: 8 images, 8 instances, 1 categories',
        f'{out}/annotations/val.json: 2 images, 2 instances, 1 categories',
        "1 'mug': 10 instances, 2 skeleton edges, labels: rim left 10, "
        'rim right 10, handle 0',
    ]
    assert len(lines) == 3
    assert len(MP100Dataset('annotations/train.json', str(out))) == 8
    report = check_copy(out / 'annotations', out / 'images')
    assert not report['bad_images']
    assert [file['problems'] for file in report['files']] == [{}, {}]


def test_repairs_are_reported_last(export, tmp_path):
    content = json.loads(export.read_text())
    content['annotations'][0]['bbox'] = None
    content['images'][1]['file_name'] = 'gone.png'
    export.write_text(json.dumps(content))
    text = import_annotations([export], tmp_path / 'out')[-1]
    assert '1 boxes that are missing or empty (made from the' in text
    assert "1 images that are missing (left out)\n    'gone.png'" in text


def test_a_file_given_twice_gives_instances_once(export, read, report):
    assert read(export, export).num_instances == 10
    assert report.counts['duplicate_instance'] == 10


def test_colliding_names_are_told_apart(mugs, tmp_path, write, image, read):
    paths = []
    for seed, folder in enumerate(('a', 'b')):
        image(tmp_path / folder / '1.png', seed=seed)
        mugs.images[:] = mugs.images[:1]
        mugs.images[0].name = '1.png'
        paths.append(write(tmp_path / folder / 'e.json', to_coco(mugs)))
    images = read(*paths).images
    assert [image.name for image in images] == ['1.png', '1_2.png']
    assert [image.path.parent.name for image in images] == ['a', 'b']


def test_a_category_is_chosen_or_named(export, read, report):
    assert read(export, category='cup').categories[1].name == 'cup'
    content = json.loads(export.read_text())
    plate = dict(content['categories'][0], id=9, name='plate')
    content['categories'].append(plate)
    content['annotations'][0]['category_id'] = 9
    export.write_text(json.dumps(content))
    annotations = read(export, category='plate')
    assert annotations.num_instances == 1
    assert [c.name for c in annotations.categories.values()] == ['plate']
    assert report.counts['other_category'] == 9
    with pytest.raises(DataError, match=r"no category 'cup'.*'mug', 'plate'"):
        read(export, category='cup')


def test_an_image_root_takes_the_place_of_the_usual_ones(
    export, read, tmp_path
):
    (tmp_path / 'source' / 'shelf').rename(tmp_path / 'photos')
    with pytest.raises(DataError, match='10 images that are missing'):
        read(export)
    images = read(export, image_root=tmp_path / 'photos').images
    assert images[0].name == '0.png'


def test_a_folder_has_one_format(export, read, write, report):
    folder = export.parent
    shape = dict(label='a', points=[[1, 2]], shape_type='point')
    content = dict(shapes=[shape], imagePath='shelf/0.png')
    write(folder / 'labelme.json', content)
    with pytest.raises(DataError, match=r'coco .*labelme .*--format'):
        read(folder)
    assert read(folder, format='labelme').num_instances == 1
    assert report.counts['ignored_file'] == 1


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('a.json', '{"images": [', 'no valid JSON'),
        ('a.json', '[' * 100_000, 'nested too deeply'),
        ('a.json', '[' + '1' * 9999 + ']', 'no valid JSON'),
        ('a.json', '{}', 'has no annotations of the formats coco'),
        ('a.json', '[]', 'has no annotations of the formats coco'),
        ('a.zip', 'PK', 'archives must be unpacked'),
        ('a.xml', '<html></html>', 'has no annotations of the formats coco'),
        ('a.csv', 'x,y\n1,2\n', 'has no annotations of the formats coco'),
        ('a.yaml', 'a: [', 'no valid YAML'),
        ('a.yaml', 'a: 1', 'has no annotations of the formats coco'),
    ],
)
def test_other_files_are_refused(
    tmp_path, write, read, name, content, message
):
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / name, content))


def test_other_encodings_are_refused(export, read):
    export.write_bytes(
        export.read_text().replace('mug', 'bøg').encode('latin1')
    )
    with pytest.raises(DataError, match='no UTF-8 text .*save it as UTF-8'):
        read(export)


def test_a_byte_order_mark_is_no_problem(export, read):
    export.write_bytes(b'\xef\xbb\xbf' + export.read_bytes())
    assert read(export).num_instances == 10


def test_nothing_to_read_is_said(tmp_path, read):
    with pytest.raises(
        DataError, match='has no annotations of the formats coco'
    ):
        read(tmp_path)
    with pytest.raises(FileNotFoundError, match='there is no .*absent'):
        read(tmp_path / 'absent')


def test_a_file_that_is_no_image_is_left_out(export, read, report):
    (export.parent / 'shelf' / '0.png').write_text('no image')
    assert len(read(export).images) == 9
    assert report.counts['unreadable'] == 1


def test_a_box_that_is_outside_is_made_anew(export, read, report):
    content = json.loads(export.read_text())
    content['annotations'][0]['bbox'] = [100, 100, 5, 5]
    content['annotations'][1]['bbox'] = [30, 20, 500, 500]
    export.write_text(json.dumps(content))
    images = read(export).images
    assert report.counts['box_made'] == 1
    assert images[1].instances[0].box.tolist() == [30, 20, 40, 30]


def test_a_single_keypoint_has_the_whole_image_as_box(export, read):
    content = json.loads(export.read_text())
    content['annotations'][0].update(
        bbox=None, keypoints=[5, 6, 2, 0, 0, 0, 0, 0, 0]
    )
    export.write_text(json.dumps(content))
    assert read(export).images[0].instances[0].box.tolist() == [0, 0, 40, 30]
