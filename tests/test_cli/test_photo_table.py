# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from cape_mm.cli import photo_table
from cape_mm.cli.photo_table import _calibrate, draw_episodes
from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.datasets.synthetic import write_creatures


@pytest.fixture(scope='module')
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    write_creatures(root, train=(2, 9), val=(1, 3), test=(1, 3), image_size=64)
    return MP100Dataset(
        ann_file=str(root / 'annotations' / 'mp100_split1_train.json'),
        data_prefix=dict(img=str(root / 'images')),
    )


def options(**changes):
    return Namespace(
        **{**dict(shots=1, supports=6, queries=6, seed=0), **changes}
    )


def draw(dataset, **changes):
    key = next(iter(dataset.categories))
    return draw_episodes(dataset, key, options(**changes))


def test_each_support_has_its_queries(dataset):
    episodes = draw(dataset)
    assert len(episodes) == 6
    assert len({one.supports[0] for one in episodes}) == 6
    assert all(len(one.queries) == 6 for one in episodes)


def test_several_shots_have_all_others_as_queries(dataset):
    (episode,) = draw(dataset, shots=5)
    assert len(episode.supports) == 5 and len(episode.queries) == 4


def test_the_draw_depends_on_the_seed_alone(dataset):
    assert draw(dataset) == draw(dataset)
    assert draw(dataset, seed=1) != draw(dataset)


@pytest.mark.parametrize('shots', [1, 5])
def test_no_image_is_support_and_query(dataset, monkeypatch, shots):
    # two instances an image
    original = dataset.get_data_info
    monkeypatch.setattr(
        dataset,
        'get_data_info',
        lambda index: dict(original(index), img_id=index // 2),
    )
    for episode in draw(dataset, shots=shots):
        images = {index // 2 for index in episode.supports}
        assert not images & {index // 2 for index in episode.queries}
        assert not set(episode.supports) & set(episode.queries)


def test_members_are_of_the_category(dataset):
    key = list(dataset.categories)[1]
    for episode in draw_episodes(dataset, key, options()):
        for index in (*episode.supports, *episode.queries):
            assert dataset.get_data_info(index)['category_id'] == key


def test_too_few_images_give_no_episode(dataset):
    assert draw(dataset, shots=9) == []


def test_scores_that_are_shares_of_hits_have_no_calibration_error():
    scores = np.full(4, 0.75)
    correct = np.array([True, True, True, False])
    assert _calibrate([(scores, correct)])['ECE'] == pytest.approx(0)


def test_every_category_counts_the_same_in_the_calibration_error():
    sure = np.ones(10), np.zeros(10, bool)
    right = np.ones(2), np.ones(2, bool)
    assert _calibrate([sure, right])['ECE'] == pytest.approx(0.5)


def copy_supports(images, keypoints, queries, **_):
    for _ in queries:
        found = Namespace(
            keypoints=np.array(keypoints[:1])[..., :2],
            keypoint_scores=np.full((1, len(keypoints[0])), 0.5),
        )
        yield Namespace(pred_instances=found)


@pytest.fixture
def relative_root(dataset, monkeypatch):
    root = Path(dataset.ann_file).parents[1]
    monkeypatch.chdir(root.parent)
    monkeypatch.setattr(
        photo_table, 'CapeInferencer', lambda *_: copy_supports
    )
    return Path(root.name)


def tabulate(root, out, **changes):
    args = options(
        data_root=root,
        ann_files=None,
        config=None,
        checkpoint=None,
        device=None,
        out=out,
        diagram=None,
    )
    photo_table.tabulate_photos(Namespace(**{**vars(args), **changes}))
    return json.loads(out.read_text())


def test_files_of_a_relative_folder_are_found(relative_root, tmp_path):
    result = tabulate(relative_root, tmp_path / 'table.json')
    assert len(result['categories']) == 4


def test_categories_of_one_name_have_a_row_each(relative_root, tmp_path):
    result = tabulate(
        relative_root,
        tmp_path / 'table.json',
        ann_files=['mp100_split1_val.json'] * 2
        + ['mp100_split1_test.json', 'mp100_split1_train.json'],
    )
    assert len(result['categories']) == 5


def test_a_category_without_common_keypoints_is_left_out(
    dataset, relative_root, tmp_path, monkeypatch, capsys
):
    original = MP100Dataset.get_data_info

    def disjoint(self, index):
        info = original(self, index)
        if 'val' in self.ann_file:
            visible = np.zeros_like(info['keypoints_visible'])
            visible[:, index % visible.shape[1]] = 1
            info['keypoints_visible'] = visible
        return info

    monkeypatch.setattr(MP100Dataset, 'get_data_info', disjoint)
    result = tabulate(relative_root, tmp_path / 'table.json')
    assert len(result['categories']) == 3
    assert 'left out' in capsys.readouterr().err
