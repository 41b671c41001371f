# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from cape_mm.datasets.formats.mp100.lost_pairs import count_lost_pairs
from cape_mm.datasets.formats.mp100.pair_list import draw_pair_list

OBJECTS = {5: list(range(20)), 6: list(range(100, 118)), 7: [200, 201]}


def count(available, shots=1):
    return count_lost_pairs(OBJECTS, available, 'test', shots, 15)


def test_nothing_is_lost_with_all_images():
    effect = count({i for ids in OBJECTS.values() for i in ids})
    assert effect['pairs'] == 2 * 200 * 15
    assert effect['lost'] == effect['lost_share'] == 0
    assert effect['fell_below'] == [] and effect['too_small'] == [7]
    assert effect['sha256'] == draw_pair_list(OBJECTS).sha256


def test_lost_pairs_are_counted_by_brute_force():
    missing = {3, 11, 105}
    available = {i for ids in OBJECTS.values() for i in ids} - missing
    for shots in (1, 3):
        effect = count(available, shots)
        expected = {5: 0, 6: 0}
        for episode in draw_pair_list(OBJECTS, shots).episodes:
            for query in episode.queries:
                lost = missing & {query, *episode.supports}
                expected[episode.category_id] += bool(lost)
        assert effect['lost_by_category'] == expected
        assert effect['lost'] == sum(expected.values()) > 0


def test_category_without_enough_images_left_is_named():
    available = {i for ids in OBJECTS.values() for i in ids}
    effect = count(available - {100, 101, 102})
    assert effect['fell_below'] == [6]
