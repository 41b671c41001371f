# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from cape_mm.datasets.formats.cephalometric import load_coco
from cape_mm.datasets.synthetic import write_cephalograms
from cape_mm.datasets.synthetic.cephalograms import writer
from cape_mm.evaluation.functional.cephalometric_measurements import measure
from cape_mm.structures import get_schema

SMALL = dict(train=6, val=2, test=3)


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'cephalograms'
    assert write_cephalograms(root, **SMALL)
    return root


def load(root, split):
    return load_coco(root / 'annotations' / f'cephalograms_{split}.json')


def test_layout_is_that_of_cephalometric_files(small):
    subjects = set()
    for split, size in SMALL.items():
        content = load(small, split)
        assert content['info']['schema'] == 'cephalogram23'
        assert len(content['images']) == len(content['annotations']) == size
        for image in content['images']:
            pixels = cv2.imread(
                str(small / 'images' / image['file_name']),
                cv2.IMREAD_UNCHANGED,
            )
            assert pixels.shape == (320, 256)
            assert (image['width'], image['height']) == (256, 320)
            assert image['spacing_source'] == 'file'
            is_standard = image['spacing'] == [0.75, 0.75]
            assert image['device'] == f'synthetic-{"BA"[is_standard]}'
            assert set(image['class_labels']) >= {'ANB', 'APDI', 'MW'}
            subjects.add(image['subject'])
    assert len(subjects) == sum(SMALL.values())
    assert len(list((small / 'images').iterdir())) == sum(SMALL.values())


def test_stored_measurements_are_those_of_the_stored_landmarks(small):
    content = load(small, 'train')
    for image, annotation in zip(content['images'], content['annotations']):
        points = np.array(annotation['keypoints']).reshape(-1, 3)
        found = measure(
            points[:, :2],
            points[:, 2],
            get_schema('cephalogram23'),
            image['spacing'],
        )
        for name, value in image['measurements'].items():
            if name in found and found[name].value is not None:
                assert found[name].value == pytest.approx(value, abs=1e-6)
        assert found['ANB'].value is not None


def test_the_same_numbers_give_the_same_files(small, tmp_path):
    other = tmp_path / 'again'
    assert write_cephalograms(other, **dict(SMALL, train=7))
    content, longer = load(small, 'train'), load(other, 'train')
    assert longer['images'][:6] == content['images']
    assert longer['annotations'][:6] == content['annotations']
    for image in content['images']:
        name = f'images/{image["file_name"]}'
        assert (other / name).read_bytes() == (small / name).read_bytes()
    assert load(other, 'test') == load(small, 'test')


def test_complete_data_are_not_written_again(small):
    path = small / 'images' / 'train_0000.jpg'
    written = path.stat().st_mtime_ns
    assert not write_cephalograms(small, **SMALL)
    assert path.stat().st_mtime_ns == written


def test_another_size_or_content_is_refused(small, tmp_path):
    with pytest.raises(FileExistsError, match='train: 6 instead of 5'):
        write_cephalograms(small, **dict(SMALL, train=5))
    (tmp_path / 'mine.txt').write_text('precious')
    with pytest.raises(FileExistsError, match='nothing was changed'):
        write_cephalograms(tmp_path, **SMALL)


def test_an_interrupted_writing_leaves_nothing_and_is_done_anew(
    tmp_path, monkeypatch
):
    root = tmp_path / 'cephalograms'

    def stop(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(writer, 'make_record', stop)
        with pytest.raises(KeyboardInterrupt):
            write_cephalograms(root, **SMALL)
    assert list(tmp_path.iterdir()) == []
    # What a killed process leaves behind does not matter either.
    (tmp_path / '.cephalograms.abc.part' / 'images').mkdir(parents=True)
    assert write_cephalograms(root, **SMALL)
    assert json.loads((root / 'cephalograms.json').read_text())['train'] == 6


@pytest.mark.parametrize(
    'wrong', [dict(seed=-1), dict(val=0), dict(image_height=32)]
)
def test_numbers_out_of_range_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match='image_height >= 64'):
        write_cephalograms(tmp_path / 'x', **dict(SMALL, **wrong))
