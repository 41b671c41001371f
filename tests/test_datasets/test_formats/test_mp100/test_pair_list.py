# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import hashlib
import json
import random

import pytest

from cape_mm.datasets.formats.mp100.pair_list import (
    PairEpisode,
    PairList,
    draw_pair_list,
    protocol_instances,
)


@pytest.fixture
def content():
    """Two categories, images and annotations in no particular order."""
    content = dict(
        images=[
            dict(id=number, file_name=f'{number}.jpg', width=40, height=30)
            for number in (12, 3, 45, 7, 30, 21, 9, 18)
        ],
        annotations=[],
        categories=[dict(id=77, name='b'), dict(id=5, name='a')],
    )
    image_ids = (7, 3, 12, 45, 30, 3, 21, 9, 7, 18, 12, 9, 45, 21, 18, 30)
    for number, image_id in enumerate(image_ids):
        content['annotations'].append(
            dict(
                id=500 - 7 * number,
                image_id=image_id,
                category_id=(5, 77)[number % 2],
                bbox=[5, 5, 10, 10],
                area=100,
                iscrowd=0,
                num_keypoints=1,
                keypoints=[6, 6, 2, 0, 0, 0],
            )
        )
    # What the published loaders leave out; it must not shift anything.
    spoiled = content['annotations']
    spoiled[3]['iscrowd'] = 1
    spoiled[4]['area'] = 0
    spoiled[7]['bbox'] = [39, 5, 10, 10]
    spoiled[8].update(keypoints=[0] * 6, num_keypoints=0)
    return content


def test_objects_are_counted_in_the_order_of_the_file(content):
    assert protocol_instances(content) == {
        77: [493, 465, 395, 409, 423, 437],
        5: [486, 430, 416, 500, 458, 402],
    }


# Made once with the published code itself (one running index per object,
# translated to annotation ids); never to be adapted to this package.
FROZEN = [
    [77, [465], [423, 493, 437]],
    [77, [493], [409, 423, 465]],
    [5, [402], [500, 430, 486]],
    [5, [500], [486, 402, 430]],
]


def published_pairs(content, num_shots, num_queries, num_episodes):
    """The published algorithm restated, with one running index."""
    database, of_category = [], {c['id']: [] for c in content['categories']}
    for image in content['images']:
        for ann in content['annotations']:
            if ann['image_id'] != image['id'] or ann['iscrowd']:
                continue
            x, y, w, h = ann['bbox']
            x1, y1 = max(0, x), max(0, y)
            x2 = min(image['width'] - 1, x1 + max(0, w - 1))
            y2 = min(image['height'] - 1, y1 + max(0, h - 1))
            if ann['area'] <= 0 or x2 <= x1 or y2 <= y1:
                continue
            if max(ann['keypoints']) == 0 or ann['num_keypoints'] == 0:
                continue
            of_category[ann['category_id']].append(len(database))
            database.append(ann['id'])
    state = random.getstate()
    random.seed(1)
    pairs = []
    for category in content['categories']:
        for _ in range(num_episodes):
            chosen = random.sample(
                of_category[category['id']], num_shots + num_queries
            )
            for query in chosen[num_shots:]:
                members = [*chosen[:num_shots], query]
                pairs.append([database[index] for index in members])
    random.setstate(state)
    return pairs


def as_pairs(pair_list):
    return [
        [*episode.supports, query]
        for episode in pair_list.episodes
        for query in episode.queries
    ]


def test_frozen_ids(content):
    pairs = draw_pair_list(protocol_instances(content), 1, 3, 2)
    expected = tuple(PairEpisode(c, tuple(s), tuple(q)) for c, s, q in FROZEN)
    assert pairs.episodes == expected


@pytest.mark.parametrize('shots, queries', [(1, 5), (3, 2), (5, 1)])
def test_same_pairs_as_the_published_algorithm(content, shots, queries):
    pairs = draw_pair_list(protocol_instances(content), shots, queries, 200)
    assert as_pairs(pairs) == published_pairs(content, shots, queries, 200)


def test_published_sizes(content):
    instances = {number: list(range(16)) for number in range(20)}
    assert draw_pair_list(instances).num_pairs == 60_000
    validation = draw_pair_list(
        dict(list(instances.items())[:10]), episodes_per_category=100
    )
    assert validation.num_pairs == 15_000


def test_global_generator_is_neither_used_nor_changed(content):
    instances = protocol_instances(content)
    random.seed(5)
    state = random.getstate()
    first = draw_pair_list(instances, 1, 3, 4)
    assert random.getstate() == state
    random.seed(6)
    assert draw_pair_list(instances, 1, 3, 4) == first


def test_hash_is_that_of_the_canonical_form(content):
    pairs = draw_pair_list(protocol_instances(content), 1, 3, 2)
    text = json.dumps([1, 3, FROZEN], separators=(',', ':'))
    assert pairs.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_any_change_of_the_list_changes_the_hash(content):
    pairs = draw_pair_list(protocol_instances(content), 1, 3, 2)
    hashes = {pairs.sha256}
    for episodes in (pairs.episodes[::-1], pairs.episodes[:-1]):
        hashes.add(PairList(1, 3, episodes).sha256)
    hashes.add(PairList(1, 4, pairs.episodes).sha256)
    assert len(hashes) == 4


def test_saved_list_is_read_again(content, tmp_path):
    pairs = draw_pair_list(protocol_instances(content), 2, 3, 2)
    path = tmp_path / 'new' / 'pairs.json'
    pairs.save(path)
    read = PairList.load(path)
    assert read == pairs
    assert read.origin == dict(seed=1, episodes_per_category=2)
    assert json.loads(path.read_text())['num_pairs'] == 12


def test_changed_file_is_noticed(content, tmp_path):
    path = tmp_path / 'pairs.json'
    draw_pair_list(protocol_instances(content), 1, 3, 2).save(path)
    path.write_text(path.read_text().replace('[465]', '[466]'))
    with pytest.raises(ValueError, match='was changed'):
        PairList.load(path)


def test_foreign_and_missing_files_are_refused(tmp_path):
    path = tmp_path / 'pairs.json'
    with pytest.raises(FileNotFoundError, match='make_pair_list'):
        PairList.load(path)
    for text in ('{', '[]', '{"format": "other"}'):
        path.write_text(text)
        with pytest.raises(ValueError, match='is no'):
            PairList.load(path)


def test_repeated_annotation_id_is_refused(content):
    content['annotations'][1]['id'] = 500
    with pytest.raises(ValueError, match='500 occurs twice'):
        protocol_instances(content)


def test_small_categories_consume_no_random_numbers(content):
    instances = protocol_instances(content)
    expected = draw_pair_list(dict(instances), 1, 3, 2)
    assert draw_pair_list({9: [1, 2], **instances}, 1, 3, 2) == expected
