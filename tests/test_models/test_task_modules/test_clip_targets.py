# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from mmpose.structures import PoseDataSample
from support.tiny_pavenet import SIZE, K, build_model, collate, make_clip

from cape_mm.models.layers.points import in_cells
from cape_mm.models.task_modules.clip_targets import (
    ClipTargets,
    ignored_cells,
)


def make_targets(*clips):
    return ClipTargets.from_samples(
        [clip['data_samples'] for clip in clips], torch.device('cpu')
    )


def test_persons_are_found_in_neighbour_frames_by_identity():
    clip = make_clip()
    frames = clip['data_samples'].frames
    # Another order in the last frame: identities decide, not places.
    labels = frames[2].gt_instance_labels
    frames[2].gt_instance_labels = labels[torch.tensor([1, 0])]
    targets = make_targets(clip)
    window = targets.window(torch.tensor([[0, 1, 2]]))
    middle = frames[1].gt_instance_labels
    assert window.track_ids[:, 1].tolist() == [middle.track_ids.tolist()]
    assert torch.equal(window.visible[0, 1], middle.keypoints_visible > 0)
    assert torch.allclose(window.keypoints[0, 2, 0, 0], labels.keypoints[0, 0])
    assert torch.allclose(window.keypoints[0, 2, 1, 0], labels.keypoints[1, 0])
    # The second person is not there before.
    assert not window.visible[0, 0, 1].any()
    assert window.visible[0, 0, 0].any()


def test_unknown_persons_are_supervised_in_the_middle_only():
    clip = make_clip()
    for frame in clip['data_samples'].frames:
        frame.gt_instance_labels.track_ids[:] = -1
    window = make_targets(clip).window(torch.tensor([[0, 1, 2]]))
    assert window.visible[0, 1].any(dim=-1).all()
    assert not window.visible[0, [0, 2]].any()


def test_padding_and_invisible_keypoints_are_0():
    clip, other = make_clip(), make_clip(seed=1)
    for frame in other['data_samples'].frames:
        frame.gt_instance_labels = frame.gt_instance_labels[:0]
    targets = make_targets(clip, other)
    assert targets.keypoints.shape == (2, 4, 2, K, 2)
    window = targets.window(torch.tensor([[0, 1, 2], [1, 2, 3]]))
    assert not window.visible[1].any()
    assert window.track_ids[1, 1].tolist() == [-1, -1]
    assert window.counts[:, 1].tolist() == [2, 0]
    assert not window.keypoints[~window.visible].any()


def test_unlabelled_and_repeated_frames_are_known():
    clip = make_clip(num_windows=1)
    clip['data_samples'].frames[0].set_metainfo(dict(is_labeled=False))
    targets = make_targets(clip, make_clip(num_windows=2))
    assert targets.labelled.tolist() == [
        [False, True, True, False],
        [True] * 4,
    ]


def test_frames_of_several_windows_are_found_once_if_labelled():
    clip = make_clip(num_windows=1)
    clip['data_samples'].frames[0].set_metainfo(dict(is_labeled=False))
    targets = make_targets(clip, make_clip(num_windows=2))
    index = torch.tensor([[[0, 1, 2], [0, 1, 2]], [[0, 1, 2], [1, 2, 3]]])
    clips, frames = targets.labelled_frames(index)
    assert clips.tolist() == [0, 0, 1, 1, 1, 1]
    assert frames.tolist() == [1, 2, 0, 1, 2, 3]
    assert targets.labelled_frames(index[:, :0])[0].tolist() == []


def make_frame(**areas):
    """An image of 200 x 100 that the input shows at half the size."""
    half = np.array([[0.5, 0, 0], [0, 0.5, 0]], np.float32)
    return PoseDataSample(
        metainfo=dict(warp_mat=half, img_shape=(50, 100), **areas)
    )


def test_a_box_is_ignored_where_the_input_shows_it():
    box = np.array([[100, 0, 200, 50]], np.float32)
    cells = ignored_cells([make_frame(ignore_bboxes=box), make_frame()])
    assert cells.shape == (2, 64, 64)
    assert not cells[1].any()
    points = torch.tensor([[0.75, 0.2], [0.25, 0.2], [0.75, 0.8], [1, 0]])
    found = in_cells(points.expand(2, -1, -1), cells)
    assert found.tolist() == [[True, False, False, True], [False] * 4]


def test_a_region_is_a_polygon_in_original_pixels():
    triangle = np.array([[0, 0], [200, 0], [0, 100]], np.float32)
    cells = ignored_cells([make_frame(ignore_regions=[triangle])])
    points = torch.tensor([[[0.2, 0.2], [0.8, 0.8], [0.45, 0.45]]])
    assert in_cells(points, cells).tolist() == [[True, False, True]]


def test_only_cells_whose_middle_is_in_the_area_count():
    # In the input 25 x 12.5 of 100 x 50 pixels: 16 x 16 cells.
    box = np.array([[0, 0, 50, 25]], np.float32)
    cells = ignored_cells([make_frame(ignore_bboxes=box)])
    assert cells.sum() == 16 * 16
    line = np.array([[100, 50, 100, 50]], np.float32)
    assert ignored_cells([make_frame(ignore_bboxes=line)]).sum() <= 1


def test_regions_without_inside_are_nowhere():
    regions = [np.zeros((0, 2)), np.array([[3, 4], [50, 60]])]
    assert not ignored_cells([make_frame(ignore_regions=regions)]).any()


@pytest.mark.parametrize('far', [1e3, 1e6, 1e9, 1e12])
def test_work_for_a_region_does_not_grow_with_its_distance(monkeypatch, far):
    rows = []
    fill = cv2.fillPoly

    def count(mask, polygons, value):
        rows.extend(np.ptp(polygon[:, 1]) + 1 for polygon in polygons)
        return fill(mask, polygons, value)

    monkeypatch.setattr(cv2, 'fillPoly', count)
    # all above the diagonal of 200 x 100 original pixels
    triangle = np.array([[-2 * far, -far], [2 * far, far], [2 * far, -far]])
    box = np.array([[-far, 75, far, far]], np.float32)
    cells = ignored_cells(
        [make_frame(ignore_regions=[triangle], ignore_bboxes=box)]
    )
    # rows of the mask and its rim, whatever the polygon
    assert len(rows) == 2 and max(rows) <= 258
    points = torch.tensor([[[0.8, 0.2], [0.2, 0.6], [0.2, 0.9]]])
    assert in_cells(points, cells).tolist() == [[True, False, True]]


def test_points_outside_of_the_input_are_at_its_edge():
    cells = torch.zeros(1, 64, 64, dtype=torch.bool)
    cells[0, 0, 0] = True
    points = torch.tensor([[[-0.5, -0.1], [1.5, 2.0]]])
    assert in_cells(points, cells).tolist() == [[True, False]]


def test_what_is_found_in_an_ignored_area_is_no_mistake():
    model = build_model()
    clip = make_clip()
    everywhere = np.array([[0, 0, *SIZE[::-1]]], np.float32)
    for frame in clip['data_samples'].frames:
        frame.set_metainfo(
            dict(ignore_bboxes=everywhere, warp_mat=np.eye(2, 3))
        )
    data = model.data_preprocessor(collate(clip), True)
    samples = data['data_samples']
    targets = ClipTargets.from_samples(samples, torch.device('cpu'))
    window = targets.window(data['inputs']['frame_index'][:, 0])
    persons = int(window.counts[0, 1])
    torch.manual_seed(0)
    gt_inds = model.head.assigner.assign_batch(
        torch.randn(1, 9),
        torch.rand(1, 9, K, 2),
        window,
        torch.ones(1, 9, dtype=torch.bool),
    )
    assert sorted(gt_inds[0].tolist()) == [
        *[-1] * (9 - persons),
        *range(1, persons + 1),
    ]


def test_costs_of_half_precision_are_finite():
    model = build_model()
    data = model.data_preprocessor(collate(make_clip()), True)
    targets = ClipTargets.from_samples(
        data['data_samples'], torch.device('cpu')
    )
    gt_inds = model.head.assigner.assign_batch(
        torch.tensor([[20.0, -20.0, 0.0, 9.0]]).half(),
        torch.rand(1, 4, K, 2).half(),
        targets.window(data['inputs']['frame_index'][:, 0]),
        torch.ones(1, 4, dtype=torch.bool),
    )
    assert (gt_inds > 0).any()
