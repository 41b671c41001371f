# Copyright (c) cape_mm contributors. All rights reserved.
"""The guide to data names only what exists, and its example is readable."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np

from cape_mm.registry import DATASETS

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / 'docs' / 'en' / 'data_preparation.md').read_text('utf-8')


def test_named_files_exist():
    paths = set(re.findall(r'(?:tools|configs)/[\w./{}-]+\.(?:py|sh)', TEXT))
    assert len(paths) > 5
    for path in paths:
        assert (ROOT / path.replace('{split}', '3')).is_file(), path


def test_named_options_exist():
    tools = ROOT / 'tools'
    sources = ''.join(path.read_text() for path in tools.rglob('*.py'))
    options = set(re.findall(r'(?<![\w-])--[a-z][a-z0-9-]+', TEXT))
    assert '--carfusion' in options
    for option in options:
        assert f"'{option}'" in sources, option


def test_example_of_own_annotations_is_readable(tmp_path):
    (example,) = re.findall(r'```json\n(.*?)```', TEXT, flags=re.DOTALL)
    (tmp_path / 'own.json').write_text(example)
    (image,) = json.loads(example)['images']
    path = tmp_path / 'images' / image['file_name']
    path.parent.mkdir(parents=True)
    size = (image['height'], image['width'], 3)
    cv2.imwrite(str(path), np.zeros(size, np.uint8))
    dataset = DATASETS.build(
        dict(
            type='cape_mm.MP100Dataset',
            data_root=str(tmp_path),
            ann_file='own.json',
        )
    )
    (category,) = dataset.categories.values()
    assert category.num_keypoints == 4 and len(category.skeleton) == 3
    visible = dataset.get_data_info(0)['keypoints_visible']
    assert visible.tolist() == [[1, 1, 1, 0]]
