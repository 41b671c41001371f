# Copyright (c) cape_mm contributors. All rights reserved.
"""The page on PAVENet names options and files that exist."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from cape_mm.datasets.datasets import PoseTrackClipDataset
from cape_mm.datasets.datasets.clip_dataset import ClipDataset
from cape_mm.models import losses, task_modules
from cape_mm.models.heads import PAVEHead
from cape_mm.models.layers import pavenet

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / 'docs' / 'en' / 'pavenet.md').read_text()
OWNERS = {
    'train_dataloader.dataset': (PoseTrackClipDataset, ClipDataset),
    'model.head': (PAVEHead,),
    'model.head.decoder': (pavenet.PoseDecoder,),
    'model.head.criterion': (losses.PAVECriterion,),
    'model.head.criterion.loss_kpt': (losses.FlowRLELoss,),
    'model.head.assigner': (task_modules.TrackAwareHungarianAssigner,),
    'model.head.sampler': (task_modules.TrackQuerySampler,),
    'model.tracker': (
        task_modules.PoseQueryTracker,
        task_modules.DetectionLinker,
    ),
}
ROWS = re.findall(
    r'^\| `((?:model|train_dataloader)[\w.]+)` \| ([^|]+) \|', PAGE, re.M
)


def test_the_page_has_options():
    assert len(ROWS) > 30


@pytest.mark.parametrize('path, default', ROWS)
def test_options_exist_with_their_defaults(path, default):
    place, _, name = path.rpartition('.')
    found = [
        inspect.signature(owner).parameters[name].default
        for owner in OWNERS[place]
        if name in inspect.signature(owner).parameters
    ]
    value = found[0]
    assert default.strip('` ') == (
        repr(value) if not isinstance(value, float) else f'{value:g}'
    )


def test_all_options_of_tracking_are_there():
    named = {path for path, _ in ROWS}
    for place in ('model.head.sampler', 'model.tracker'):
        for name in inspect.signature(OWNERS[place][0]).parameters:
            assert f'{place}.{name}' in named or name == 'metainfo'


def test_files_and_links_exist():
    for path in re.findall(r'`((?:models|structures)/[\w/.]*)`', PAGE):
        assert (ROOT / 'cape_mm' / path).exists(), path
    for path in re.findall(r'\]\((\w+\.md)\)', PAGE):
        assert (ROOT / 'docs' / 'en' / path).exists(), path
    for path in re.findall(r'(configs/[\w/.-]+\.py)', PAGE):
        assert (ROOT / path).exists(), path
