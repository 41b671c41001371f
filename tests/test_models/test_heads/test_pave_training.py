# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from support.tiny_pavenet import K, make_clip

from cape_mm.models.heads.pave_training import ClipTargets


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
    assert window.track_ids.tolist() == [middle.track_ids.tolist()]
    assert torch.equal(window.visible[0, :, 1], middle.keypoints_visible > 0)
    assert torch.allclose(window.keypoints[0, 0, 2, 0], labels.keypoints[0, 0])
    assert torch.allclose(window.keypoints[0, 1, 2, 0], labels.keypoints[1, 0])
    # The second person is not there before.
    assert not window.visible[0, 1, 0].any()
    assert window.visible[0, 0, 0].any()


def test_unknown_persons_are_supervised_in_the_middle_only():
    clip = make_clip()
    for frame in clip['data_samples'].frames:
        frame.gt_instance_labels.track_ids[:] = -1
    window = make_targets(clip).window(torch.tensor([[0, 1, 2]]))
    assert window.visible[0, :, 1].any(dim=-1).all()
    assert not window.visible[0, :, [0, 2]].any()


def test_padding_and_invisible_keypoints_are_0():
    clip, other = make_clip(), make_clip(seed=1)
    for frame in other['data_samples'].frames:
        frame.gt_instance_labels = frame.gt_instance_labels[:0]
    targets = make_targets(clip, other)
    assert targets.keypoints.shape == (2, 4, 2, K, 2)
    window = targets.window(torch.tensor([[0, 1, 2], [1, 2, 3]]))
    assert not window.visible[1].any()
    assert window.track_ids[1].tolist() == [-1, -1]
    assert [len(persons) for persons in window.persons] == [2, 0]
    assert not window.keypoints[~window.visible].any()


def test_unlabelled_and_repeated_frames_are_known():
    clip = make_clip(num_windows=1)
    clip['data_samples'].frames[0].set_metainfo(dict(is_labeled=False))
    targets = make_targets(clip, make_clip(num_windows=2))
    assert targets.labelled.tolist() == [
        [False, True, True, False],
        [True] * 4,
    ]
