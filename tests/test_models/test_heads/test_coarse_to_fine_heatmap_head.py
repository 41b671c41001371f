# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmpose.codecs import UDPHeatmap
from support.heatmap_samples import heatmap_samples

from cape_mm.errors import DataError
from cape_mm.models.heads import CoarseToFineHeatmapHead

SIZE = (96, 128)
CODEC = dict(input_size=SIZE, heatmap_size=(24, 32), sigma=1.0)


def build(codec='UDPHeatmap', **kwargs):
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(
            dict(
                type='cape_mm.CoarseToFineHeatmapHead',
                in_channels=3,
                out_channels=2,
                deconv_out_channels=None,
                decoder=dict(type=codec, **CODEC),
                cells=8,
                channels=6,
                **kwargs,
            )
        )


def features(number=2):
    generator = torch.Generator().manual_seed(0)
    return (
        torch.rand(number, 3, 32, 24, generator=generator),
        torch.rand(number, 3, 128, 96, generator=generator),
    )


def samples(labelled=None):
    points = np.float32([[[40, 50], [60.4, 81]], [[30, 20], [52, 70]]])
    return heatmap_samples(UDPHeatmap(**CODEC), points, labelled)


def test_both_stages_learn():
    head = build()
    with torch.no_grad():  # maps of zeros have no gradient at their input
        head.fine_weights.normal_()
    losses = head.loss(features(), samples())
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_the_second_stage_leaves_the_features_to_the_first():
    head, feats = build(), features()
    with torch.no_grad():
        head.fine_weights.normal_()
    feats[0].requires_grad_()
    head.loss(feats, samples())['loss_fine'].backward()
    assert feats[0].grad is None


def test_a_patch_shows_the_pixels_around_its_centre():
    """The image is its own x, then y: what a patch holds is where it is."""
    head, centres = build(), torch.tensor([[[40.25, 50.5], [60.0, 81.0]]])
    shown = []
    head.detail.register_forward_pre_hook(lambda _, args: shown.append(args))
    x = torch.arange(96.0).expand(1, 3, 128, 96)
    y = torch.arange(128.0)[:, None].expand(1, 3, 128, 96)
    for image in (x, y):
        head.eval()._refine((torch.zeros(1, 3, 32, 24), image), centres)
    offsets = torch.arange(16.0) - 7
    for axis, (patches,) in enumerate(shown):
        middle = patches[:, 0, 7] if axis == 0 else patches[:, 0, :, 7]
        expected = centres[0, :, axis, None] + offsets
        torch.testing.assert_close(middle, expected, atol=1e-3, rtol=0)


def test_a_peak_of_the_patch_moves_the_keypoint():
    """Cell (6, 2) of 8 lies 5 pixels right of the centre and 3 above."""
    head = build()
    logits = torch.zeros(1, 2, 8, 8)
    logits[..., 2, 6] = 50
    head._refine = lambda feats, centres: logits
    before = super(CoarseToFineHeatmapHead, head).predict(features(1), [None])
    after = head.predict(features(1), [None])
    moved = after[0].keypoints - before[0].keypoints
    # in the frame of UDP's codec
    expected = np.multiply([5, -3], np.divide(SIZE, np.subtract(SIZE, 1)))
    np.testing.assert_allclose(moved[0], [expected] * 2, atol=1e-3)


def test_a_labelled_keypoint_outside_of_its_patch_has_no_fine_loss():
    losses = build(jitter=1e6).loss(features(), samples())
    assert losses['loss_fine'] == 0


def test_an_unlabelled_keypoint_has_no_fine_loss():
    labelled = np.zeros((2, 2), np.float32)
    assert build().loss(features(), samples(labelled))['loss_fine'] == 0


def test_the_fine_loss_falls_to_zero_for_the_map_it_asks_for():
    head = build(jitter=2.0)
    seen = {}

    def refine(feats, centres):
        axis = torch.arange(8) * 2 - 7.0
        points = torch.tensor([[[40, 50], [60.4, 81]], [[30, 20], [52, 70]]])
        x, y = (points - centres).unbind(-1)
        seen['logits'] = (
            -(
                (axis - x[..., None])[..., None, :].square()
                + (axis - y[..., None])[..., None].square()
            )
            / 8
        )
        return seen['logits']

    head._refine = refine
    assert head.loss(features(), samples())['loss_fine'].abs() < 1e-2


def test_heatmaps_are_those_of_the_first_stage():
    head, feats = build(), features()
    maps = head(feats)
    assert maps.shape == (2, 2, 32, 24)
    _, fields = head.predict(feats, samples(), dict(output_heatmaps=True))
    assert torch.equal(fields[0].heatmaps, maps[0])


def test_a_codec_of_another_frame_is_refused():
    with pytest.raises(DataError, match='is MSRAHeatmap, must be UDPHeatmap'):
        build('MSRAHeatmap')
