# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import numpy as np
import pytest
from support.tiny_aligned import write_config

from cape_mm.apis import (
    CapeInferencer,
    finetuning,
    fit_category,
    fitting_candidates,
    read_request,
    write_fit,
)
from cape_mm.apis.fitting_candidates import HeatmapCandidate
from cape_mm.datasets.synthetic import write_creatures
from cape_mm.errors import UnsuitableCheckpointError, UsageError

pytest.importorskip('timm')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('creatures')
    write_creatures(
        root, train=(1, 2), val=(1, 5), test=(1, 12), image_size=96
    )
    return root


@pytest.fixture
def options(data, tmp_path, monkeypatch):
    monkeypatch.setattr(fitting_candidates, 'choose_num_views', lambda _: 4)
    config = write_config(tmp_path, data)
    return dict(config=config, minutes=0.02, device='cpu')


def read(data, split, count):
    file = data / 'annotations' / f'mp100_split1_{split}.json'
    request = read_request(str(file))
    members = request.supports + request.queries
    request.supports, request.queries = members[:count], members[count:]
    return request


def test_of_many_images_the_best_model_is_kept(data, options):
    fit = fit_category(read(data, 'test', 12), **options)
    methods = ['copy', 'matcher', 'aligned', 'heatmap', 'refined heatmap']
    assert list(fit.rows) == methods
    errors = {key: row['error'] for key, row in fit.rows.items()}
    del errors['copy']
    assert fit.kept == min(errors, key=errors.get)
    assert fit.num_held_out == 4


def test_a_heatmap_head_is_kept_where_its_error_is_the_least(
    data, options, monkeypatch
):
    def check(self, candidate, *_):
        heatmap = isinstance(candidate, HeatmapCandidate)
        return dict(error=-1.0 if heatmap else 1.0)

    monkeypatch.setattr(finetuning._Fitting, '_check', check)
    monkeypatch.setattr(finetuning, '_mean', lambda rows, _: rows[0])
    fit = fit_category(read(data, 'test', 12), **options)
    assert fit.kept == 'heatmap'
    assert fit.reason.startswith('kept an ordinary heatmap head: its error')


@pytest.mark.parametrize('method', ['heatmap', 'refined heatmap'])
def test_a_written_heatmap_head_predicts_what_was_measured(
    data, options, tmp_path, monkeypatch, method
):
    used = []
    original = finetuning._Fitting.finish

    def finish(self, candidate, *args):
        original(self, candidate, *args)
        used.append(candidate)

    monkeypatch.setattr(finetuning._Fitting, 'finish', finish)
    request = read(data, 'val', 4)
    fit = fit_category(request, method=method, **options)
    assert fit.kept == method and fit.rows == {}
    write_fit(fit, request, tmp_path / 'out')
    results = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert results['kept'] == method
    inferencer = CapeInferencer(tmp_path / 'out/finetuned.pth', device='cpu')
    request.queries = request.supports
    request.supports = fit.supports
    (candidate,) = used
    instances = candidate._instances
    expected = instances.to_original(candidate.predict(list(range(4))))
    found = [
        episode.queries[index].pred_instances.keypoints[0]
        for episode, index in inferencer.predict_request(request)
    ]
    np.testing.assert_allclose(np.stack(found), expected, atol=0.05)


def test_a_fit_goes_on_from_an_aligned_checkpoint_only(
    data, options, tmp_path
):
    request = read(data, 'val', 4)
    for method in ('aligned', 'heatmap'):
        fit = fit_category(request, method=method, **options)
        write_fit(fit, request, tmp_path / method)
    del options['config']
    again = fit_category(
        request, tmp_path / 'aligned/finetuned.pth', **options
    )
    assert list(again.rows) == ['copy', 'matcher', 'aligned']
    with pytest.raises(UnsuitableCheckpointError, match='no aligned head'):
        fit_category(request, tmp_path / 'heatmap/finetuned.pth', **options)


def test_an_unknown_method_is_refused(data, options):
    with pytest.raises(UsageError, match="'lstm', must be of"):
        fit_category(read(data, 'val', 4), method='lstm', **options)
