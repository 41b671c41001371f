# Copyright (c) cape_mm contributors. All rights reserved.
"""Checkpoints written by earlier versions load and test as they did then.

``data/checkpoints_0`` says where the checkpoints and the expected values come
from.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner

import cape_mm.registry  # noqa: F401

FOLDER = Path(__file__).resolve().parent / 'data' / 'checkpoints_0'
FAMILIES = ('cape', 'cephalometric', 'pavenet')

#: Rounding differs between versions of PyTorch and numbers of threads.
REL_TOLERANCE = 1e-5
#: Keypoints are stored to four digits after the point, in original pixels.
PX_TOLERANCE = 2e-3
#: The normalised frame of CAPE has moved by half an input pixel, from pixel
#: centres to borders, to which these weights were not trained.
CAPE_MOVE = 1.0  # input pixels, for 98 % of the coordinates
#: A move of the supports by half an input pixel moved the most sensitive
#: coordinate of the 360 by 1.2 input pixels, all others by less than 1.
CAPE_LARGEST_MOVE = 2.0  # input pixels
#: Shares (PCK, AUC): a keypoint that crosses a threshold by that move counts
#: 1/240 or 1/160.
CAPE_PCK_TOLERANCE = 0.05


class Result(NamedTuple):
    metrics: dict
    images: list[dict]


class KeepPredictions(Hook):
    def __init__(self):
        self.images = []

    def after_test_iter(
        self, runner, batch_idx, data_batch=None, outputs=None
    ):
        for output in outputs:
            for sample in members(output):
                self.images.append(describe(sample))


def members(output) -> list:
    """Queries of an episode, frames of a clip, or the sample itself."""
    for name in ('queries', 'frames'):
        if hasattr(output, name):
            return list(getattr(output, name))
    return [output]


def describe(sample) -> dict:
    """What is compared of the predictions on one image."""
    poses = sample.pred_instances
    scale = sample.metainfo.get('input_scale')
    size = sample.metainfo.get('input_size')
    path = Path(sample.img_path)
    entry = dict(
        image=f'{path.parent.name}/{path.name}',
        keypoints=np.round(
            np.asarray(poses.keypoints, np.float64), 4
        ).tolist(),
    )
    if scale is not None and size is not None:
        pixel = np.max(np.asarray(scale).reshape(-1) / size)
        entry['input_pixel_px'] = round(float(pixel), 4)
    if 'track_ids' in poses:
        entry['track_ids'] = [int(number) for number in poses.track_ids]
    return entry


def run_test(family: str, work_dir: Path) -> Result:
    """Test as ``tools/test.py`` does."""
    cfg = Config.fromfile(FOLDER / family / 'config.py')
    cfg.work_dir = str(work_dir)
    cfg.load_from = str(FOLDER / family / 'checkpoint.pth')
    cfg.visualizer.name = cfg.experiment_name = f'old_{family}'
    runner = Runner.from_cfg(cfg)
    runner.register_hook(dict(type='cape_mm.StrictCheckpointHook'))
    keep = KeepPredictions()
    runner.register_hook(keep)
    return Result(runner.test(), keep.images)


@pytest.fixture(scope='module', params=FAMILIES)
def family(request) -> str:
    return request.param


@pytest.fixture(scope='module')
def result(family, tmp_path_factory) -> Result:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield run_test(family, tmp_path_factory.mktemp(family))
    torch.set_num_threads(threads)
    for manager in (MMLogger, MessageHub, DefaultScope):
        manager._instance_dict.clear()


def read(family: str, name: str):
    return json.loads((FOLDER / family / name).read_text('utf-8'))


def test_every_weight_of_an_old_checkpoint_is_loaded(family):
    cfg = Config.fromfile(FOLDER / family / 'config.py')
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(cfg.model)
    content = torch.load(
        FOLDER / family / 'checkpoint.pth',
        map_location='cpu',
        weights_only=True,
    )
    assert content['meta']['dataset_meta']
    keys = model.load_state_dict(content['state_dict'], strict=False)
    assert not keys.missing_keys and not keys.unexpected_keys


def test_the_config_in_an_old_checkpoint_builds_its_model(family):
    content = torch.load(
        FOLDER / family / 'checkpoint.pth',
        map_location='cpu',
        weights_only=True,
    )
    cfg = Config.fromstring(content['meta']['cfg'], '.py')
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(cfg.model)
    model.load_state_dict(content['state_dict'])


def test_an_old_checkpoint_tests_to_the_same_figures(family, result):
    expected = read(family, 'figures.json')
    assert set(expected) <= set(result.metrics)
    for key, value in expected.items():
        tolerance = dict(rel=REL_TOLERANCE, abs=1e-6, nan_ok=True)
        if family == 'cape':
            tolerance = cape_tolerance(key)
        assert result.metrics[key] == pytest.approx(value, **tolerance), key


def cape_tolerance(key: str) -> dict:
    """Tolerance of a metric when all keypoints may move by `CAPE_MOVE`."""
    if key == 'EPE':
        return dict(abs=CAPE_MOVE * max(input_pixels('cape')))
    if key.startswith('NME'):
        # sides of the boxes are 0.8 of the input's: padding is 1.25
        return dict(abs=CAPE_MOVE / (0.8 * 64))
    return dict(abs=CAPE_PCK_TOLERANCE)


def input_pixels(family: str) -> list[float]:
    return [
        image['input_pixel_px'] for image in read(family, 'predictions.json')
    ]


def test_an_old_checkpoint_predicts_the_same_keypoints(family, result):
    expected = read(family, 'predictions.json')
    names = [image['image'] for image in result.images]
    assert names == [image['image'] for image in expected]
    moves = []
    for image, other in zip(result.images, expected):
        assert image.get('track_ids') == other.get('track_ids')
        keypoints = np.array(image['keypoints'])
        stored = np.array(other['keypoints'])
        assert keypoints.shape == stored.shape
        moves.append(np.abs(keypoints - stored).ravel())
        if family == 'cape':
            moves[-1] /= other['input_pixel_px']
    moves = np.concatenate(moves)
    if family == 'cape':
        assert moves.max() < CAPE_LARGEST_MOVE
        assert np.mean(moves < CAPE_MOVE) > 0.98
    else:
        assert moves.max() < PX_TOLERANCE
