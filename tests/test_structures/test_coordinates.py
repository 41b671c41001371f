# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
import torch

from cape_mm.codecs import NormalizedLabel
from cape_mm.evaluation.functional.tracked_frames import inside_polygons
from cape_mm.models.layers import sample_features
from cape_mm.structures.coordinates import (
    clip_polygon,
    fraction_to_norm,
    norm_to_fraction,
    norm_to_original,
    norm_to_pixels,
    original_to_norm,
    pixels_to_norm,
)


def test_corners_of_the_image_are_0_and_1():
    corners = torch.tensor([[-0.5, -0.5], [63.5, 47.5], [31.5, 23.5]])
    norm = pixels_to_norm(corners, (48, 64))
    assert norm.tolist() == [[0, 0], [1, 1], [0.5, 0.5]]
    assert torch.equal(norm_to_pixels(norm, (48, 64)), corners)


def test_fraction_is_pixels_divided_by_the_size_of_the_input():
    pixels = torch.tensor([[0.0, 0.0], [16.0, 36.0]])
    norm = pixels_to_norm(pixels, (48, 64))
    fraction = norm_to_fraction(norm, (48, 64))
    assert torch.allclose(fraction, torch.tensor([[0, 0], [0.25, 0.75]]))
    assert torch.allclose(fraction_to_norm(fraction, (48, 64)), norm)


def test_norm_is_where_grid_sample_looks():
    image = torch.arange(48 * 64.0).view(1, 1, 48, 64)
    points = torch.tensor([[3.0, 7.0], [60.0, 0.0]])
    grid = 2 * pixels_to_norm(points, (48, 64)) - 1
    found = torch.nn.functional.grid_sample(
        image, grid[None, None], align_corners=False
    )
    assert torch.allclose(found.flatten(), torch.tensor([7 * 64 + 3.0, 60]))


def test_original_pixels_and_back():
    warp = np.array([[0.6, -0.8, 5], [0.8, 0.6, -3]], np.float32)
    points = torch.rand(2, 5, 2, generator=torch.Generator().manual_seed(0))
    points = 1000 * points
    norm = original_to_norm(points, warp, (480, 640))
    assert torch.allclose(
        norm_to_original(norm, warp, (480, 640)), points, atol=1e-2
    )
    first = warp[:, :2] @ points[0, 0].numpy() + warp[:, 2]
    assert torch.allclose(
        norm[0, 0], torch.tensor((first + 0.5) / [640, 480]).float()
    )


@pytest.mark.parametrize('stride', [1, 2, 4, 16])
def test_a_map_of_coordinates_returns_the_coordinate(stride):
    """A cell of a map with stride s holds the centre of its s x s pixels."""
    height, width = 48, 64
    y, x = torch.meshgrid(
        torch.arange(height // stride) * stride + (stride - 1) / 2,
        torch.arange(width // stride) * stride + (stride - 1) / 2,
        indexing='ij',
    )
    feature_map = torch.stack([x, y])[None]
    pixels = torch.tensor([[31.0, 20.0], [9.25, 36.0], [31.5, 23.5]])
    norm = pixels_to_norm(pixels, (height, width))
    sampled = sample_features(feature_map, norm[None])[0]
    torch.testing.assert_close(sampled, pixels)


def test_the_codec_labels_the_normalised_frame():
    codec = NormalizedLabel(input_size=(64, 48))
    pixels = np.array([[[31.0, 20.0], [9.25, 40.0], [64.5, 3.0]]])
    encoded = codec.encode(pixels)
    labels = encoded['keypoint_labels']
    assert labels.dtype == np.float32
    np.testing.assert_allclose(labels, pixels_to_norm(pixels, (48, 64)), 1e-6)
    assert encoded['keypoint_weights'].tolist() == [[1, 1, 0]]
    decoded, scores = codec.decode(labels)
    np.testing.assert_allclose(decoded, pixels, rtol=1e-6)
    assert scores.shape == (1, 3)


def test_clipped_polygon_covers_the_same_points_of_the_rectangle():
    rng = np.random.default_rng(0)
    for count in range(3, 60):
        # crossing itself, around, beside and across the rectangle
        scale = 10.0 ** (count % 10)
        polygon = rng.uniform(-3, 3, (count % 7 + 3, 2)) * [scale, 1]
        clipped = clip_polygon(polygon, (-1, -1), (1, 1))
        assert (np.abs(clipped) <= 1).all()
        points = rng.uniform(-0.999, 0.999, (200, 2))
        expected = inside_polygons(points, [polygon])
        found = inside_polygons(points, [clipped] * (len(clipped) > 0))
        np.testing.assert_array_equal(found, expected)


def test_polygon_inside_stays_as_it_is_and_one_outside_vanishes():
    polygon = np.array([[-1.0, -1], [1, 0], [0.5, 1]])
    assert clip_polygon(polygon, (-1, -1), (1, 1)) is polygon
    assert len(clip_polygon(polygon + 5, (-1, -1), (1, 1))) == 0
