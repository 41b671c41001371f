# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np

from cape_mm.datasets.formats.mp100.annotation_file import load_annotation_file
from cape_mm.registry import DATASETS

ROOT = Path(__file__).resolve().parents[4]
EXAMPLE = ROOT / 'docs' / 'en' / 'examples' / 'own_annotations.json'


def test_example_of_the_guide_to_own_data_is_readable(tmp_path):
    shutil.copy(EXAMPLE, tmp_path)
    (image,) = load_annotation_file(str(EXAMPLE))['images']
    path = tmp_path / 'images' / image['file_name']
    path.parent.mkdir(parents=True)
    size = (image['height'], image['width'], 3)
    cv2.imwrite(str(path), np.zeros(size, np.uint8))
    dataset = DATASETS.build(
        dict(
            type='cape_mm.MP100Dataset',
            data_root=str(tmp_path),
            ann_file=EXAMPLE.name,
        )
    )
    (category,) = dataset.categories.values()
    assert category.num_keypoints == 4 and len(category.skeleton) == 3
    visible = dataset.get_data_info(0)['keypoints_visible']
    assert visible.tolist() == [[1, 1, 1, 0]]
