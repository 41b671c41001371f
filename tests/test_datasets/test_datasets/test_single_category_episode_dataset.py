# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.errors import DataError
from cape_mm.registry import DATASETS


@pytest.fixture
def build(write_mp100, pipeline):
    def build(**kwargs):
        cfg = dict(
            type='cape_mm.SingleCategoryEpisodeDataset',
            dataset=write_mp100(),
            pipeline=pipeline,
            num_episodes=30,
            category_id=20,
        )
        return DATASETS.build(dict(cfg, **kwargs))

    return build


def test_all_instances_of_the_category_and_no_others_take_part(build):
    dataset = build()
    pairs = set()
    for number in range(30):
        sample = dataset[number]['data_samples']
        assert sample.category_id == 20
        pairs.add((sample.supports[0].id, sample.queries[0].id))
    ids = {105, 106, 107}
    assert pairs == {(a, b) for a in ids for b in ids if a != b}


def test_category_may_be_text_from_the_environment(build):
    assert build(category_id='20')[0]['data_samples'].category_id == 20


@pytest.mark.parametrize('wrong', [3, 'horse', ''])
def test_wrong_category_lists_what_exists(build, wrong):
    with pytest.raises(DataError, match="10 'face': 4 instances"):
        build(category_id=wrong)


def test_too_few_instances_are_an_error(build):
    with pytest.raises(DataError, match='has 3 instances, fewer than 4'):
        build(num_shots=2, num_queries=2)


def test_description_names_the_category(build):
    text = build().describe()
    assert 'mode: single category' in text
    assert "category: 20 'face' with 3 instances" in text
    assert 'episodes per epoch: 30' in text
