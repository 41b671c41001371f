# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import pytest

from cape_mm.datasets.formats.mp100.pair_list import PairList, draw_pair_list

TOOL = 'dataset_converters/make_pair_list.py'


@pytest.fixture
def ann_file(tmp_path):
    content = dict(images=[], annotations=[], categories=[])
    for category_id, count in ((9, 16), (4, 17)):
        content['categories'].append(dict(id=category_id, name='face'))
        for _ in range(count):
            number = len(content['images']) + 1
            image = dict(
                id=number, file_name=f'{number}.png', width=30, height=20
            )
            content['images'].append(image)
            content['annotations'].append(
                dict(
                    id=number,
                    image_id=number,
                    category_id=category_id,
                    bbox=[2, 2, 9, 9],
                    keypoints=[3, 3, 2],
                )
            )
    path = tmp_path / 'mp100_split1_test.json'
    path.write_text(json.dumps(content))
    return path


def test_list_is_written_and_verified(call_tool, ann_file, tmp_path, capsys):
    out = tmp_path / 'pairs.json'
    call_tool(TOOL, ann_file, '--out', out)
    pairs = PairList.load(out)
    objects = {9: list(range(1, 17)), 4: list(range(17, 34))}
    assert pairs == draw_pair_list(objects, 1, 15, 200)
    assert pairs.origin['ann_file'] == ann_file.name
    printed = capsys.readouterr().out
    assert '6000 pairs' in printed and pairs.sha256 in printed
    call_tool(TOOL, ann_file, '--verify', out)
    assert 'is the list of' in capsys.readouterr().out
    with pytest.raises(SystemExit, match='is not the list'):
        call_tool(TOOL, ann_file, '--verify', out, '--seed', 2)


def test_validation_has_half_as_many_episodes(call_tool, ann_file, tmp_path):
    val = ann_file.rename(tmp_path / 'mp100_split1_val.json')
    call_tool(TOOL, val, '--out', tmp_path / 'pairs.json')
    assert len(PairList.load(tmp_path / 'pairs.json').episodes) == 200


def test_small_categories_are_named(call_tool, ann_file, tmp_path, capsys):
    args = (ann_file, '--out', tmp_path / 'pairs.json', '--shots', 2)
    with pytest.raises(SystemExit, match="9 'face': 16"):
        call_tool(TOOL, *args)
    call_tool(TOOL, *args, '--skip-small')
    pairs = PairList.load(tmp_path / 'pairs.json')
    assert {episode.category_id for episode in pairs.episodes} == {4}
    assert pairs.origin['skipped_categories'] == [9]
    assert 'Left out' in capsys.readouterr().out


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)
