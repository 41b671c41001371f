# Copyright (c) cape_mm contributors. All rights reserved.
"""The guide to videos names only what exists, and its examples work."""

from __future__ import annotations

import ast
import json
import re
from inspect import signature
from pathlib import Path

import cv2
import numpy as np

from cape_mm.datasets.synthetic.stick_figures.writer import write_stick_figures
from cape_mm.registry import DATA_SAMPLERS, DATASETS, MODELS, TRANSFORMS

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / 'docs' / 'en' / 'posetrack_data.md').read_text('utf-8')


def examples(language):
    return re.findall(rf'```{language}\n(.*?)```', TEXT, flags=re.DOTALL)


def test_named_files_and_options_exist():
    paths = set(re.findall(r'(?:tools|cape_mm)/[\w./]+\.py', TEXT))
    assert len(paths) == 4
    sources = ''.join((ROOT / path).read_text() for path in paths)
    # what several tools share
    for path in (ROOT / 'cape_mm' / 'cli').glob('*.py'):
        sources += path.read_text()
    options = set(re.findall(r'(?<![\w-])--[a-z][a-z0-9-]+', TEXT))
    assert len(options) >= 5
    # the tool that writes stick figures takes the arguments of its function
    written = {
        f'--{name.replace("_", "-")}'
        for name in signature(write_stick_figures).parameters
    }
    assert {'--train', '--val', '--image-size'} <= written
    for option in options - written:
        assert f"'{option}'" in sources, option


def test_named_types_exist():
    names = set(re.findall(r'cape_mm\.([A-Z]\w+)', TEXT))
    assert len(names) > 10
    for name in names:
        assert any(
            registry.get(f'cape_mm.{name}')
            for registry in (DATASETS, DATA_SAMPLERS, MODELS, TRANSFORMS)
        ), name


def test_pipelines_and_own_video_work(tmp_path):
    (code,) = [text for text in examples('python') if 'test_pipeline' in text]
    pipelines = {}
    exec(compile(ast.parse(code), 'docs', 'exec'), pipelines)
    (example,) = examples('json')
    (tmp_path / 'own.json').write_text(example)
    (image,) = json.loads(example)['images']
    path = tmp_path / image['file_name']
    path.parent.mkdir(parents=True)
    size = (image['height'], image['width'], 3)
    cv2.imwrite(str(path), np.zeros(size, np.uint8))
    for mode in ('train', 'test'):
        dataset = DATASETS.build(
            dict(
                type='cape_mm.PoseTrackClipDataset',
                data_root=str(tmp_path),
                ann_file='own.json',
                test_mode=mode == 'test',
                pipeline=pipelines[f'{mode}_pipeline'],
            )
        )
        (frame,) = dataset[0]['data_samples'].frames
        assert len(frame.ignore_regions) == 1
    assert frame.img_shape == (750, 1333)
    assert frame.gt_instances.keypoints_visible.sum() == 14
    assert frame.gt_instances.track_ids.tolist() == [0]
