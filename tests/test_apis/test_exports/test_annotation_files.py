# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import numpy as np
import pytest
from support.toy_episode import make_toy_episode

from cape_mm.apis import (
    EpisodeRequest,
    PredictionFile,
    RequestMember,
    export_predictions,
    read_request,
    write_request,
)
from cape_mm.apis.exports import annotation_files
from cape_mm.errors import DataError


@pytest.fixture
def episode(tmp_path):
    """Two queries; the last keypoint is uncertain."""
    episode = make_toy_episode(tmp_path, queries=2, support_visible=(1, 1, 0))
    for query in episode.queries:
        scores = np.array([[0.9, 0.25, 0]], np.float32)
        query.pred_instances.keypoint_scores = scores
    episode.queries[1].pred_instances.keypoints[0, 0] += 1
    return episode


def load(path):
    return json.loads(path.read_text())


def test_keypoints_that_were_not_found_are_null(episode, tmp_path):
    for min_score, expected in (
        (0, [[68, 30], [128, 30], None]),
        (0.5, [[68, 30], None, None]),
    ):
        path = tmp_path / f'{min_score}.json'
        with PredictionFile(path, min_score) as file:
            file.add(episode)
        content = load(path)
        (entry,) = content['queries']
        assert entry['keypoints'] == expected
        assert entry['scores'] == [0.9, 0.25, 0]
        assert entry['box'] == [50, 20, 130, 100]
        assert content['keypoint_names'] == ['a', 'b', 'c']
        (support,) = content['supports']
        assert support['keypoints'] == [[60, 30], [120, 30], None]


def test_results_are_kept_whatever_ends_the_block(episode, tmp_path):
    path = tmp_path / 'new' / 'predictions.json'
    with pytest.raises(KeyboardInterrupt), PredictionFile(path) as file:
        file.add(episode, 0)
        file.add(episode, 1, number=7, visualization='x.png')
        raise KeyboardInterrupt
    first, second = load(path)['queries']
    assert second['visualization'] == 'x.png'
    assert [p.name for p in path.parent.iterdir()] == ['predictions.json']


def test_the_file_is_written_as_results_come(episode, tmp_path, monkeypatch):
    path = tmp_path / 'predictions.json'
    with PredictionFile(path) as file:
        file.add(episode)
        assert len(load(path)['queries']) == 1
        file.add(episode)
        assert len(load(path)['queries']) == 1, 'not each time'
        monkeypatch.setattr(annotation_files, '_INTERVAL', 0)
        file.add(episode)
        assert len(load(path)['queries']) == 3


def test_nothing_is_written_without_results(tmp_path):
    with PredictionFile(tmp_path / 'predictions.json'):
        pass
    assert not (tmp_path / 'predictions.json').exists()


def test_images_need_names(episode, tmp_path):
    episode.queries[0].set_metainfo(dict(img_path=None))
    with pytest.raises(DataError, match='give files'):
        PredictionFile(tmp_path / 'predictions.json').add(episode)


def test_predictions_are_the_request_that_they_answer(episode, tmp_path):
    path = tmp_path / 'predictions.json'
    with PredictionFile(path, category_id=7) as file:
        file.add(episode)
    request = read_request(str(path))
    assert request.category_id == 7
    assert request.skeleton == [[0, 1], [1, 2]]
    assert request.supports[0].keypoints == [[60, 30], [120, 30], None]
    assert request.queries[0].box == [50, 20, 130, 100]
    assert request.queries[0].keypoints is None, 'they are no truth'


def test_flip_pairs_are_kept(episode, tmp_path):
    path = tmp_path / 'predictions.json'
    for pairs in (None, [[0, 1]]):
        episode.set_metainfo(dict(flip_pairs=pairs))
        lines = export_predictions([episode], tmp_path)
        assert len(lines) == 1
        assert read_request(str(path)).flip_pairs == pairs


def test_what_is_done_is_resumed(episode, tmp_path):
    path = tmp_path / 'predictions.json'
    with PredictionFile(path) as file:
        file.add(episode)
        file.add(episode)
    request = read_request(str(path))
    x, y = request.supports[0].keypoints[0]
    request.supports[0].keypoints[0] = [x + 0.004, y, 2]  # rounding
    request.queries.insert(0, request.queries[0])
    file = PredictionFile(path)
    assert file.resume(request) == [2], 'an image may be there twice'
    assert sorted(file.entries) == [0, 1]
    request.queries[1] = RequestMember(str(tmp_path / 'other.png'))
    file = PredictionFile(path)
    assert file.resume(request) == [1]
    with file:
        file.add(episode, 0, 1)
    assert len(load(path)['queries']) == 3
    assert load(path)['supports'], 'the head is kept'
    request.supports[0].keypoints[0] = [61, 30]
    with pytest.raises(DataError, match='is of other supports'):
        PredictionFile(path).resume(request)
    missing = PredictionFile(tmp_path / 'missing.json')
    assert missing.resume(request) == [0, 1, 2]


def test_results_of_other_images_stay(episode, tmp_path):
    path = tmp_path / 'predictions.json'
    with PredictionFile(path) as file:
        file.add(episode)
    request = read_request(str(path))
    done = request.queries[0].image
    request.queries[0] = RequestMember(str(tmp_path / 'other.png'))
    with PredictionFile(path) as file:
        assert file.resume(request) == [0]
        other = dict(file.entries[1], image=request.queries[0].image)
        file.entries[0] = other
    images = [entry['image'] for entry in load(path)['queries']]
    assert images == [request.queries[0].image, done]


@pytest.mark.parametrize('text', ['{"queries": [', '{}', '[]'])
def test_a_file_that_is_no_predictions_is_not_resumed(episode, tmp_path, text):
    path = tmp_path / 'predictions.json'
    with PredictionFile(path) as file:
        file.add(episode)
    request = read_request(str(path))
    path.write_text(text)
    with pytest.raises(DataError, match=r'predictions\.json'):
        PredictionFile(path).resume(request)


def test_results_are_exported(episode, tmp_path):
    out = tmp_path / 'out'
    lines = export_predictions([episode], out, ['coco', 'csv'], 0.1)
    assert lines[0].endswith('predictions.json: 2 images')
    file = 'coco/annotations/person_keypoints_default.json'
    first, second = load(out / file)['annotations']
    assert first['keypoints'] == [68, 30, 2, 128, 30, 2, 0, 0, 0]
    assert first['keypoint_scores'] == [0.9, 0.25, 0]
    assert first['score'] == pytest.approx(0.575)
    with pytest.raises(FileExistsError, match='coco is not empty'):
        export_predictions([episode], out, ['coco'])


def test_a_written_request_is_read_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    support = RequestMember('a.png', [[1.25, 2, 2], None], (0, 0, 9, 9))
    request = EpisodeRequest(
        [support], [RequestMember('b.png')], 'mug', ['rim', 'base'], [[0, 1]]
    )
    write_request(request, 'request.json')
    found = read_request('request.json', allow_outside=True)
    assert found.supports == [
        RequestMember(str(tmp_path / 'a.png'), support.keypoints, [0, 0, 9, 9])
    ]
    assert found.queries == [RequestMember(str(tmp_path / 'b.png'))]
    request.supports, request.queries = found.supports, found.queries
    assert found == request
