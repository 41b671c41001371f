# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from pathlib import Path

import pytest

from cape_mm.datasets.datasets import pair_list_episode_dataset
from cape_mm.datasets.formats.mp100.pair_list import (
    draw_pair_list,
    protocol_instances,
)
from cape_mm.errors import DataError
from cape_mm.registry import DATASETS


@pytest.fixture
def build(write_mp100, pipeline):
    def build(data=None, **kwargs):
        cfg = dict(
            type='cape_mm.PairListEpisodeDataset',
            dataset=data or write_mp100(instances=(6, 5)),
            pipeline=pipeline,
            num_queries=3,
            episodes_per_category=4,
        )
        return DATASETS.build(dict(cfg, **kwargs))

    return build


@pytest.fixture
def logged(monkeypatch):
    texts = []
    monkeypatch.setattr(
        pair_list_episode_dataset,
        'print_log',
        lambda text, **kwargs: texts.append(text),
    )
    return texts


def ids(members):
    return tuple(member.id for member in members)


def remove_image(tmp_path, number):
    (path,) = (tmp_path / 'images').glob(f'*/{number}.png')
    path.unlink()
    return path


def test_items_are_the_episodes_of_the_list(build):
    dataset = build(num_shots=2)
    assert len(dataset) == 8
    for number, episode in enumerate(dataset.pair_list.episodes):
        item = dataset[number]
        sample = item['data_samples']
        assert sample.category_id == episode.category_id
        assert ids(sample.supports) == episode.supports
        assert ids(sample.queries) == episode.queries
        assert item['inputs']['support'].shape == (2, 3, 32, 32)
        assert item['inputs']['query'].shape == (3, 3, 32, 32)
        assert sample.replaced == []


def test_published_numbers_are_the_default(build, write_mp100, pipeline):
    data = write_mp100(instances=(16,), num_keypoints=(2,))
    dataset = DATASETS.build(
        dict(
            type='cape_mm.PairListEpisodeDataset',
            dataset=data,
            pipeline=pipeline,
        )
    )
    instances = {10: list(range(101, 117))}
    assert dataset.pair_list == draw_pair_list(instances, 1, 15, 200)
    assert dataset.seed == 1 and len(dataset) == 200


def test_hash_is_described_and_part_of_the_meta_information(build):
    dataset = build()
    info = dataset.metainfo['pair_list']
    assert dataset.metainfo['dataset_name'] == 'mp100'
    assert info['sha256'] == dataset.pair_list.sha256
    assert info['evaluated_sha256'] == info['sha256']
    assert info['num_pairs'] == 24 and not info['partial']
    text = dataset.describe()
    assert info['sha256'] in text and 'PARTIAL' not in text
    assert 'pairs: 24' in text


def test_unreadable_member_is_an_error_and_never_replaced(build, tmp_path):
    dataset = build()
    episode = dataset.pair_list.episodes[0]
    bad = episode.queries[1]
    (path,) = (tmp_path / 'images').glob(f'*/{bad - 100}.png')
    path.write_text('no image')
    with pytest.raises(DataError) as error:
        dataset[0]
    assert str(path) in str(error.value)
    assert f'annotation {bad}' in str(error.value)
    assert 'no substitutes' in str(error.value)


def test_support_without_keypoint_in_its_crop_is_kept(build, write_mp100):
    def edit(content):
        content['annotations'][0].update(
            bbox=[0, 0, 6, 6], keypoints=[60, 40, 2] * 5
        )

    dataset = build(
        data=write_mp100(instances=(2,), num_keypoints=(5,), edit=edit),
        num_queries=1,
    )
    supports = {
        ids(dataset[number]['data_samples'].supports) for number in range(4)
    }
    assert supports == {(101,), (102,)}


def test_missing_image_is_an_error(build, write_mp100, tmp_path):
    data = write_mp100(instances=(6, 5))
    remove_image(tmp_path, 2)
    with pytest.raises(FileNotFoundError, match='2.png'):
        build(data=data)
    with pytest.raises(DataError, match='prepare_mp100') as error:
        build(data=dict(data, missing_images='drop'))
    assert 'e.g. [102]' in str(error.value)


def test_partial_results_keep_the_other_pairs_and_are_marked(
    build, write_mp100, tmp_path, logged
):
    data = write_mp100(instances=(6, 5))
    whole = build(data=data)
    episodes = whole.pair_list.episodes
    remove_image(tmp_path, 2)
    dataset = build(data=dict(data, missing_images='drop'), incomplete='skip')
    expected = [
        (episode.supports, tuple(q for q in episode.queries if q != 102))
        for episode in episodes
        if 102 not in episode.supports
    ]
    found = [(e.supports, e.queries) for e in dataset.pair_list.episodes]
    assert found == expected
    assert len(dataset) == len(expected)
    info = dataset.metainfo['pair_list']
    lost = 24 - sum(len(queries) for _, queries in expected)
    assert info['partial'] and info['lost_pairs'] == lost > 0
    assert info['sha256'] == whole.pair_list.sha256
    assert info['evaluated_sha256'] != info['sha256']
    assert f'PARTIAL: {lost} pairs lost' in dataset.describe()
    assert any('results are partial' in text for text in logged)
    for number in range(len(dataset)):
        sample = dataset[number]['data_samples']
        assert ids(sample.queries) == expected[number][1]


def test_small_categories_are_an_error_that_names_them(build):
    with pytest.raises(ValueError) as error:
        build(num_queries=5)
    text = str(error.value)
    assert "20 'face': 5" in text and "10 'face'" not in text
    assert 'fewer than 6 instances (1 shots + 5 queries)' in text


def test_small_categories_can_be_left_out_and_are_reported(build, logged):
    dataset = build(num_queries=5, incomplete='skip')
    assert {e.category_id for e in dataset.pair_list.episodes} == {10}
    info = dataset.metainfo['pair_list']
    assert info['partial'] and info['skipped_categories'] == [20]
    assert any("20 'face': 5" in text for text in logged)


def test_nothing_left_is_an_error(build, logged):
    with pytest.raises(DataError, match='no pair'):
        build(num_queries=15, incomplete='skip')


def test_annotation_that_the_reader_refuses_does_not_shift_the_list(
    build, write_mp100
):
    """The published loaders keep what has the wrong number of keypoints."""

    def edit(content):
        content['annotations'][1]['keypoints'] += [1, 1, 2]

    data = write_mp100(instances=(6, 5), edit=edit)
    with pytest.raises(DataError, match='102'):
        build(data=data)
    dataset = build(data=data, incomplete='skip')
    whole = build(data=write_mp100(instances=(6, 5)))
    info = dataset.metainfo['pair_list']
    assert info['sha256'] == whole.metainfo['pair_list']['sha256']


def test_list_is_read_from_a_file(build, tmp_path):
    other = build(seed=4)
    path = tmp_path / 'pairs.json'
    other.pair_list.save(path)
    dataset = build(pair_file=str(path))
    assert dataset.pair_list == other.pair_list != build().pair_list
    assert 'read from pairs.json' in dataset.describe()


def test_file_must_fit_the_config_and_the_annotations(
    build, write_mp100, tmp_path
):
    path = tmp_path / 'pairs.json'
    build().pair_list.save(path)
    with pytest.raises(DataError, match='num_shots and num_queries'):
        build(pair_file=str(path), num_shots=2)
    other = write_mp100(instances=(3, 8))
    with pytest.raises(DataError, match='another annotation file'):
        build(data=other, pair_file=str(path))


def test_unknown_policy_is_refused(build):
    with pytest.raises(ValueError, match="'replace'"):
        build(incomplete='replace')


def test_lazy_init_reads_nothing(build):
    dataset = build(
        data=dict(type='cape_mm.MP100Dataset', ann_file='', lazy_init=True),
        lazy_init=True,
    )
    assert dataset.metainfo == dict(dataset_name='mp100')


@pytest.mark.parametrize('split', ['val', 'test'])
def test_real_pairs(mp100_mini, pipeline, split):
    dataset = DATASETS.build(
        dict(
            type='cape_mm.PairListEpisodeDataset',
            dataset=dict(
                type='cape_mm.MP100Dataset',
                data_root=str(mp100_mini),
                ann_file=f'annotations/mp100_split1_{split}.json',
            ),
            pipeline=pipeline,
            num_queries=1,
            episodes_per_category=3,
        )
    )
    file = Path(mp100_mini, 'annotations', f'mp100_split1_{split}.json')
    instances = protocol_instances(json.loads(file.read_text()))
    assert dataset.pair_list == draw_pair_list(instances, 1, 1, 3)
    for number in range(len(dataset)):
        assert len(dataset[number]['data_samples'].queries) == 1
