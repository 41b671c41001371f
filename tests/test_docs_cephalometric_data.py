# Copyright (c) cape_mm contributors. All rights reserved.
"""The guide to the data names only what exists; its example is readable."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest

from cape_mm.datasets.formats.cephalometric import SPACING_SOURCES
from cape_mm.datasets.synthetic import write_cephalograms
from cape_mm.registry import DATASETS, HOOKS

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / 'docs' / 'en' / 'cephalometric_data.md').read_text('utf-8')
TOOL = ROOT / 'tools' / 'dataset_converters' / 'convert_cephalograms.py'
DRAWING = TOOL.with_name('make_cephalograms.py')


def commands():
    """Command lines of the guide that can be run as they are."""
    for block in re.findall(r'```bash\n(.*?)```', TEXT, flags=re.DOTALL):
        for line in block.replace('\\\n', ' ').splitlines():
            program, *words = line.split()
            if program == 'python' and 'FORMAT' not in words:
                yield words


def test_commands_are_understood():
    parse = runpy.run_path(str(TOOL))['parse_args']
    formats = []
    for script, *words in commands():
        if ROOT / script == DRAWING:
            continue
        assert (ROOT / script) == TOOL
        formats.append(parse(words).format)
    assert sorted(formats) == sorted(
        ['isbi', 'cl2023', 'cl2024', 'aariz', 'csv', 'pandas', 'dicom']
    )


def test_named_options_exist():
    options = set(re.findall(r'(?<![\w-])--[a-z][a-z0-9-]+', TEXT))
    source = TOOL.read_text() + DRAWING.read_text()
    assert len(options) > 12
    for option in options:
        # The parts to draw are options in a loop.
        if option not in ('--train', '--val', '--test'):
            assert f"'{option}'" in source, option


def test_cephalograms_are_made_as_written(monkeypatch):
    main = runpy.run_path(str(DRAWING))['main']
    ((_, *words),) = [w for w in commands() if ROOT / w[0] == DRAWING]
    monkeypatch.setattr('sys.argv', [str(DRAWING), *words])
    asked = {}
    monkeypatch.setitem(
        main.__globals__, 'write_and_report', lambda *_, **kw: asked.update(kw)
    )
    main()
    assert [asked[key] for key in ('train', 'val', 'test')] == [2000, 200, 400]


def test_the_pipeline_of_the_guide_runs(tmp_path):
    (code,) = re.findall(
        r'```python\n(meta_keys.*?)```', TEXT, flags=re.DOTALL
    )
    codec = dict(
        type='MSRAHeatmap',
        input_size=(512, 640),
        heatmap_size=(128, 160),
        sigma=2.0,
    )
    config = dict(codec=codec)
    exec(code, config)
    write_cephalograms(tmp_path / 'cephalograms', train=1, val=1, test=1)
    dataset = DATASETS.build(
        dict(
            type='cape_mm.CephalogramsDataset',
            data_root=str(tmp_path / 'cephalograms'),
            ann_file='annotations/cephalograms_train.json',
            pipeline=config['train_pipeline'],
        )
    )
    item = dataset[0]
    assert item['inputs'].shape == (3, 640, 512)
    sample = item['data_samples']
    np.testing.assert_allclose(sample.spacing, 0.75)
    assert sample.gt_fields.heatmaps.shape == (23, 160, 128)
    (hook,) = config['custom_hooks']
    assert HOOKS.build(hook)


def test_sources_of_the_spacing_are_listed():
    for source in SPACING_SOURCES:
        assert f'`{source}`' in TEXT


def test_links_within_the_page_lead_somewhere():
    titles = re.findall(r'^#+ (.*)$', TEXT, flags=re.MULTILINE)
    anchors = {
        re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-')
        for title in titles
    }
    for anchor in re.findall(r'\]\(#([^)]+)\)', TEXT):
        assert anchor in anchors


def test_example_is_readable(tmp_path):
    (example,) = re.findall(r'```json\n(.*?)```', TEXT, flags=re.DOTALL)
    (tmp_path / 'own.json').write_text(example)
    (image,) = json.loads(example)['images']
    (tmp_path / 'images').mkdir()
    cv2.imwrite(
        str(tmp_path / 'images' / image['file_name']),
        np.zeros((image['height'], image['width']), np.uint8),
    )
    dataset = DATASETS.build(
        dict(
            type='cape_mm.CephalometricDataset',
            schema='isbi2015',
            data_root=str(tmp_path),
            ann_file='own.json',
        )
    )
    cephalogram = dataset.get_data_info(0)
    assert cephalogram['spacing'] == pytest.approx(0.1)
    assert cephalogram['keypoints'][0, 2].tolist() == [1462.5, 1100]
    assert cephalogram['keypoints_visible'].sum() == 18
