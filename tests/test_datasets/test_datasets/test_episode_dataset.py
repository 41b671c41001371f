# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader

from cape_mm.datasets.datasets import EpisodeDataset
from cape_mm.datasets.samplers import SampleIndex, SeededSampler
from cape_mm.errors import DataError
from cape_mm.registry import DATASETS


@pytest.fixture
def build(write_mp100, pipeline):
    def build(data=None, **kwargs):
        data = data or write_mp100()
        cfg = dict(dataset=data, pipeline=pipeline, num_episodes=8)
        cfg.update(kwargs)
        return DATASETS.build(dict(cfg, type='cape_mm.EpisodeDataset'))

    return build


def member_ids(item):
    sample = item['data_samples']
    return [member.id for member in sample.supports + sample.queries]


def assert_same(first, second):
    assert member_ids(first) == member_ids(second)
    for key in ('support', 'query'):
        assert torch.equal(first['inputs'][key], second['inputs'][key])


def image(dataset, number):
    root = Path(dataset.dataset.data_prefix['img'])
    (path,) = root.glob(f'*/{number}.png')
    return path


def test_item_follows_the_data_contract(build):
    dataset = build(num_shots=2, num_queries=1, seed=3)
    item = dataset[1]
    assert item['inputs']['support'].shape == (2, 3, 32, 32)
    assert item['inputs']['query'].shape == (1, 3, 32, 32)
    assert item['inputs']['support'].dtype == torch.uint8
    sample = item['data_samples']
    category = dataset.dataset.categories[sample.category_id]
    assert sample.episode == (3, 0, 1)
    assert sample.category_name == category.name
    assert sample.supercategory == category.supercategory == 'animal face'
    assert sample.keypoint_names == list(category.keypoint_names)
    assert sample.skeleton == [list(edge) for edge in category.skeleton]
    assert sample.num_keypoints == category.num_keypoints
    assert sample.replaced == []
    assert (len(sample.supports), len(sample.queries)) == (2, 1)
    query = sample.queries[0]
    assert query.category_id == sample.category_id
    assert query.gt_instances.keypoints.shape == (1, category.num_keypoints, 2)
    assert query.gt_instance_labels.keypoint_labels.min() >= 0
    assert query.gt_instance_labels.keypoint_labels.max() <= 1
    assert query.input_size == (32, 32)


def test_members_are_distinct_and_of_one_category(build):
    dataset = build(num_shots=1, num_queries=2, num_episodes=50)
    counts = Counter()
    for index in range(50):
        sample = dataset[index]['data_samples']
        ids = member_ids(dict(data_samples=sample))
        assert len(set(ids)) == 3
        members = sample.supports + sample.queries
        assert {m.category_id for m in members} == {sample.category_id}
        counts.update(ids)
    assert len(counts) == 7


def test_categories_are_drawn_uniformly_not_by_size(build, write_mp100):
    dataset = build(data=write_mp100(instances=(40, 3)), num_episodes=10)
    rng = np.random.default_rng(0)
    counts = Counter(
        dataset.draw_members(SampleIndex(0, 0, i), rng)[0] for i in range(400)
    )
    assert 160 < counts[20] < 240


def test_int_means_the_fixed_list_of_the_seed(build):
    dataset = build(seed=5)
    assert_same(dataset[2], dataset[SampleIndex(5, 0, 2)])
    assert len(dataset) == 8
    with pytest.raises(IndexError):
        dataset[8]


def test_seed_epoch_and_episode_each_change_the_episode(
    build, augmenting_pipeline
):
    dataset = build(pipeline=augmenting_pipeline)
    inputs = [
        dataset[SampleIndex(*index)]['inputs']['query']
        for index in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    ]
    for number, other in enumerate(inputs[1:], 1):
        for one in inputs[:number]:
            assert not torch.equal(one, other)


def test_episode_depends_on_neither_order_nor_global_generators(
    build, augmenting_pipeline
):
    dataset = build(pipeline=augmenting_pipeline)
    first = [dataset[index] for index in range(4)]
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    for index in (3, 1, 0, 2):
        assert_same(dataset[index], first[index])
    assert np.array_equal(np.random.get_state()[1], before)


def test_workers_do_not_change_the_episodes(build, augmenting_pipeline):
    dataset = build(pipeline=augmenting_pipeline, num_shots=2)
    sampler = SeededSampler(dataset, seed=1)
    sampler.set_epoch(2)
    epochs = []
    for num_workers in (0, 2):
        loader = DataLoader(
            dataset,
            sampler=sampler,
            batch_size=2,
            num_workers=num_workers,
            collate_fn=pseudo_collate,
        )
        epochs.append(list(loader))
    assert len(epochs[0]) == len(epochs[1]) == 4
    for one, other in zip(*epochs):
        for key in ('support', 'query'):
            for a, b in zip(one['inputs'][key], other['inputs'][key]):
                assert torch.equal(a, b)
        for a, b in zip(one['data_samples'], other['data_samples']):
            assert a.episode == b.episode
            assert [m.id for m in a.supports + a.queries] == [
                m.id for m in b.supports + b.queries
            ]


@pytest.mark.parametrize('broken', ['gone', 'empty', 'text'])
def test_unreadable_image_is_replaced_and_counted(
    broken, build, warnings_logged
):
    dataset = build(num_episodes=40)
    untouched = [dataset[index] for index in range(40)]
    bad = image(dataset, 2)
    if broken == 'gone':
        bad.unlink()
    else:
        bad.write_text('' if broken == 'empty' else 'no image')
    hit = 0
    for index, before in enumerate(untouched):
        item = dataset[index]
        if 102 not in member_ids(before):
            assert_same(item, before)
            assert item['data_samples'].replaced == []
            continue
        hit += 1
        assert item['data_samples'].replaced == [str(bad)]
        ids = member_ids(item)
        assert 102 not in ids and len(set(ids)) == 2
        # The other members stay what they were.
        kept = [a == b for a, b in zip(ids, member_ids(before))]
        assert sum(kept) == 1
        assert_same(item, dataset[index])
    assert hit > 5
    (text,) = warnings_logged
    assert str(bad) in text and 'annotation 102' in text


def test_category_without_usable_instance_left_is_an_error(build):
    dataset = build()
    for number in (5, 6):
        image(dataset, number).write_text('no image')
    with pytest.raises(DataError) as error:
        for index in range(8):
            dataset[index]
    text = str(error.value)
    assert "category 20 'face'" in text
    assert '5.png' in text and '6.png' in text and '7.png' not in text


def test_bug_in_the_pipeline_is_not_taken_for_a_bad_image(build, pipeline):
    def fail(results):
        raise AssertionError('a bug')

    dataset = build(pipeline=[pipeline[0], fail])
    with pytest.raises(AssertionError, match='a bug'):
        dataset[0]


def test_pipeline_that_returns_none_leads_to_another_member(build, pipeline):
    def refuse(results):
        return None if results['id'] == 106 else results

    dataset = build(pipeline=[*pipeline[:1], refuse, *pipeline[1:]])
    items = [dataset[index] for index in range(8)]
    assert any(item['data_samples'].replaced for item in items)
    assert all(106 not in member_ids(item) for item in items)


def test_support_needs_a_keypoint_inside_its_crop_and_query_does_not(
    build, write_mp100
):
    def edit(content):
        content['annotations'][0].update(
            bbox=[0, 0, 6, 6], keypoints=[60, 40, 2] * 5
        )

    data = write_mp100(instances=(2,), num_keypoints=(5,), edit=edit)
    dataset = build(data=data, num_queries=1)
    roles = set()
    for index in range(8):
        try:
            sample = dataset[index]['data_samples']
        except DataError as error:
            assert '1.png' in str(error)
            roles.add('support')
        else:
            assert sample.queries[0].id == 101
            roles.add('query')
    assert roles == {'support', 'query'}


def test_no_dummy_points_reach_an_episode(build, write_mp100):
    def edit(content):
        for ann in content['annotations'][:2]:
            ann.update(keypoints=[0] * 15, num_keypoints=0)

    dataset = build(data=write_mp100(edit=edit), num_episodes=30)
    for index in range(30):
        sample = dataset[index]['data_samples']
        for member in sample.supports + sample.queries:
            assert member.id not in (101, 102)
            assert member.gt_instances.keypoints_visible.any()


def test_small_categories_are_left_out_and_reported(build, warnings_logged):
    dataset = build(num_shots=2, num_queries=2)
    (text,) = warnings_logged
    assert "20 'face': 3" in text and 'fewer than 4' in text
    ids = {dataset[i]['data_samples'].category_id for i in range(8)}
    assert ids == {10}


def test_no_large_enough_category_is_an_error(build):
    with pytest.raises(ValueError) as error:
        build(num_shots=5)
    assert 'fewer than 6 instances (5 shots + 1 queries)' in str(error.value)
    assert "10 'face': 4" in str(error.value)


@pytest.mark.parametrize(
    'name, value',
    [
        ('num_shots', 0),
        ('num_queries', 0),
        ('num_episodes', 0),
        ('seed', -1),
    ],
)
def test_impossible_numbers_are_refused(name, value, build):
    with pytest.raises(ValueError, match=name):
        build(**{name: value})


def test_members_of_different_sizes_are_refused(build, pipeline, write_mp100):
    def edit(content):
        content['annotations'][1]['bbox'] = [10, 8, 11, 25]

    def crop(results):
        x1, y1, x2, y2 = results['bbox'][0].astype(int)
        results['img'] = results['img'][y1:y2, x1:x2]
        return results

    data = write_mp100(instances=(2,), num_keypoints=(3,), edit=edit)
    steps = [pipeline[0], pipeline[1], crop, *pipeline[3:]]
    with pytest.raises(ValueError, match='TopdownAffine'):
        build(data=data, pipeline=steps)[0]


def test_metainfo_says_what_episodes_are_drawn_from(build, write_mp100):
    data = write_mp100(instances=(3, 1, 2), num_keypoints=(4, 4, 4))
    assert build(data=data).metainfo == dict(
        dataset_name='mp100',
        drawn_from=dict(categories=[10, 30], num_instances=5),
    )


def test_lazy_init_loads_nothing(build, write_mp100):
    data = dict(write_mp100(), ann_file='absent.json', lazy_init=True)
    dataset = build(data=data, lazy_init=True)
    assert dataset.metainfo == dict(dataset_name='mp100')
    with pytest.raises(FileNotFoundError):
        dataset.full_init()


def test_description_says_what_is_drawn(build):
    text = build(num_shots=1, num_queries=2).describe()
    assert 'mode: episodes' in text
    assert 'categories: 2 with 7 instances' in text
    assert '1 shot(s), 2 query(s)' in text
    assert 'episodes per epoch: 8' in text


@pytest.mark.parametrize('scope', [None, 'mmpose', 'mmengine'])
def test_builds_under_any_default_scope(scope, build):
    with DefaultScope.overwrite_default_scope(scope):
        assert isinstance(build(), EpisodeDataset)


def test_real_episodes(mp100_mini, augmenting_pipeline):
    dataset = EpisodeDataset(
        dataset=dict(
            type='cape_mm.MP100Dataset',
            data_root=str(mp100_mini),
            ann_file='annotations/mp100_split1_train.json',
        ),
        pipeline=augmenting_pipeline,
        num_episodes=20,
    )
    for index in range(20):
        item = dataset[index]
        sample = item['data_samples']
        assert sample.replaced == []
        assert len(set(member_ids(item))) == 2
        labels = sample.supports[0].gt_instance_labels
        assert labels.keypoint_labels.shape == (1, sample.num_keypoints, 2)
        assert labels.keypoint_weights.any()


def test_labels_in_another_frame_are_refused(build, pipeline):
    encoder = dict(type='RegressionLabel', input_size=(64, 64))
    changed = [
        dict(step, encoder=encoder) if 'encoder' in step else step
        for step in pipeline
    ]
    with pytest.raises(ValueError, match='use type=.cape_mm.NormalizedLabel'):
        build(pipeline=changed)
