# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math
import time

import pytest
import torch
from support.tiny_matching import build_aligned_matcher, smooth_images

from cape_mm.engine import few_shot
from cape_mm.engine.few_shot import (
    FittingRounds,
    Labels,
    align_boxes,
    align_labels,
    fit_head,
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build_aligned_matcher(channels=16)


@pytest.fixture
def labels(model):
    points = torch.tensor([[0.3, 0.3], [0.7, 0.35], [0.6, 0.7], [0.25, 0.6]])
    points = torch.stack([points, points.flip(-1)])
    labels = Labels(smooth_images(2), points, torch.ones(2, 4).bool())
    model.aligned_head.template.fit(points, labels.valid, torch.arange(4))
    return labels


def make_views(model, labels, num_views, seed=0):
    template = model.aligned_head.template
    alignments = [align_labels(template, labels)]
    return few_shot.make_views(
        model, template, labels, alignments, num_views, seed
    )


def test_views_keep_their_instance_and_differ(model, labels):
    views = make_views(model, labels, 3)
    assert views.owners.tolist() == [0, 1] * 3
    assert [len(level) for level in views.levels] == [6, 6]
    template = model.aligned_head.template.points
    distance = (views.points - template).norm(dim=-1)
    assert 0 < distance.max() < 0.25
    assert not torch.equal(views.points[0], views.points[2])


def test_views_depend_on_the_seed_alone(model, labels):
    one, same, other = (make_views(model, labels, 1, s) for s in (0, 0, 1))
    assert torch.equal(one.points, same.points)
    assert torch.equal(one.levels[0], same.levels[0])
    assert not torch.equal(one.points, other.points)


def test_unlabelled_keypoints_stay_so_in_views(model, labels):
    labels.valid[0, 1] = False
    views = make_views(model, labels, 2)
    assert not views.valid[views.owners == 0, 1].any()
    assert views.valid[views.owners == 1].all()


def test_the_loss_falls_and_the_backbone_stays(model, labels):
    views = make_views(model, labels, 4)
    before = model.backbone.weight.clone()
    losses = fit_head(model.aligned_head, views, 60)
    assert len(losses) == 60
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    assert torch.equal(model.backbone.weight, before)
    assert not model.aligned_head.training


def test_a_deadline_shortens_the_fit(model, labels):
    views = make_views(model, labels, 4)
    deadline = time.monotonic() + 0.5
    losses = fit_head(model.aligned_head, views, 10**6, deadline=deadline)
    assert 5 <= len(losses) < 10**4


def test_a_deadline_that_is_over_leaves_few_iterations(model, labels):
    views = make_views(model, labels, 4)
    losses = fit_head(model.aligned_head, views, 9, deadline=-math.inf)
    assert 5 <= len(losses) < 9


def test_rounds_are_the_same_after_a_restart(model, labels):
    views = make_views(model, labels, 40)
    rounds = FittingRounds(model.aligned_head, views, 75)
    first, second = rounds.fit([0]), rounds.fit([0])
    assert len(first) == rounds.num_iterations
    assert second[0] < first[0]
    rounds.restart()
    assert rounds.fit([0]) == first


def test_the_random_numbers_of_others_are_left_alone(model, labels):
    state = torch.get_rng_state()
    views = make_views(model, labels, 2)
    fit_head(model.aligned_head, views, 2, deadline=math.inf)
    assert torch.equal(torch.get_rng_state(), state)


def test_views_of_boxes_keep_the_frame_and_cover_turns(model, labels):
    template = model.aligned_head.template
    template.fit(*labels[1:], torch.arange(4))
    (plain, _), max_turn = align_boxes(template, labels)
    matrices, mirrored = plain
    assert torch.equal(matrices, torch.eye(2, 3).expand(2, 2, 3))
    assert not mirrored.any()
    assert max_turn >= math.radians(15)
    views = few_shot.make_views(
        model, template, labels, [plain], 2, max_turn=0.0
    )
    distance = (views.points - labels.points.repeat(2, 1, 1)).norm(dim=-1)
    assert 0 < distance.max() < 0.15


def test_mirrored_instances_give_mirrored_boxes(model):
    points = torch.tensor([[0.3, 0.3], [0.7, 0.35], [0.6, 0.7], [0.25, 0.6]])
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    turned = (points - 0.5) @ turn + 0.5
    mirrored = points * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
    for other, expected_turn in ((turned, 105), (mirrored, 15)):
        labels = Labels(
            smooth_images(2),
            torch.stack([points, other]),
            torch.ones(2, 4).bool(),
        )
        template = model.aligned_head.template
        template.fit(*labels[1:], torch.arange(4))
        alignments, max_turn = align_boxes(template, labels)
        assert math.degrees(max_turn) == pytest.approx(expected_turn, abs=1)
        assert len(alignments) == (2 if other is mirrored else 1)
    template = model.aligned_head.template
    matrices, flags = alignments[1]
    found = template.to_template(labels.points, matrices, flags)
    torch.testing.assert_close(found[1], points)
