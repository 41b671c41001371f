# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from argparse import Namespace

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
    best = min(row['error'] for row in fit.rows.values())
    matcher = fit.rows['matcher']['error']
    assert (fit.kept == 'matcher') == (best == matcher)
    assert fit.rows[fit.kept]['error'] <= matcher
    assert fit.num_held_out == 4


@pytest.mark.parametrize(
    ('matcher', 'errors', 'expected'),
    [
        (0.1, dict(a=[0.02, 0.09], b=[0.05, 0.07]), 'b'),
        (0.1, dict(a=[0.02, 0.03], b=[0.06, 0.07]), 'a'),
        (0.1, dict(a=[0.02, 0.03], b=[0.01, 0.02]), 'b'),
        (0.1, dict(a=[0.08, 0.09], b=[0.1, 0.11]), 'a'),
        (0.1, dict(a=[0.11, 0.13], b=[0.1, 0.11]), None),
    ],
    ids=['unclear', 'clear', 'best', 'matcher beats one', 'matcher is best'],
)
def test_the_last_model_is_kept_unless_another_is_clearly_better(
    monkeypatch, matcher, errors, expected
):
    monkeypatch.setattr(finetuning, 'NAMES', dict(a='A', b='B'))
    rows = {key: dict(error=np.mean(one)) for key, one in errors.items()}
    rows['matcher'] = dict(error=matcher)
    candidates = [Namespace(name=name) for name in errors]
    kept, reason = finetuning._choose(candidates, rows, errors)
    assert (kept and kept.name) == expected
    if expected is None:
        assert reason.startswith('kept the matcher')


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
    for method in ('aligned', 'heatmap', 'refined heatmap'):
        fit = fit_category(request, method=method, **options)
        write_fit(fit, request, tmp_path / method)
    del options['config']
    again = fit_category(
        request, tmp_path / 'aligned/finetuned.pth', **options
    )
    assert list(again.rows) == ['copy', 'matcher', 'aligned']
    for method in ('heatmap', 'refined heatmap'):
        path = tmp_path / method / 'finetuned.pth'
        with pytest.raises(UnsuitableCheckpointError, match='no aligned head'):
            fit_category(request, path, **options)


def test_an_unknown_method_is_refused(data, options):
    with pytest.raises(UsageError, match="'lstm', must be of"):
        fit_category(read(data, 'val', 4), method='lstm', **options)
