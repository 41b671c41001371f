# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest

from cape_mm.datasets.synthetic import draw_cephalogram
from cape_mm.datasets.synthetic.cephalograms.face import classify
from cape_mm.datasets.synthetic.cephalograms.layouts import (
    write_aariz_tree,
    write_isbi_tree,
)
from cape_mm.structures import get_schema


@pytest.fixture(scope='module')
def cephalograms():
    return [draw_cephalogram(0, number) for number in range(4)]


def test_isbi_layout(tmp_path, cephalograms):
    write_isbi_tree(tmp_path, cephalograms, numbers=(1, 150, 151, 400))
    images = sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob('*.bmp')
    )
    assert images == [
        'RawImage/Test1Data/151.bmp',
        'RawImage/Test2Data/400.bmp',
        'RawImage/TrainingData/001.bmp',
        'RawImage/TrainingData/150.bmp',
    ]
    image = cv2.imread(str(tmp_path / images[0]), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(image, cephalograms[2].image)

    lines = (tmp_path / '400_junior' / '151.txt').read_text().split('\n')
    assert [',' in line for line in lines] == [True] * 19 + [False] * 10
    assert lines[-2:] == ['', '']
    types = [int(line) for line in lines[19:27]]
    assert types == list(classify(cephalograms[2].face).values())


def test_the_mean_of_both_observers_is_the_truth(tmp_path, cephalograms):
    write_isbi_tree(tmp_path, cephalograms)
    codes = get_schema('isbi2015').codes
    for number, cephalogram in enumerate(cephalograms, 1):
        marked = [
            np.loadtxt(
                tmp_path / f'400_{observer}' / f'{number:03d}.txt',
                delimiter=',',
                max_rows=19,
            )
            for observer in ('junior', 'senior')
        ]
        truth = np.array([cephalogram.points_px[code] for code in codes])
        assert np.abs(np.mean(marked, axis=0) - truth).max() <= 0.5
        assert np.abs(marked[0] - marked[1]).max() > 1


def test_aariz_layout(tmp_path, cephalograms):
    write_aariz_tree(tmp_path, cephalograms)
    with (tmp_path / 'cephalogram_machine_mappings.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [row['mode'] for row in rows] == ['train', 'train', 'valid', 'test']
    schema = get_schema('aariz29')
    orders = set()
    for row, cephalogram in zip(rows, cephalograms):
        assert float(row['pixel_size']) == cephalogram.spacing
        folder, name = tmp_path / row['mode'], row['cephalogram_id']
        assert (folder / 'Cephalograms' / f'{name}.png').is_file()
        stage = folder / 'Annotations' / 'CVM Stages' / f'{name}.json'
        assert 1 <= json.loads(stage.read_text())['cvm_stage']['value'] <= 6
        places = []
        for observer in ('Junior', 'Senior'):
            path = folder / 'Annotations' / 'Cephalometric Landmarks'
            path = path / f'{observer} Orthodontists' / f'{name}.json'
            content = json.loads(path.read_text())
            assert content['ceph_id'] == name
            by_symbol = {
                entry['symbol']: entry['value']
                for entry in content['landmarks']
            }
            orders.add(tuple(by_symbol))
            assert set(by_symbol) == set(schema.names)
            places.append(
                [(by_symbol[s]['x'], by_symbol[s]['y']) for s in schema.names]
            )
        truth = [cephalogram.points_px[code] for code in schema.codes]
        assert np.abs(np.mean(places, axis=0) - truth).max() <= 0.5
    # Only the symbol says which landmark it is.
    assert len(orders) == 4
