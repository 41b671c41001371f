# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

SIZE = (64, 96)  # width, height
VIEWS = ((3, 1.04, 1.0), (-5, 0.95, 1.2))


def build(views):
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(
            dict(
                type='cape_mm.AveragedViewsEstimator',
                views=views,
                backbone=dict(type='ResNet', depth=18),
                head=dict(
                    type='HeatmapHead',
                    in_channels=512,
                    out_channels=1,
                    decoder=dict(
                        type='UDPHeatmap', input_size=SIZE, heatmap_size=SIZE
                    ),
                ),
            )
        )
    return model.eval()


def find_spots(model):
    """Let the model find the centre of mass of the image."""
    seen = []

    def predict(feats, samples, test_cfg):
        seen.append(feats)
        mass = feats[:, 0].double().numpy()
        y, x = np.mgrid[: SIZE[1], : SIZE[0]]
        total = mass.sum((1, 2))
        points = np.stack([(mass * x).sum((1, 2)), (mass * y).sum((1, 2))], -1)
        points = (
            points / total[:, None] * np.divide(SIZE, np.subtract(SIZE, 1))
        )
        return [
            InstanceData(
                keypoints=point[None, None],
                keypoint_scores=np.full((1, 1), float(len(seen))),
            )
            for point in points
        ]

    model.extract_feat = lambda inputs: inputs
    model.head.predict = predict
    return seen


def sample():
    data_sample = PoseDataSample()
    data_sample.set_metainfo(
        dict(
            input_size=SIZE,
            input_center=np.divide(SIZE, 2),
            input_scale=np.array(SIZE, float),
        )
    )
    box = InstanceData(bboxes=np.zeros((1, 4)), bbox_scores=np.ones(1))
    data_sample.gt_instances = box
    return data_sample


def spot(x, y):
    image = torch.zeros(1, 3, SIZE[1], SIZE[0])
    ys, xs = np.mgrid[: SIZE[1], : SIZE[0]]
    blob = np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 18)
    return image + torch.from_numpy(blob).float()


@pytest.mark.parametrize('view', VIEWS)
def test_a_keypoint_is_brought_back_from_each_view(view):
    model = build([view])
    find_spots(model)
    (result,) = model.predict(spot(40, 30), [sample()])
    alone = build([])
    find_spots(alone)
    (expected,) = alone.predict(spot(40, 30), [sample()])
    np.testing.assert_allclose(
        result.pred_instances.keypoints,
        expected.pred_instances.keypoints,
        atol=0.05,
    )


def test_views_differ_in_place_size_and_contrast():
    model = build([(0, 0.5, 2.0)])
    seen = find_spots(model)
    model.predict(spot(40, 30), [sample()])
    first, second = (image[0, 0] for image in seen)
    assert second.amax() == pytest.approx(2 * float(first.amax()), rel=0.05)
    area = [(image > image.amax() / 2).sum() for image in (first, second)]
    assert area[1] == pytest.approx(4 * int(area[0]), rel=0.15)


def test_keypoints_and_scores_are_means():
    model = build(VIEWS)
    find_spots(model)
    (result,) = model.predict(spot(40, 30), [sample()])
    assert result.pred_instances.keypoint_scores.item() == 2
    assert result.pred_instances.keypoints.dtype == np.float32
    np.testing.assert_allclose(
        result.pred_instances.keypoints[0, 0], (40, 30), atol=1
    )


def test_heatmaps_are_those_of_the_input():
    model = build(VIEWS)
    model.test_cfg['output_heatmaps'] = True
    image = torch.rand(1, 3, SIZE[1], SIZE[0])
    with torch.no_grad():
        (result,) = model.predict(image, [sample()])
        expected = model.head(model.extract_feat(image))
    assert torch.equal(result.pred_fields.heatmaps, expected[0])


def test_without_views_it_is_the_estimator_of_mmpose():
    model = build([])
    with DefaultScope.overwrite_default_scope('mmpose'):
        plain = MODELS.build(
            dict(
                type='TopdownPoseEstimator',
                backbone=dict(type='ResNet', depth=18),
                head=dict(
                    type='HeatmapHead',
                    in_channels=512,
                    out_channels=1,
                    decoder=dict(
                        type='UDPHeatmap', input_size=SIZE, heatmap_size=SIZE
                    ),
                ),
            )
        ).eval()
    plain.load_state_dict(model.state_dict())
    image = torch.rand(1, 3, SIZE[1], SIZE[0])
    with torch.no_grad():
        results = [m.predict(image, [sample()])[0] for m in (model, plain)]
    for key in ('keypoints', 'keypoint_scores'):
        np.testing.assert_allclose(
            *(result.pred_instances[key] for result in results), rtol=1e-6
        )
