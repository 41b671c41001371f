# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest

from cape_mm.datasets.datasets import CephalometricDataset
from cape_mm.datasets.synthetic import draw_cephalogram
from cape_mm.datasets.synthetic.cephalograms.layouts import (
    write_aariz_tree,
    write_isbi_tree,
)
from cape_mm.structures import get_schema

TOOL = 'dataset_converters/convert_cephalograms.py'
HEIGHT = 160


@pytest.fixture(scope='module')
def cephalograms():
    return [
        draw_cephalogram(0, number, image_height=HEIGHT) for number in range(4)
    ]


@pytest.fixture
def convert(call_tool, capsys, tmp_path):
    """Call the tool, give what it prints."""

    def run(*args, out='out'):
        call_tool(TOOL, *args, '--out-dir', tmp_path / out)
        return capsys.readouterr().out

    return run


@pytest.fixture
def load(tmp_path):
    """Load a converted file as training does, give its images by name."""

    def build(name, schema, out='out'):
        dataset = CephalometricDataset(
            ann_file=f'annotations/{name}.json',
            schema=schema,
            data_root=str(tmp_path / out),
        )
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        return {info['img_path'].rsplit('/', 1)[1]: info for info in infos}

    return build


def truth(cephalogram, schema):
    points = [cephalogram.points_px[code] for code in get_schema(schema).codes]
    return np.array(points)


def test_isbi(cephalograms, convert, load, tmp_path):
    write_isbi_tree(tmp_path / 'isbi', cephalograms[:3], numbers=(1, 151, 301))
    out = convert('isbi', tmp_path / 'isbi', '--spacing', 1.5)
    assert (
        'isbi2015_train.json: 1 cephalograms of 1 persons, 19 landmarks' in out
    )
    assert 'Junior against senior observer, 3 cephalograms' in out
    (observers,) = tmp_path.rglob('isbi2015_observers.json')
    rows = json.loads(observers.read_text())['rows']
    assert rows[0]['landmark'] == 'all' and rows[0]['N'] == 3 * 19
    assert {'mean', 'SD', 'SDR_2mm', 'SDR_4mm'} <= rows[0].keys()
    for part, cephalogram in zip(('train', 'test1', 'test2'), cephalograms):
        (info,) = load(f'isbi2015_{part}', 'isbi2015').values()
        error = info['keypoints'][0] - truth(cephalogram, 'isbi2015')
        assert abs(error).max() <= 0.5
        assert info['spacing'].tolist() == [1.5, 1.5]
        assert info['spacing_source'] == 'user'
        image = cv2.imread(info['img_path'], cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(image, cephalogram.image)


def test_isbi_made_smaller(cephalograms, convert, load, tmp_path):
    """At half the size: images before, or by the converter."""
    for name, before in (('before', True), ('by_tool', False)):
        root = tmp_path / name
        write_isbi_tree(root, cephalograms[:3], numbers=(1, 151, 301))
        height, width = cephalograms[0].image.shape
        for path in (root / 'RawImage').rglob('*.*') if before else ():
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            half = cv2.resize(
                image, (width // 2, height // 2), interpolation=cv2.INTER_AREA
            )
            cv2.imwrite(str(path), half)
        how = ('--label-size', width, height)
        if not before:
            how = ('--max-side', height // 2)
        spacing = 3.0 if before else 1.5
        convert('isbi', root, '--name', name, '--spacing', spacing, *how)
        (info,) = load(f'{name}_train', 'isbi2015').values()
        expected = (truth(cephalograms[0], 'isbi2015') + 0.5) / 2 - 0.5
        assert abs(info['keypoints'][0] - expected).max() <= 0.5
        assert info['spacing'].tolist() == [3.0, 3.0]


def test_aariz(cephalograms, convert, load, tmp_path):
    write_aariz_tree(tmp_path / 'aariz', cephalograms)
    out = convert('aariz', tmp_path / 'aariz', '--link')
    assert '1 cephalograms, 29 landmarks, 1 cephalograms with spacing' in out
    infos = {}
    for part in ('train', 'val', 'test'):
        infos.update(load(f'aariz29_{part}', 'aariz29'))
    for number, cephalogram in enumerate(cephalograms):
        info = infos[f'synthetic{number:04d}.png']
        error = info['keypoints'][0] - truth(cephalogram, 'aariz29')
        assert abs(error).max() <= 0.5
        assert info['spacing'] == pytest.approx(cephalogram.spacing)
        assert info['device'] == f'Synthetic {cephalogram.spacing:g}'
        assert info['class_labels'] == dict(cvm_stage=1 + number)


def test_cl_detection_2023(convert, load, tmp_path):
    source = tmp_path / 'challenge'
    source.mkdir()
    stack = np.zeros((10, 48, 40, 3), np.uint8)
    stack[:, :44, :36] = 7
    (source / 'train_stack.mha').write_bytes(
        b'NDims = 3\nDimSize = 40 48 10\nElementNumberOfChannels = 3\n'
        b'ElementType = MET_UCHAR\nElementDataFile = LOCAL\n' + stack.tobytes()
    )
    points = [
        dict(
            name=str(name),
            point=[name / 2, cephalogram, cephalogram],
            scale=4 + cephalogram / 10,
        )
        for cephalogram in range(1, 11)
        for name in range(1, 39)
    ]
    (source / 'train-gt.json').write_text(json.dumps(dict(points=points)))
    with pytest.raises(SystemExit, match='there are 10: leave out --baseline'):
        convert('cl2023', source, '--baseline-split')

    # Every cephalogram is another person, but all images are equal.
    with pytest.raises(SystemExit, match='leave nothing for'):
        convert('cl2023', source)
    stack[:, 0, 0, 0] = np.arange(10) + 1
    (source / 'train_stack.mha').write_bytes(
        b'NDims = 3\nDimSize = 40 48 10\nElementNumberOfChannels = 3\n'
        b'ElementType = MET_UCHAR\nElementDataFile = LOCAL\n' + stack.tobytes()
    )
    convert('cl2023', source, '--name', 'cl', out='second')
    infos = {}
    for part in ('train', 'val', 'test'):
        infos.update(load(f'cl_{part}', 'cl_detection38', 'second'))
    info = infos['007.png']
    assert info['keypoints'][0, 9].tolist() == [5, 7]
    assert info['spacing'].tolist() == pytest.approx([4.7, 4.7])
    assert cv2.imread(info['img_path']).shape == (44, 36, 3)
    assert len(infos) == 10


def test_cl_detection_2024(convert, load, tmp_path):
    source = tmp_path / 'challenge'
    (source / 'images').mkdir(parents=True)
    names = [f'p{n}{axis}' for n in range(1, 54) for axis in 'xy']
    rows = [['image file', 'spacing(mm)', *names]]
    for number in range(10):
        image = np.full((60, 56), number, np.uint8)
        cv2.imwrite(str(source / 'images' / f'{number}.bmp'), image)
        rows.append([f'{number}.bmp', 4, *(i // 2 + 0.5 for i in range(106))])
    with open(source / 'labels.csv', 'w', newline='') as file:
        csv.writer(file).writerows(rows)
    convert('cl2024', source, '--shares', '0', '0.3')
    train = load('cl_detection2024_train', 'cl_detection53')
    test = load('cl_detection2024_test', 'cl_detection53')
    assert (len(train), len(test)) == (7, 3)
    points = next(iter(test.values()))['keypoints'][0]
    np.testing.assert_array_equal(points, np.arange(53)[:, None] + [0.5, 0.5])


def test_csv(cephalograms, convert, load, tmp_path):
    schema = get_schema('cephalogram23')
    header = [f'{code}_{axis}' for code in schema.codes for axis in 'xy']
    rows = [['file', 'spacing', 'subject', 'split', *header]]
    for number, cephalogram in enumerate(cephalograms):
        cv2.imwrite(str(tmp_path / f'{number}.png'), cephalogram.image)
        points = truth(cephalogram, 'cephalogram23').ravel().tolist()
        part = 'val' if number == 3 else 'train'
        rows.append(
            [f'{number}.png', cephalogram.spacing, number, part, *points]
        )
    rows[1][4:6] = ['', '']
    with open(tmp_path / 'cephalograms.csv', 'w', newline='') as file:
        csv.writer(file).writerows(rows)
    out = convert(
        'csv', tmp_path / 'cephalograms.csv', '--schema', 'cephalogram23'
    )
    assert '1 landmarks without coordinates' in out
    infos = load('cephalograms_train', 'cephalogram23')
    assert infos['0.png']['keypoints_visible'][0].tolist() == [0] + [1] * 22
    np.testing.assert_allclose(
        infos['1.png']['keypoints'][0],
        truth(cephalograms[1], 'cephalogram23'),
        rtol=1e-6,
    )
    assert infos['1.png']['subject'] == '1'

    rows[4][2] = '0'
    with open(tmp_path / 'cephalograms.csv', 'w', newline='') as file:
        csv.writer(file).writerows(rows)
    with pytest.raises(SystemExit, match="'0' is in train .* and in val"):
        convert(
            'csv',
            tmp_path / 'cephalograms.csv',
            '--schema',
            'cephalogram23',
            out='leak',
        )
    assert not (tmp_path / 'leak' / 'annotations').exists()


def test_pandas_table_with_rulers(convert, load, tmp_path):
    schema = get_schema('document19')
    rows = []
    for number, part in enumerate(('train', 'dev', 'test')):
        row = dict(patient_id=f'person {number}', set=part)
        row['class'] = 'I'
        row['Image'] = [number] * (16 * 16 * 3)
        for index, name in enumerate(schema.names):
            row[f'{name} _x'] = index / 2 if index else None
            row[f'{name} _y'] = index / 4 if index else None
        rows.append(row)
    (tmp_path / 'table.json').write_text(json.dumps(rows))
    ruler = dict(zip(('up_x', 'up_y', 'down_x', 'down_y'), (9, 9, 9, 34)))
    ruler = {f'ruler_point_{key}': value for key, value in ruler.items()}
    (tmp_path / 'rulers.json').write_text(
        json.dumps({'person 0': ruler, 'person 2': ruler})
    )
    out = convert(
        'pandas', tmp_path / 'table.json', '--rulers', tmp_path / 'rulers.json'
    )
    assert '1 cephalograms without spacing' in out
    (train,) = load('table_train', 'document19').values()
    assert train['spacing'].tolist() == [15, 15]
    assert train['spacing_source'] == 'ruler'
    assert train['keypoints_visible'][0].tolist() == [0] + [1] * 18
    assert train['keypoints'][0, 10].tolist() == [5, 2.5]
    (val,) = load('table_val', 'document19').values()
    assert val['spacing'] is None and val['spacing_source'] == 'unknown'
    for path in (tmp_path / 'out').rglob('*'):
        assert path.is_dir() or b'person' not in path.read_bytes()


def test_options_are_remembered_but_no_paths(cephalograms, convert, tmp_path):
    write_isbi_tree(tmp_path / 'isbi', cephalograms)
    convert(
        *('isbi', tmp_path / 'isbi', '--annotator', 'senior'),
        *('--val-share', 0.25, '--seed', 3, '--name', 'mine'),
    )
    path = tmp_path / 'out' / 'annotations' / 'mine_val.json'
    text = path.read_text()
    info = json.loads(text)['info']
    assert info['annotator'] == 'senior' and info['part'] == 'val'
    assert info['options']['val_share'] == 0.25
    assert info['options']['seed'] == 3
    assert str(tmp_path) not in text


def test_errors_are_one_line(convert, tmp_path):
    with pytest.raises(SystemExit, match='error: there is no folder 400_jun'):
        convert('isbi', tmp_path)
    (tmp_path / 'a.csv').write_text('file\na.png\n')
    with pytest.raises(SystemExit, match="error: no landmark schema 'isbi'"):
        convert('csv', tmp_path / 'a.csv', '--schema', 'isbi')


def test_dicom(convert, tmp_path):
    examples = pytest.importorskip('pydicom.examples')
    example = examples.get_path('ct')
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / 'a.dcm').write_bytes(example.read_bytes())
    out = convert('dicom', tmp_path / 'in', '--schema', 'isbi2015')
    assert (
        '1 cephalograms, and' in out and 'cephalograms.csv to fill in' in out
    )
    assert (tmp_path / 'out' / 'images' / 'a.png').is_file()


def test_help_is_quick(modules_after_help):
    assert not {'torch', 'numpy', 'cv2'} & set(modules_after_help(TOOL))
