# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from support.tiny_matching import build_matcher, smooth_images

from cape_mm.errors import DataError


@pytest.fixture(scope='module')
def model():
    return build_matcher()


def test_supports_are_encoded_in_all_views_and_scales(model):
    images = smooth_images(3)[None]
    levels = model.encode_supports(images)
    assert [tuple(level.shape) for level in levels] == [
        (24, 32, 16, 16), (24, 48, 8, 8),
        (24, 32, 24, 24), (24, 48, 12, 12),
    ]  # fmt: skip
    levels = model.encode_queries(images)
    assert [len(level) for level in levels] == [3] * 4


def test_views_of_a_support_stay_together(model):
    images = smooth_images(2)[None]
    both = model.encode_supports(images)
    for i in range(2):
        alone = model.encode_supports(images[:, i : i + 1])
        for level, own in zip(both, alone):
            assert torch.allclose(level[8 * i : 8 * i + 8], own, atol=1e-6)


def test_the_first_view_of_a_support_is_encoded_as_a_query(model):
    images = smooth_images(1)[None]
    support, query = model.extract_feat(dict(support=images, query=images))
    for one, other in zip(support, query):
        assert torch.allclose(one[:1], other, atol=1e-4)


def test_chunks_for_the_backbone_change_nothing(model, monkeypatch):
    images = smooth_images(3)[None]
    chunk = 'cape_mm.models.pose_estimators.matching_estimator._CHUNK'
    monkeypatch.setattr(chunk, 2)
    for one, other in zip(
        model.encode_queries(images),
        model.encode_queries(images[:, :2]),
    ):
        assert torch.allclose(one[:2], other, atol=1e-6)


def test_inputs_that_are_not_square_are_refused_in_one_sentence(model):
    with pytest.raises(DataError, match='square inputs, not 96 x 64'):
        model.encode_queries(smooth_images(1)[None, ..., :64, :])
