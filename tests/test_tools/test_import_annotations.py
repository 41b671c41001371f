# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.datasets.formats.annotation_tools import READERS

TOOL = (
    Path(__file__).parents[2]
    / 'tools/dataset_converters/import_annotations.py'
)


def run(*arguments):
    command = [sys.executable, str(TOOL), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_labelme_folder_becomes_a_dataset(tmp_path):
    for number in range(3):
        pixels = np.full((30, 40, 3), number, np.uint8)
        cv2.imwrite(str(tmp_path / f'{number}.png'), pixels)
        shapes = [
            dict(label='rim', points=[[5, 6]], shape_type='point'),
            dict(label='foot', points=[[9, 20]], shape_type='point'),
        ]
        content = dict(shapes=shapes, imagePath=f'{number}.png')
        (tmp_path / f'{number}.json').write_text(json.dumps(content))
    out = tmp_path / 'out'
    result = run(tmp_path, '--out', out, '--category', 'mug')
    assert result.returncode == 0, result.stderr
    assert 'labels: rim 3, foot 3' in result.stdout
    assert '3 boxes that are missing' in result.stdout
    assert len(MP100Dataset('annotations/train.json', str(out))) == 2
    result = run(tmp_path / '0.json', '--out', out)
    assert result.returncode == 1
    assert result.stderr.startswith('import_annotations.py: error: ')
    assert 'train.json is there already' in result.stderr


def test_the_help_names_all_formats():
    result = run('-h')
    assert '{auto,' + ','.join(READERS) + '}' in result.stdout
