# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from support.tiny_matching import (
    SIDE,
    build_matcher,
    make_batch,
    smooth_images,
)

POINTS = torch.tensor([[[[0.3, 0.3], [0.7, 0.4], [0.5, 0.7], [0.35, 0.6]]]])


@pytest.fixture(scope='module')
def model():
    return build_matcher()


@torch.no_grad()
def search(model, image, batch=None, support=None):
    """Windows of an image (3, H, W), found at the coarsest scale."""
    support = smooth_images(1) if support is None else support
    batch = make_batch(POINTS) if batch is None else batch
    levels = model.encode_supports(support[None])[:2]
    pyramid = [
        model.backbone(F.interpolate(image[None], scale_factor=scale))
        for scale in (1 / 3, 2 / 3)
    ]
    return model.search_head.predict(levels, pyramid, batch)


def scene(part, x, y, side=2 * SIDE):
    """A flat image with a part (3, h, w) at a place."""
    image = torch.full((3, side, side), 0.1)
    image[:, y : y + part.shape[1], x : x + part.shape[2]] = part
    return image


def expected(x, y, side, of=2 * SIDE):
    return torch.tensor([x, y, x + side, y + side]) / of


class TestMatchingSearchHead:
    @pytest.mark.parametrize('place', [(0, 0), (64, 32), (96, 96)])
    def test_object_is_found_at_its_place(self, model, place):
        image = scene(smooth_images(1)[0], *place)
        windows, matrices = search(model, image)
        assert (windows[0] - expected(*place, SIDE)).abs().max() < 0.06
        assert torch.allclose(matrices[0], torch.eye(2), atol=1e-5)

    @pytest.mark.parametrize('factor', [0.7, 1.6])
    def test_object_of_another_size_is_found(self, model, factor):
        part = F.interpolate(smooth_images(1), scale_factor=factor)[0]
        windows, _ = search(model, scene(part, 20, 24))
        side = part.shape[-1]
        assert (windows[0] - expected(20, 24, side)).abs().max() < 0.15

    def test_turned_and_mirrored_object_is_found_in_its_view(self, model):
        turned = smooth_images(1)[0].rot90(1, (1, 2))
        windows, matrices = search(model, scene(turned, 64, 32))
        assert (windows[0] - expected(64, 32, SIDE)).abs().max() < 0.06
        assert torch.allclose(torch.linalg.det(matrices[0]), torch.tensor(1.0))
        assert matrices[0].trace().abs() < 1e-5
        windows, matrices = search(
            model, scene(smooth_images(1)[0].flip(2), 64, 32)
        )
        assert (windows[0] - expected(64, 32, SIDE)).abs().max() < 0.06
        assert torch.linalg.det(matrices[0]) < 0

    def test_the_shot_that_is_there_is_found(self, model):
        image = scene(smooth_images(1)[0], 64, 32)
        shots = torch.cat([smooth_images(1, seed=5), smooth_images(1)])
        batch = make_batch(POINTS.expand(1, 2, -1, -1))
        windows, _ = search(model, image, batch, shots)
        assert (windows[0] - expected(64, 32, SIDE)).abs().max() < 0.06

    def test_unlabelled_keypoints_have_no_vote(self, model):
        image = scene(smooth_images(1)[0], 64, 32)
        valid = torch.tensor([[[True, True, False, True]]])
        moved = POINTS.clone()
        moved[0, 0, 2] = 9.0
        one = search(model, image, make_batch(POINTS, valid))[0]
        other = search(model, image, make_batch(moved, valid))[0]
        assert torch.equal(one, other)

    def test_windows_overlap_by_less_than_half(self, model):
        windows, matrices = search(model, scene(smooth_images(1)[0], 64, 32))
        assert len(windows) == len(matrices) == 3
        from torchvision.ops import box_iou

        overlap = box_iou(windows, windows)
        assert overlap.fill_diagonal_(0).max() <= 0.5
