# Copyright (c) cape_mm contributors. All rights reserved.
"""What the guides to own categories and insight tools show works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from mmengine.config import Config

from cape_mm.apis import read_request
from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.registry import HOOKS

ROOT = Path(__file__).resolve().parents[1]
GUIDES = {
    name: (ROOT / 'docs' / 'en' / f'{name}.md').read_text('utf-8')
    for name in ('custom_category', 'insight_tools')
}


def blocks(language):
    pattern = rf'```{language}\n(.*?)```'
    return re.findall(pattern, GUIDES['custom_category'], flags=re.DOTALL)


@pytest.mark.parametrize('name', GUIDES)
def test_named_files_and_options_exist(name):
    paths = re.findall(r'(?:tools|configs|cape_mm)/[\w./-]+\.py', GUIDES[name])
    assert paths
    for path in paths:
        assert (ROOT / path).is_file(), path
    tools = (ROOT / 'tools').rglob('*.py')
    sources = ''.join(path.read_text() for path in tools)
    for option in re.findall(r'(?<![\w-])--[a-z][a-z0-9-]+', GUIDES[name]):
        assert f"'{option}'" in sources, option


def test_request_is_readable(tmp_path):
    (text,) = blocks('json')
    path = tmp_path / 'mugs.json'
    path.write_text(text)
    request = read_request(str(path))
    assert len(request.keypoint_names) == 4
    assert request.queries[1].box == [40, 60, 200, 240]


def test_coco_export_is_converted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data' / 'mugs' / 'annotations').mkdir(parents=True)
    export = dict(
        images=[dict(id=1, file_name='a.jpg', width=60, height=50)],
        annotations=[
            dict(
                id=1,
                image_id=1,
                category_id=1,
                bbox=[1, 1, 40, 40],
                keypoints=[2, 2, 2, 30, 30, 1, 20, 8, 2],
            )
        ],
        categories=[
            dict(id=1, name='mug', keypoints=list('abc'), skeleton=[[1, 3]])
        ],
    )
    (tmp_path / 'export.json').write_text(json.dumps(export))
    image = tmp_path / 'data' / 'mugs' / 'images' / 'a.jpg'
    image.parent.mkdir()
    image.write_bytes(b'')
    (code,) = (block for block in blocks('python') if 'export.json' in block)
    exec(code, {})
    dataset = MP100Dataset(
        ann_file='annotations/all.json', data_root='data/mugs'
    )
    assert dataset.categories[1].skeleton == ((0, 2),)


def test_config_for_fine_tuning_is_sound(tmp_path):
    (text,) = (block for block in blocks('python') if '_base_' in block)
    path = tmp_path / 'my_mugs.py'
    path.write_text(text.replace("'./configs", f"'{ROOT}/configs"))
    cfg = Config.fromfile(str(path))
    train, val = cfg.train_dataloader.dataset, cfg.val_dataloader.dataset
    assert train.dataset.data_root == val.dataset.data_root == 'data/mugs'
    assert train.dataset.type == 'cape_mm.MP100Dataset'
    assert val.pipeline == cfg.test_pipeline
    assert 'pair_file' not in val
    assert cfg.test_dataloader == cfg.val_dataloader
    assert cfg.train_cfg.max_epochs == cfg.param_scheduler[1].T_max == 10
    assert cfg.optim_wrapper.optimizer.type == 'AdamW'
    # without the hook, training would be pure teacher forcing
    (sampling,) = (
        HOOKS.build(hook)
        for hook in cfg.custom_hooks
        if 'ScheduledSampling' in hook.type
    )
    assert sampling.share == (1.0, 1.0)
