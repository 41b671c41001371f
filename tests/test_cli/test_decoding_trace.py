# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
import torch
from support.tiny_cape import write_tiny_cape

from cape_mm.apis import CapeInferencer
from cape_mm.cli.decoding_trace import trace_decoding
from cape_mm.cli.episodes import build_dataset, predict_samples


@pytest.fixture(scope='module')
def inferencer(tmp_path_factory):
    tiny = write_tiny_cape(tmp_path_factory.mktemp('tiny'))
    return CapeInferencer(tiny.checkpoint, device='cpu')


@pytest.fixture(scope='module')
def traced(inferencer):
    item = build_dataset(inferencer.cfg)[0]
    return item, trace_decoding(inferencer.model, item)


def assert_points_are_predicted(model, item, trace):
    (episode,) = predict_samples(model, [item])
    for points, query in zip(trace.points, episode.queries):
        corner = query.input_center - 0.5 * query.input_scale
        expected = (query.pred_instances.keypoints[0] - corner) / (
            query.input_scale
        )
        # pixel centres to borders
        expected += 0.5 / np.array(query.input_size)
        np.testing.assert_allclose(points, expected, atol=1e-4)


def test_points_are_those_of_the_prediction(inferencer, traced):
    assert_points_are_predicted(inferencer.model, *traced)


def test_points_of_a_parallel_head_are_decoded_in_parallel(
    inferencer, traced, monkeypatch
):
    item, stepwise = traced
    monkeypatch.setattr(inferencer.model.head, 'autoregressive', False)
    trace = trace_decoding(inferencer.model, item)
    assert_points_are_predicted(inferencer.model, item, trace)
    assert not torch.equal(trace.points, stepwise.points)
    assert trace.attention.shape == stepwise.attention.shape


def test_maps_and_attention_are_shares(traced):
    item, trace = traced
    count = item['data_samples'].num_keypoints
    assert trace.maps.shape[:2] == (2, count)
    torch.testing.assert_close(
        trace.maps.sum(dim=(2, 3)), torch.ones(2, count)
    )
    assert trace.attention.shape == (2, count, count + 1)
    torch.testing.assert_close(
        trace.attention.sum(dim=2), torch.ones(2, count)
    )


def test_attention_ignores_missing_keypoints_by_name(inferencer, traced):
    item, _ = traced
    support = item['data_samples'].supports[0]
    weights = support.gt_instance_labels.keypoint_weights
    before = weights.clone()
    weights[0, 2] = 0
    trace = trace_decoding(inferencer.model, item)
    weights.copy_(before)
    silent = (trace.attention == 0).all(dim=1)
    assert silent[:, 2].all()
    assert silent.sum() == (before == 0).sum() * 2 + 2


def test_no_hook_stays(inferencer):
    layer = inferencer.model.head.decoder.autoregressive_layer.memory_attention
    assert not layer._forward_pre_hooks
