# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.structures import PoseDataSample

from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeDataSample

MEAN, STD = [10.0, 20.0, 30.0], [2.0, 4.0, 5.0]


def make_item(number, shots=2, queries=1, size=(8, 6)):
    generator = torch.Generator().manual_seed(number)
    images = torch.randint(
        0, 256, (shots + queries, 3, *size), generator=generator
    ).to(torch.uint8)
    members = [
        PoseDataSample(metainfo=dict(id=10 * number + i))
        for i in range(shots + queries)
    ]
    sample = EpisodeDataSample(metainfo=dict(episode=(0, 0, number)))
    sample.supports, sample.queries = members[:shots], members[shots:]
    return dict(
        inputs=dict(support=images[:shots], query=images[shots:]),
        data_samples=sample,
    )


@pytest.fixture
def preprocessor():
    return MODELS.build(
        dict(
            type='cape_mm.EpisodeDataPreprocessor',
            mean=MEAN,
            std=STD,
            bgr_to_rgb=True,
        )
    )


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('shots, queries', [(1, 1), (2, 3), (5, 1)])
def test_every_image_lands_normalised_in_its_place(
    shots, queries, training, preprocessor
):
    items = [make_item(number, shots, queries) for number in range(3)]
    out = preprocessor(pseudo_collate(items), training)
    assert out['inputs']['support'].shape == (3, shots, 3, 8, 6)
    assert out['inputs']['query'].shape == (3, queries, 3, 8, 6)
    mean = torch.tensor(MEAN).view(3, 1, 1)
    std = torch.tensor(STD).view(3, 1, 1)
    for number, item in enumerate(items):
        for key in ('support', 'query'):
            expected = (item['inputs'][key].flip(1).float() - mean) / std
            assert torch.allclose(out['inputs'][key][number], expected)
        sample = out['data_samples'][number]
        assert isinstance(sample, EpisodeDataSample)
        assert sample.episode == (0, 0, number)
        ids = [m.id for m in sample.supports + sample.queries]
        assert ids == [10 * number + i for i in range(shots + queries)]
        assert len(sample.supports) == shots
        for member in sample.supports + sample.queries:
            assert member.batch_input_shape == (8, 6)


def test_items_are_not_changed(preprocessor):
    item = make_item(0)
    preprocessor(pseudo_collate([item]))
    assert item['inputs']['support'].dtype == torch.uint8
    assert 'batch_input_shape' not in item['data_samples'].supports[0]


@pytest.mark.parametrize(
    'change', [dict(shots=1), dict(queries=2), dict(size=(6, 6))]
)
def test_episodes_of_different_shapes_are_refused(change, preprocessor):
    items = [make_item(0), make_item(1, **change)]
    with pytest.raises(ValueError, match='of shapes'):
        preprocessor(pseudo_collate(items))


def test_support_and_query_of_different_sizes_are_refused(preprocessor):
    item = make_item(0)
    item['inputs']['query'] = item['inputs']['query'][..., :4]
    with pytest.raises(ValueError, match='differ in size'):
        preprocessor(pseudo_collate([item]))


def test_padding_is_refused_because_it_would_shift_coordinates():
    preprocessor = MODELS.build(
        dict(type='cape_mm.EpisodeDataPreprocessor', pad_size_divisor=4)
    )
    with pytest.raises(ValueError, match='pad_size_divisor'):
        preprocessor(pseudo_collate([make_item(0)]))
