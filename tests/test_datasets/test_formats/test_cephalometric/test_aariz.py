# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from cape_mm.datasets.formats.cephalometric.aariz import TITLES, read_aariz
from cape_mm.datasets.formats.cephalometric.reading import ObserverError
from cape_mm.errors import DataError
from cape_mm.structures import get_schema

SYMBOLS = get_schema('aariz29').names
CODES = get_schema('aariz29').codes
MARKS = 'Annotations/Cephalometric Landmarks'


def make_landmarks(offset=0):
    return [
        dict(
            landmark_id=f'id{i}',
            title=title,
            symbol=symbol,
            value=dict(x=10 + i + offset, y=100 - i),
        )
        for i, (symbol, title) in enumerate(zip(SYMBOLS, TITLES))
    ]


@pytest.fixture
def aariz(tmp_path, image):
    """A cephalogram per part; the junior group 1 pixel to the right."""
    root = tmp_path / 'Aariz'
    rows = ['cephalogram_id,machine,pixel_size,image_format,mode']
    for number, part in enumerate(('train', 'valid', 'test')):
        cephalogram = f'cks{number}'
        image(root / part / 'Cephalograms' / f'{cephalogram}.png', seed=number)
        for group, offset in (('Junior', 1), ('Senior', 0)):
            entries = make_landmarks(offset)
            turned = entries[number + offset :] + entries[: number + offset]
            path = root / part / MARKS / f'{group} Orthodontists'
            path.mkdir(parents=True)
            (path / f'{cephalogram}.json').write_text(
                json.dumps(dict(ceph_id=cephalogram, landmarks=turned))
            )
        stages = root / part / 'Annotations' / 'CVM Stages'
        stages.mkdir()
        (stages / f'{cephalogram}.json').write_text(
            json.dumps(
                dict(ceph_id=cephalogram, cvm_stage=dict(value=number + 1))
            )
        )
        rows.append(f'{cephalogram},Device {number},0.1{number},png,{part}')
    table = root / 'cephalogram_machine_mappings.csv'
    table.write_text('\ufeff' + '\n'.join(rows) + '\n', 'utf-8')
    return root


def senior_file(root):
    return root / 'train' / MARKS / 'Senior Orthodontists' / 'cks0.json'


def edit(path, change):
    content = json.loads(path.read_text())
    change(content['landmarks'])
    path.write_text(json.dumps(content))


def test_landmarks_go_by_symbol_and_their_mean_is_not_rounded(aariz, report):
    records = list(read_aariz(aariz, report))
    for record in records:
        expected = [[10.5 + i, 100 - i] for i in range(29)]
        np.testing.assert_array_equal(record.keypoints_px, expected)
    assert [r.extra['split'] for r in records] == ['train', 'val', 'test']
    assert [r.device for r in records] == ['Device 0', 'Device 1', 'Device 2']
    assert records[2].spacing == (0.12, 0.12)
    assert records[2].spacing_source == 'file'
    assert records[2].class_labels == dict(cvm_stage=3)
    assert records[0].image_path == 'train/Cephalograms/cks0.png'
    assert not report


def test_one_group_and_folders_in_upper_case(aariz, report):
    (aariz / 'valid').rename(aariz / 'Valid')
    shutil.rmtree(aariz / 'train' / MARKS / 'Junior Orthodontists')
    records = list(read_aariz(aariz, report, 'senior'))
    assert len(records) == 3 and records[1].extra == dict(split='val')
    assert records[0].keypoints_px[0].tolist() == [10, 100]


def test_distance_between_the_groups(aariz, report):
    error = ObserverError(CODES)
    list(read_aariz(aariz, report, 'junior', error))
    assert '3 cephalograms: 0.110 ±' in error.lines()[0]


def test_a_title_alone_is_enough(aariz, report):
    def change(landmarks):
        for entry in landmarks:
            entry['symbol'] = None

    edit(senior_file(aariz), change)
    record = next(read_aariz(aariz, report, 'senior'))
    assert record.keypoints_px[28].tolist() == [38, 72]


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (
            lambda e: e[0].update(symbol='B'),
            "'B' with title 'A-point' means 2",
        ),
        (lambda e: e[0].update(symbol='X', title='Y'), "symbol 'X'.*means 0"),
        (lambda e: e.append(e[0]), 'landmark A is there twice'),
        (lambda e: e[0]['value'].update(x='left'), "landmark A, x: 'left'"),
        (lambda e: e.append('A'), 'symbol None'),
    ],
)
def test_wrong_landmarks_are_named(aariz, report, change, words):
    edit(senior_file(aariz), change)
    with pytest.raises(DataError, match=words) as error:
        list(read_aariz(aariz, report))
    assert 'cks0.json' in str(error.value)


def test_a_landmark_of_one_group_only_is_not_labelled(aariz, report):
    edit(senior_file(aariz), lambda e: e.pop(3))
    edit(senior_file(aariz), lambda e: e[0].update(value=None))
    record = next(read_aariz(aariz, report))
    assert record.visible[[0, 3]].tolist() == [0, 0]
    assert (record.visible > 0).sum() == 27
    assert report.counts == dict(one_observer=2)


def test_the_file_of_another_cephalogram_is_refused(aariz, report):
    shutil.copy(
        aariz / 'test' / MARKS / 'Senior Orthodontists' / 'cks2.json',
        senior_file(aariz),
    )
    with pytest.raises(DataError, match="cks0.json is of cephalogram 'cks2'"):
        list(read_aariz(aariz, report))


def test_a_cephalogram_in_two_parts_is_refused(aariz, report):
    shutil.copytree(aariz / 'train', aariz / 'more', dirs_exist_ok=True)
    shutil.copy(
        aariz / 'train' / 'Cephalograms' / 'cks0.png',
        aariz / 'test' / 'Cephalograms' / 'cks0.png',
    )
    with pytest.raises(DataError, match="'cks0' is there twice"):
        list(read_aariz(aariz, report))


def test_what_is_missing_is_counted(aariz, report, image):
    (aariz / 'cephalogram_machine_mappings.csv').unlink()
    shutil.rmtree(aariz / 'test' / 'Annotations' / 'CVM Stages')
    image(aariz / 'test' / 'Cephalograms' / 'new.png')
    records = list(read_aariz(aariz, report))
    assert len(records) == 3
    assert records[0].spacing is None
    assert records[0].spacing_source == 'unknown'
    assert records[2].class_labels == {}
    assert report.counts == dict(no_spacing=3, no_class=1, no_annotation=1)


@pytest.mark.parametrize(
    ('old', 'new', 'words'),
    [
        ('pixel_size', 'size', 'no column pixel_size'),
        ('0.11', '-1', r'row 3 \(cks1\): pixel size -1'),
        ('0.11', 'fine', r"row 3 \(cks1\): 'fine' is no number"),
        ('cks1', 'cks0', r'row 3 \(cks0\): pixel size 0.11; one row'),
    ],
)
def test_a_wrong_table_is_named(aariz, report, old, new, words):
    path = aariz / 'cephalogram_machine_mappings.csv'
    path.write_text(path.read_text('utf-8').replace(old, new), 'utf-8')
    with pytest.raises(DataError, match=words):
        list(read_aariz(aariz, report))


def test_another_folder(aariz, report):
    with pytest.raises(FileNotFoundError, match='train, valid or test'):
        list(read_aariz(aariz.parent, report))


def test_a_file_without_its_partner(aariz, report):
    senior_file(aariz).unlink()
    with pytest.raises(FileNotFoundError, match='Senior.*the other annotator'):
        list(read_aariz(aariz, report))
