# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import cv2
import pytest
from support.tiny_ceph import write_tiny_ceph

from cape_mm.apis import find_images

TOOL = 'demo/cephalometric_demo.py'


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return write_tiny_ceph(tmp_path_factory.mktemp('tiny'))


@pytest.fixture
def demo(tiny, call_tool, tmp_path):
    def run(*args):
        out = tmp_path / 'out'
        call_tool(TOOL, tiny.checkpoint, '--out-dir', out, *args)
        return json.loads((out / 'predictions.json').read_text()), out

    return run


def rows_of(path):
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


def test_images_tables_and_json(demo, tiny):
    cephalograms = tiny.cephalograms[:2]
    content, out = demo(*cephalograms, '--spacing', 0.75, '--height', 300)
    assert content['schema'] == 'cephalogram23'
    assert [
        cephalogram['image'] for cephalogram in content['cephalograms']
    ] == list(map(str, cephalograms))
    for cephalogram in content['cephalograms']:
        assert (
            cv2.imread(str(out / cephalogram['visualization'])).shape[0] == 300
        )
    landmarks = rows_of(out / 'landmarks.csv')
    assert len(landmarks) == 2 * 23
    assert landmarks[0]['image'] == str(cephalograms[0])
    first = content['cephalograms'][0]['landmarks'][0]
    assert float(landmarks[0]['x_mm']) == first['x_mm'] is not None
    measurements = rows_of(out / 'measurements.csv')
    assert len(measurements) == 2 * len(
        content['cephalograms'][0]['measurements']
    )


def test_cephalograms_to_check_first_are_a_table(demo, tiny):
    cephalograms = tiny.cephalograms[:3]
    content, out = demo(*cephalograms, '--spacing', 0.75, '--height', 200)
    rows = rows_of(out / 'to_check.csv')
    assert {row['image'] for row in rows} == set(map(str, cephalograms))
    lowest = [float(row['lowest_confidence']) for row in rows]
    assert lowest == sorted(lowest), 'not calibrated: by confidence'
    said = {one['image']: one['mirrored'] for one in content['cephalograms']}
    assert all(row['mirrored'] == str(said[row['image']]) for row in rows)


def test_folders_are_searched_for_cephalograms(demo, tiny):
    content, out = demo(tiny.root / 'images', '--height', 200)
    images = sorted((tiny.root / 'images').iterdir())
    found = [cephalogram['image'] for cephalogram in content['cephalograms']]
    assert found == list(map(str, images))
    assert not any(row['x_mm'] for row in rows_of(out / 'landmarks.csv'))


def test_dicom_files_in_folders_need_no_suffix(tmp_path):
    marked = bytes(128) + b'DICM'
    for name, content in {
        'IM0001': marked,
        '1.2.840.7': marked,
        'a.dcm': b'',
        'b.PNG': b'',
        'notes.txt': b'not a cephalogram',
    }.items():
        (tmp_path / name).write_bytes(content)
    names = [
        Path(cephalogram).name
        for cephalogram in find_images([tmp_path], with_dicom=True)
    ]
    assert names == ['1.2.840.7', 'IM0001', 'a.dcm', 'b.PNG']


def test_config_and_norms_can_be_named(demo, tiny):
    content, _ = demo(
        *(
            tiny.cephalograms[0],
            '--config',
            tiny.config,
            '--norms',
            'isbi2015',
        ),
        *('--height', 200),
    )
    rows = {
        row['measurement']: row
        for row in content['cephalograms'][0]['measurements']
    }
    assert rows['SNA']['normal_low'] == 79.4


@pytest.mark.parametrize(
    'args, message',
    [
        (['nowhere.png'], 'nowhere.png'),
        (['nowhere.png', '--norms', 'mine'], "no norms 'mine'"),
        (['{empty}'], 'no image in the folder'),
        (['{cephalogram}', '--config', 'nowhere.py'], 'nowhere.py'),
        (['{text}'], 'is no DICOM file'),
    ],
)
def test_wrong_arguments_end_with_one_sentence(
    args, message, demo, tiny, tmp_path
):
    if '{text}' in args:
        pytest.importorskip('pydicom')
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'text.dcm').write_text('no cephalogram')
    names = dict(
        cephalogram=tiny.cephalograms[0],
        empty=tmp_path / 'empty',
        text=tmp_path / 'text.dcm',
    )
    with pytest.raises(SystemExit) as error:
        demo(*(arg.format(**names) for arg in args))
    assert message in error.value.code


@pytest.mark.parametrize('count', [1, 3])
def test_without_a_checkpoint_it_says_how_to_train_one(
    count, tiny, call_tool, monkeypatch
):
    with pytest.raises(SystemExit) as error:
        call_tool(TOOL, *tiny.cephalograms[:count])
    message = error.value.code
    assert 'no checkpoint' in message and '\n' not in message
    assert 'minutes' in message
    root = Path(__file__).resolve().parents[2]
    named = re.findall(r'(?:tools|configs)/[\w./-]+\.py', message)
    assert len(named) == 5
    assert all((root / path).is_file() for path in named)


def test_a_mistake_of_the_program_keeps_its_traceback(demo, tiny, monkeypatch):
    def fail(*args):
        raise ValueError('a bug')

    monkeypatch.setattr('cape_mm.cli.demos.draw_sheet', fail)
    with pytest.raises(ValueError, match='a bug'):
        demo(tiny.cephalograms[0])
