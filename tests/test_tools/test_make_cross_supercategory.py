# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import pytest

from cape_mm.registry import DATASETS

TOOL = 'dataset_converters/make_cross_supercategory.py'
PARTS = ('train', 'val', 'test')


def load(folder, name):
    return {
        part: json.loads(
            (folder / f'mp100_cross_{name}_{part}.json').read_text()
        )
        for part in PARTS
    }


def ids(content):
    return [category['id'] for category in content['categories']]


@pytest.fixture
def annotations(tmp_path):
    """Five categories in two files that overlap; ids of images clash."""
    folder = tmp_path / 'annotations'
    folder.mkdir()
    groups = {
        1: 'Human Face',
        2: 'animal',
        3: 'animal',
        4: 'chair',
        5: 'chair',
    }

    def write(split, part, category_ids, offset):
        content = dict(images=[], annotations=[], categories=[])
        for key in category_ids:
            content['categories'].append(
                dict(id=key, name=f'c{key}', supercategory=groups[key])
            )
            number = offset + len(content['images'])
            content['images'].append(
                dict(id=number, file_name=f'{key}.jpg', width=9, height=9)
            )
            content['annotations'].append(
                dict(
                    id=number,
                    image_id=number,
                    category_id=key,
                    bbox=[1, 1, 5, 5],
                    keypoints=[key, 2, 2],
                )
            )
        path = folder / f'mp100_split{split}_{part}.json'
        path.write_text(json.dumps(content))

    write(1, 'train', [4, 1, 2], 0)
    write(1, 'test', [3, 5], 0)
    write(2, 'test', [1, 2], 7)
    return folder


def test_one_supercategory_is_tested_and_never_trained_on(
    call_tool, annotations, tmp_path
):
    call_tool(TOOL, annotations, tmp_path / 'out', '--val-categories', 1)
    for name, tested in dict(human_face=[1], animal=[2, 3]).items():
        parts = load(tmp_path / 'out', name)
        assert ids(parts['test']) == tested
        assert len(ids(parts['val'])) == 1
        everything = sum((ids(parts[part]) for part in PARTS), [])
        assert sorted(everything) == [1, 2, 3, 4, 5]
        for content in parts.values():
            used = {ann['image_id'] for ann in content['annotations']}
            assert used == {image['id'] for image in content['images']}
    assert len(list((tmp_path / 'out').iterdir())) == 9


def test_files_say_that_they_are_not_the_papers(
    call_tool, annotations, tmp_path, capsys
):
    call_tool(TOOL, annotations, tmp_path, '--val-categories', 1)
    info = load(tmp_path, 'chair')['test']['info']
    assert (
        'NOT the cross-supercategory files of the papers'
        in (info['description'])
    )
    assert info['left_out_supercategory'] == 'chair'
    assert len(info['made_from']) == 3
    assert info['images_shared_with'] == dict(train=0, val=0)
    assert 'NOT' in capsys.readouterr().out


def test_clashing_ids_are_renumbered_and_annotations_follow(
    call_tool, annotations, tmp_path
):
    call_tool(TOOL, annotations, tmp_path, '--val-categories', 1)
    for content in load(tmp_path, 'animal').values():
        assert content['info']['new_ids']
        names = {
            image['id']: image['file_name'] for image in content['images']
        }
        for ann in content['annotations']:
            assert names[ann['image_id']] == f'{ann["category_id"]}.jpg'
            assert ann['keypoints'][0] == ann['category_id']


def test_result_depends_on_the_seed_only(call_tool, annotations, tmp_path):
    texts = []
    for folder, seed in (('a', 0), ('b', 0), ('c', 3)):
        call_tool(
            TOOL,
            *(annotations, tmp_path / folder),
            *('--val-categories', 1, '--seed', seed),
        )
        path = tmp_path / folder / 'mp100_cross_animal_val.json'
        texts.append(ids(json.loads(path.read_text())))
    assert texts[0] == texts[1] != texts[2]


def test_other_content_is_not_overwritten(call_tool, annotations, tmp_path):
    args = (TOOL, annotations, tmp_path, '--val-categories')
    call_tool(*args, 1)
    call_tool(*args, 1)
    with pytest.raises(SystemExit, match='other content'):
        call_tool(*args, 0)


@pytest.mark.parametrize(
    'args, message',
    [
        (['--supercategories', 'plant'], 'no supercategory'),
        (['--val-categories', '4'], 'lower --val-categories'),
    ],
)
def test_impossible_wishes_end_with_one_sentence(
    args, message, call_tool, annotations, tmp_path
):
    with pytest.raises(SystemExit, match=message):
        call_tool(TOOL, annotations, tmp_path, *args)


def test_contradicting_categories_are_refused(
    call_tool, annotations, tmp_path
):
    path = annotations / 'mp100_split2_test.json'
    path.write_text(path.read_text().replace('c2', 'other'))
    with pytest.raises(SystemExit, match='another definition'):
        call_tool(TOOL, annotations, tmp_path)


def test_a_broken_file_is_named(call_tool, annotations, tmp_path):
    (annotations / 'mp100_split3_val.json').write_text('{')
    with pytest.raises(SystemExit, match='split3_val.json is no valid JSON'):
        call_tool(TOOL, annotations, tmp_path)


def test_categories_without_supercategory_are_never_left_out(
    call_tool, annotations, tmp_path
):
    for path in annotations.iterdir():
        content = json.loads(path.read_text())
        for category in content['categories']:
            if category['id'] == 1:
                del category['supercategory']
        path.write_text(json.dumps(content))
    call_tool(TOOL, annotations, tmp_path / 'out', '--val-categories', 1)
    names = {path.name for path in (tmp_path / 'out').iterdir()}
    assert len(names) == 6
    parts = load(tmp_path / 'out', 'chair')
    assert 1 in ids(parts['train']) + ids(parts['val'])


def test_real_annotations_can_be_read_back(call_tool, mp100_mini, tmp_path):
    call_tool(
        *(TOOL, mp100_mini / 'annotations', tmp_path),
        *('--supercategories', 'human_face', '--val-categories', 3),
    )
    sizes = {}
    for part in PARTS:
        dataset = DATASETS.build(
            dict(
                type='cape_mm.MP100Dataset',
                ann_file=str(tmp_path / f'mp100_cross_human_face_{part}.json'),
                data_prefix=dict(img=str(mp100_mini / 'images')),
            )
        )
        groups = {c.supercategory for c in dataset.categories.values()}
        assert (groups == {'human_face'}) == (part == 'test')
        sizes[part] = len(dataset)
    assert sum(sizes.values()) == 77
