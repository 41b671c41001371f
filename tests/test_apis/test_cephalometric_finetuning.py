# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from support.tiny_ceph import write_tiny_ceph

from cape_mm.apis import (
    CephalometricInferencer,
    fit_cephalograms,
    write_cephalogram_fit,
)
from cape_mm.datasets.synthetic import write_cephalograms
from cape_mm.errors import DataError, UsageError

MINUTES = 0.4  # of the clock: enough on a machine that does other things


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return write_tiny_ceph(tmp_path_factory.mktemp('tiny'))


@pytest.fixture(scope='module')
def mine(tmp_path_factory):
    """Annotation file of ten cephalograms."""
    root = tmp_path_factory.mktemp('mine')
    write_cephalograms(root, train=10, val=1, test=1, image_height=64)
    return root / 'annotations' / 'cephalograms_train.json'


@pytest.fixture(scope='module')
def fit(tiny, mine):
    return fit_cephalograms(
        mine, tiny.checkpoint, minutes=MINUTES, device='cpu'
    )


def test_a_model_that_gets_better_is_kept(fit):
    assert fit.fitted and fit.num_labelled == 10 and fit.num_held_out == 2
    assert fit.unit == 'mm'
    assert fit.rows['after']['MRE'] < fit.rows['before']['MRE']
    assert set(fit.rows['after']) == {'MRE', 'SDR_2mm'}
    assert fit.reason.startswith('kept the fitted model')


def test_the_result_predicts_and_says_what_it_is(fit, mine, tmp_path):
    write_cephalogram_fit(fit, tmp_path)
    inferencer = CephalometricInferencer(
        tmp_path / 'finetuned.pth', device='cpu'
    )
    assert inferencer.schema.name == 'cephalogram23'
    image = sorted((mine.parents[1] / 'images').iterdir())[0]
    (result,) = inferencer(image, spacing=1.0)
    assert np.isfinite(result.pred_instances.keypoints).all()
    content = json.loads((tmp_path / 'results.json').read_text())
    assert content['held_out'] == fit.rows and content['fitted']


def test_a_model_that_does_not_get_better_stays_what_it_was(
    tiny, mine, monkeypatch
):
    from cape_mm.apis import cephalometric_finetuning as module

    monkeypatch.setattr(module, '_LEARNING_RATE', 0.0)
    fit = fit_cephalograms(mine, tiny.checkpoint, minutes=0.02, device='cpu')
    assert not fit.fitted and fit.reason.startswith('kept the checkpoint')
    original = torch.load(tiny.checkpoint, weights_only=True)['state_dict']
    assert all(
        torch.equal(fit.weights[key], value) for key, value in original.items()
    )


def test_the_state_of_random_generators_is_restored(tiny, mine):
    np.random.seed(3)
    torch.manual_seed(3)
    expected = np.random.get_state()[1].copy(), torch.get_rng_state()
    fit_cephalograms(mine, tiny.checkpoint, minutes=0.01, device='cpu')
    assert np.array_equal(np.random.get_state()[1], expected[0])
    assert torch.equal(torch.get_rng_state(), expected[1])


def test_too_few_cephalograms_are_refused(tiny):
    path = tiny.root / 'annotations' / 'cephalograms_train.json'
    with pytest.raises(DataError, match='4 labelled .* at least 5'):
        fit_cephalograms(path, tiny.checkpoint, device='cpu')


def test_other_files_and_times_are_refused(tiny, mine):
    with pytest.raises(FileNotFoundError, match='convert_cephalograms'):
        fit_cephalograms('nowhere.json', tiny.checkpoint, device='cpu')
    with pytest.raises(UsageError, match='minutes is 0'):
        fit_cephalograms(mine, tiny.checkpoint, minutes=0)


def test_other_landmarks_are_refused(tiny, mine, tmp_path):
    cfg = Config.fromfile(str(tiny.config))
    path = tmp_path / 'few.json'
    content = json.loads(mine.read_text())
    content['categories'][0]['keypoints'][0] = 'unknown'
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match='unknown'):
        fit_cephalograms(
            path,
            tiny.checkpoint,
            mine.parents[1] / 'images',
            device='cpu',
            config=cfg,
        )
