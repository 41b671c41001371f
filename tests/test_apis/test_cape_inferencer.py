# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pickle
import re

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from cape_mm.apis import CapeInferencer
from cape_mm.apis.episode_predictor import EpisodePredictor
from cape_mm.errors import DataError


def predict(inferencer, request, **kwargs):
    options = dict(
        skeleton=request.skeleton,
        support_boxes=[m.box for m in request.supports],
        query_boxes=[m.box for m in request.queries],
    )
    results = inferencer(
        [m.image for m in request.supports],
        [m.keypoints for m in request.supports],
        [m.image for m in request.queries],
        **{**options, **kwargs},
    )
    return [result.pred_instances.keypoints[0] for result in results]


@pytest.mark.parametrize('key', ['keypoints', 'keypoint_scores'])
def test_prediction_that_is_not_finite_is_named(
    inferencer, request_of_test, monkeypatch, key
):
    original = inferencer.model.predict

    def poisoned(*args, **kwargs):
        episodes = original(*args, **kwargs)
        values = episodes[0].queries[1].pred_instances[key]
        values[0, 2] = np.nan
        return episodes

    monkeypatch.setattr(inferencer.model, 'predict', poisoned)
    image = re.escape(str(request_of_test.queries[1].image))
    with pytest.raises(DataError, match=f'^{image}: .* keypoint_2 is not'):
        predict(inferencer, request_of_test)


def test_result_is_that_of_the_test_tool(tiny, tmp_path, clear_singletons):
    """Golden: one way to prepare images, in tests and for users."""
    cfg = Config.fromfile(str(tiny.config))
    cfg.work_dir = str(tmp_path)
    cfg.load_from = str(tiny.checkpoint)
    dump = tmp_path / 'dump.pkl'
    cfg.test_evaluator = [
        *cfg.test_evaluator,
        dict(type='DumpResults', out_file_path=str(dump)),
    ]
    runner = Runner.from_cfg(cfg)
    runner.test()
    dataset = runner.test_dataloader.dataset
    infos = {
        info['id']: info
        for info in map(dataset.dataset.get_data_info, range(12))
    }
    with open(dump, 'rb') as file:
        episodes = pickle.load(file)
    inferencer = CapeInferencer(tiny.checkpoint, tiny.config, 'cpu')
    for episode in episodes:
        supports = [infos[s.metainfo['id']] for s in episode['supports']]
        queries = [infos[q.metainfo['id']] for q in episode['queries']]
        visible = [info['keypoints_visible'][0, :, None] for info in supports]
        results = inferencer(
            [info['img_path'] for info in supports],
            [
                np.concatenate([info['keypoints'][0], v], axis=1)
                for info, v in zip(supports, visible)
            ],
            [info['img_path'] for info in queries],
            skeleton=episode['skeleton'],
            support_boxes=[info['bbox'][0] for info in supports],
            query_boxes=[info['bbox'][0] for info in queries],
        )
        for result, query in zip(results, episode['queries']):
            for name in ('keypoints', 'keypoint_scores'):
                np.testing.assert_allclose(
                    result.pred_instances[name],
                    query.pred_instances[name],
                    atol=1e-3,
                )


def test_config_may_come_from_the_checkpoint(tiny, inferencer):
    cfg = Config.fromfile(str(tiny.config))
    assert inferencer.cfg.model == cfg.model


def test_weights_that_do_not_fit_are_refused(tiny, tmp_path):
    content = torch.load(tiny.checkpoint, weights_only=True)
    content['state_dict'].popitem()
    broken = tmp_path / 'broken.pth'
    torch.save(content, broken)
    with pytest.raises(ValueError, match='(?s)broken.pth.*missing keys'):
        CapeInferencer(broken, device='cpu')


def test_checkpoint_without_config_asks_for_it(tiny, tmp_path):
    content = torch.load(tiny.checkpoint, weights_only=True)
    bare = tmp_path / 'bare.pth'
    torch.save(dict(state_dict=content['state_dict']), bare)
    with pytest.raises(ValueError, match='holds no config'):
        CapeInferencer(bare, device='cpu')
    CapeInferencer(bare, tiny.config, 'cpu')


def test_batches_change_nothing(inferencer, request_of_test):
    one = predict(inferencer, request_of_test, batch_size=1)
    many = predict(inferencer, request_of_test, batch_size=2)
    assert len(one) == len(many) == 3
    np.testing.assert_allclose(one, many, atol=1e-2)


def test_queries_are_taken_lazily(inferencer, request_of_test):
    taken = []

    def endless():
        while True:
            taken.append(request_of_test.queries[0].image)
            yield taken[-1]

    support = request_of_test.supports[0]
    results = inferencer(
        support.image, support.keypoints, endless(), batch_size=2
    )
    for _ in range(3):
        next(results)
    assert len(taken) == 4


def test_one_query_needs_no_list(inferencer, request_of_test):
    support, query = request_of_test.supports[0], request_of_test.queries[0]
    (result,) = inferencer(support.image, support.keypoints, query.image)
    assert result.img_path == query.image
    count = len(support.keypoints)
    assert result.pred_instances.keypoints.shape == (1, count, 2)
    assert result.pred_instances.keypoints.dtype == np.float32
    assert 'keypoints' not in result.gt_instances


def test_arrays_and_files_give_the_same(inferencer, request_of_test):
    expected = predict(inferencer, request_of_test)
    for member in (*request_of_test.supports, *request_of_test.queries):
        member.image = cv2.imread(member.image)
    np.testing.assert_array_equal(
        predict(inferencer, request_of_test), expected
    )


@pytest.mark.parametrize('kind', ['grey', 'alpha'])
def test_grey_and_transparent_images(
    kind, inferencer, request_of_test, tmp_path
):
    image = cv2.imread(request_of_test.queries[0].image)
    if kind == 'grey':
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    else:
        alpha = np.full(image.shape[:2], 7, np.uint8)
        image = np.dstack([image, alpha])
    file = str(tmp_path / 'image.png')
    cv2.imwrite(file, image)
    support = request_of_test.supports[0]
    results = inferencer(support.image, support.keypoints, [file, image])
    from_file, from_array = (r.pred_instances.keypoints for r in results)
    np.testing.assert_allclose(from_file, from_array, atol=1e-2)


def test_missing_keypoint_has_score_zero(inferencer, request_of_test):
    support, query = request_of_test.supports[0], request_of_test.queries[0]
    points = [None, *[point[:2] for point in support.keypoints[1:]]]
    (result,) = inferencer(support.image, points, query.image)
    scores = result.pred_instances.keypoint_scores[0]
    assert scores[0] == 0
    assert (scores[1:] > 0).all()


def test_shots_complete_each_other(inferencer, request_of_test):
    support, other = request_of_test.supports[0], request_of_test.queries[0]
    first, second = list(support.keypoints), list(other.keypoints)
    first[0] = second[1] = None
    (result,) = inferencer(
        [support.image, other.image],
        [first, second],
        request_of_test.queries[1].image,
    )
    assert (result.pred_instances.keypoint_scores > 0).all()


def test_whole_image_is_the_default_box_of_a_query(
    inferencer, request_of_test
):
    expected = predict(inferencer, request_of_test, query_boxes=None)
    boxes = [[0, 0, 63, 63]] * 3
    given = predict(inferencer, request_of_test, query_boxes=boxes)
    np.testing.assert_array_equal(given, expected)


def test_episodes_can_be_drawn(inferencer, request_of_test):
    from cape_mm.visualization import EpisodeVisualizer

    support, query = request_of_test.supports[0], request_of_test.queries[0]
    (episode,) = inferencer.predict_episodes(
        support.image, support.keypoints, query.image, category_name='mug'
    )
    image = EpisodeVisualizer(panel_size=100).draw_episode(episode)
    assert 200 < image.shape[1] < 300, 'two panels'


POINTS = [[10, 10], [40, 30], [20, 50]]


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(keypoints=[[[1, 1]], [[1, 1], [2, 2]]], shots=2), ': 1.*: 2'),
        (dict(keypoints=[[10, 10], [40, 300]]), 'keypoint 1 at .*outside'),
        (dict(keypoints=[[10, 10], [40]]), r'keypoint 1 is \[40\], not x, y'),
        (dict(keypoints=[[10, np.nan], [4, 4]]), 'not finite'),
        (dict(keypoints=[None, [4, 4, 0]]), 'no labelled keypoint'),
        (dict(skeleton=[[0, 3]]), 'edge .*0..2'),
        (dict(skeleton=[[1, 1]]), 'two different'),
        (dict(keypoint_names=['a']), '1 keypoint_names for 3'),
        (dict(support_boxes=[50, 20, 10, 60]), 'nothing is left'),
        (dict(support_boxes=[1, 2, 3]), 'not x1, y1, x2, y2'),
        (dict(query_boxes=[70, 70, 90, 90]), 'nothing is left'),
        (dict(query='nowhere.png'), "no image 'nowhere.png'"),
        (dict(query=__file__), 'test_cape_inferencer.py.*cannot be read'),
        (dict(query=np.zeros((9, 9, 3))), 'float64, not uint8'),
        (dict(query=np.zeros((9, 9, 2), np.uint8)), r'shape \(9, 9, 2\)'),
        (dict(batch_size=0), 'batch_size'),
    ],
)
def test_wrong_input_is_explained(
    change, message, inferencer, request_of_test
):
    image = request_of_test.supports[0].image
    keypoints = change.pop('keypoints', POINTS)
    query = change.pop('query', image)
    images = [image] * change.pop('shots') if 'shots' in change else image
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        list(inferencer(images, keypoints, query, **change))


def test_support_outside_its_box_is_reported(inferencer, request_of_test):
    image = request_of_test.supports[0].image
    with pytest.warns(UserWarning, match=r'keypoints \[1, 2\] lie outside'):
        inferencer(image, POINTS, image, support_boxes=[5, 5, 20, 20])
    with pytest.raises(ValueError, match='no labelled keypoint is in'):
        inferencer(image, POINTS, image, support_boxes=[50, 1, 60, 9])


def test_numbers_of_queries_and_boxes_must_agree(inferencer, request_of_test):
    image = request_of_test.supports[0].image
    with pytest.raises(ValueError, match='numbers of queries and of boxes'):
        list(inferencer(image, POINTS, [image] * 2, query_boxes=[None]))


class TestQueriesThatCannotBeUsed:
    @pytest.fixture
    def queries(self, request_of_test, tmp_path):
        """The first, third and fifth can be used."""
        image = request_of_test.queries[0].image
        whole = cv2.imencode('.jpg', cv2.imread(image))[1].tobytes()
        (tmp_path / 'cut.jpg').write_bytes(whole[: len(whole) // 2])
        (tmp_path / 'empty.png').touch()
        cv2.imwrite(str(tmp_path / 'long.png'), np.zeros((4, 40000), np.uint8))
        names = ['cut.jpg', 'empty.png', 'long.png']
        bad = [str(tmp_path / name) for name in names]
        return [image, bad[0], image, bad[1], cv2.imread(image), bad[2]]

    def test_are_skipped_with_a_warning_if_that_is_required(
        self, inferencer, request_of_test, queries
    ):
        support = request_of_test.supports[0]
        results = inferencer(
            *(support.image, support.keypoints, queries),
            batch_size=2,
            on_error='skip',
        )
        with pytest.warns(UserWarning, match='is skipped') as warned:
            found = {r.query_index: r.img_path for r in results}
        assert list(found) == [0, 2, 4], 'in order'
        assert found[0] == found[2] == queries[0]
        texts = [str(one.message) for one in warned]
        remedy = (
            'cannot be read as an image: it is empty, damaged or of an '
            'unknown format; fetch it again, or save it as PNG'
        )
        assert [text for text in texts if 'skipped' in text] == [
            f"query 1 is skipped: '{queries[1]}' {remedy}",
            f"query 3 is skipped: '{queries[3]}' {remedy}",
            f"query 5 is skipped: '{queries[5]}' has 40000 x 4 pixels: scale "
            'or cut it to sides of 32766 at most',
        ]

    @pytest.mark.parametrize('detect', [False, True])
    def test_are_given_to_a_function(
        self, inferencer, request_of_test, queries, detect
    ):
        support, errors = request_of_test.supports[0], {}
        results = inferencer(
            *(support.image, support.keypoints, queries[:2]),
            detect=detect,
            on_error=errors.setdefault,
        )
        assert [result.query_index for result in results] == [0]
        assert list(errors) == [1]
        assert isinstance(errors[1], DataError)

    def test_end_the_results_by_default(
        self, inferencer, request_of_test, queries
    ):
        support = request_of_test.supports[0]
        results = inferencer(support.image, support.keypoints, queries)
        with pytest.raises(DataError, match='cut.jpg'):
            list(results)

    def test_one_query_or_all_of_them_are_an_error(
        self, inferencer, request_of_test, queries
    ):
        support = request_of_test.supports[0]
        with pytest.raises(DataError, match='^.*cut.jpg. cannot be read'):
            list(inferencer(support.image, support.keypoints, queries[1]))
        with pytest.raises(DataError, match='none of the 2 queries'):
            list(
                inferencer(
                    *(support.image, support.keypoints, queries[1::2][:2]),
                    on_error=lambda index, error: None,
                )
            )


def _place(query, points, score):
    """Put the predicted keypoints on two places in turn."""
    found = query.pred_instances
    num_keypoints = found.keypoints.shape[1]
    places = np.resize(np.float32(points), (num_keypoints, 2))
    found.keypoints = places[None]
    found.keypoint_scores = np.full((1, num_keypoints), score, np.float32)


def test_objects_are_searched_for(inferencer, request_of_test, monkeypatch):
    """The object is at (40, 20) to (50, 30) and is best seen closely."""
    boxes, predict = [], EpisodePredictor.predict

    def observe(self, queries):
        episode = predict(self, queries)
        for query in episode.queries:
            box = query.gt_instances.bboxes[0].tolist()
            boxes.append((query.img_path, box))
            has_object = box[0] <= 40 and box[2] >= 50 and box[1] <= 20
            score = 0.9 - (box[2] - box[0]) / 100 if has_object else 0.1
            _place(query, [[40, 20], [50, 30]], score)
        return episode

    monkeypatch.setattr(EpisodePredictor, 'predict', observe)
    given = [1, 2, 50, 60]
    images = [m.image for m in request_of_test.queries]
    episodes = [
        *inferencer.predict_episodes(
            [m.image for m in request_of_test.supports],
            [m.keypoints for m in request_of_test.supports],
            images,
            query_boxes=[given, None, None],
            detect=True,
            batch_size=2,
        )
    ]
    queries = [query for episode in episodes for query in episode.queries]
    assert [query.img_path for query in queries] == images
    found = [query.gt_instances.bboxes[0].tolist() for query in queries]
    assert found[0] == given
    for x1, y1, x2, y2 in found[1:]:
        assert 25 < x1 < 40 and y1 < 20
        assert 50 < x2 < 63 and 30 < y2 < 50
    tried = [box for path, box in boxes if path == images[0]]
    assert tried == [given], 'what is given is not searched for'
