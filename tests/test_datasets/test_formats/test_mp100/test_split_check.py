# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.datasets.formats.mp100 import check_splits

PARTS = dict(train=70, val=10, test=20)


@pytest.fixture
def contents():
    """15 files as in MP-100: every category is tested once."""
    contents = {}
    for split in range(5):
        ids = [(number + 20 * split) % 100 + 1 for number in range(100)]
        parts = dict(test=ids[:20], val=ids[20:30], train=ids[30:])
        for part, chosen in parts.items():
            contents[f'mp100_split{split + 1}_{part}.json'] = dict(
                categories=[dict(id=key, name=f'c{key}') for key in chosen]
            )
    return contents


def test_sound_splits_have_no_problem(contents):
    assert not any(check_splits(contents).values())


def test_missing_and_other_files_are_listed(contents):
    contents['mine.json'] = contents.pop('mp100_split3_val.json')
    result = check_splits(contents)
    assert result['missing_files'] == ['mp100_split3_val.json']
    assert result['other_files'] == ['mine.json']
    del contents['mp100_split1_test.json']
    assert check_splits(contents)['not_tested_once'] == []


def test_category_in_two_parts_is_a_problem(contents):
    train = contents['mp100_split2_train.json']['categories']
    train[0] = contents['mp100_split2_test.json']['categories'][4]
    (overlap,) = check_splits(contents)['overlaps']
    assert overlap == dict(
        split=2, category_id=train[0]['id'], parts=['train', 'test']
    )


def test_wrong_number_of_categories_and_of_tests(contents):
    contents['mp100_split1_test.json']['categories'].pop()
    result = check_splits(contents)
    assert result['sizes'] == {'mp100_split1_test.json': 19}
    assert result['not_tested_once'] == [20]


def test_contradicting_definitions(contents):
    contents['mp100_split4_val.json']['categories'][0]['skeleton'] = [[0, 1]]
    key = contents['mp100_split4_val.json']['categories'][0]['id']
    assert check_splits(contents)['contradictions'] == [key]
