# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import fields, replace
from functools import partial

import pytest
import torch
from torch.testing import assert_close as torch_assert_close

from cape_mm.structures import EpisodeBatch

assert_close = partial(torch_assert_close, atol=1e-4, rtol=1e-4)


def predict(head, features, batch: EpisodeBatch, num_queries: int = 1):
    num_supports = batch.support_valid[..., 0].numel()
    with torch.no_grad():
        return head.predict(
            features(num_supports, seed=1),
            features(len(batch.adjacency) * num_queries, seed=2),
            batch,
        )


def losses_of(head, features, batch: EpisodeBatch) -> dict:
    size = len(batch.adjacency)
    return head.loss(features(size, seed=1), features(size, seed=2), batch)


def permute(batch: EpisodeBatch, order: list) -> EpisodeBatch:
    return EpisodeBatch(
        batch.support_points[:, :, order],
        batch.support_valid[:, :, order],
        batch.query_points[:, :, order],
        batch.query_valid[:, :, order],
        batch.adjacency[:, order][:, :, order],
        batch.partners,
    )


def pad(batch: EpisodeBatch, num_more: int) -> EpisodeBatch:
    def padded(x, axes):
        return torch.nn.functional.pad(x, axes)

    return EpisodeBatch(
        padded(batch.support_points, (0, 0, 0, num_more)),
        padded(batch.support_valid, (0, num_more)),
        padded(batch.query_points, (0, 0, 0, num_more)),
        padded(batch.query_valid, (0, num_more)),
        padded(batch.adjacency, (0, num_more, 0, num_more)),
        padded(batch.partners, (0, num_more)),
    )


class TestPredict:
    def test_shapes_and_ranges(self, head, features, make_batch):
        batch = make_batch(num_episodes=2, num_shots=3, num_queries=4)
        points, scores = predict(head, features, batch, num_queries=4)
        assert points.shape == (2, 4, 5, 2)
        assert scores.shape == (2, 4, 5)
        assert ((points > 0) & (points < 1)).all()
        assert ((scores > 0) & (scores <= 1)).all()

    def test_teacher_forced_equals_autoregressive_on_equal_input(
        self, head, features, make_batch
    ):
        batch = make_batch()
        points, _ = predict(head, features, batch)
        own = replace(batch, query_points=points)
        with torch.no_grad():
            forced, _ = head.predict(
                features(2, seed=1),
                features(2, seed=2),
                own,
                teacher_forced=True,
            )
        assert_close(forced, points)

    def test_fed_points_matter(self, head, features, make_batch):
        """The equality above is not one of constants."""
        batch = make_batch()
        moved = replace(batch, query_points=1 - batch.query_points)
        support, query = features(2, seed=1), features(2, seed=2)
        with torch.no_grad():
            one, _ = head.predict(support, query, batch, teacher_forced=True)
            other, _ = head.predict(support, query, moved, teacher_forced=True)
        assert (one - other).abs().max() > 1e-3

    def test_query_labels_do_not_leak(self, head, features, make_batch):
        batch = make_batch()
        other = replace(
            batch,
            query_points=torch.rand_like(batch.query_points),
            query_valid=torch.zeros_like(batch.query_valid),
        )
        for one, two in zip(
            predict(head, features, batch), predict(head, features, other)
        ):
            assert torch.equal(one, two)

    def test_moving_a_visible_support_point_moves_the_output(
        self, head, features, make_batch, move
    ):
        batch = make_batch()
        before, _ = predict(head, features, batch)
        after, _ = predict(head, features, move(batch, 'support', 2))
        assert (before - after).abs().max() > 1e-3

    def test_moving_an_invalid_support_point_changes_nothing(
        self, head, features, make_batch, move, with_invalid
    ):
        batch = with_invalid(make_batch(), 'support', [2])
        before = predict(head, features, batch)
        after = predict(head, features, move(batch, 'support', 2))
        assert torch.equal(before[0], after[0])
        assert torch.equal(before[1], after[1])

    def test_score_of_a_keypoint_without_support_is_zero(
        self, head, features, make_batch, with_invalid
    ):
        batch = with_invalid(make_batch(), 'support', [2])
        _, scores = predict(head, features, batch)
        assert (scores[..., 2] == 0).all()
        assert (scores[..., [0, 1, 3, 4]] > 0).all()

    def test_support_pixels_are_used(self, head, features, make_batch):
        batch = make_batch()
        with torch.no_grad():
            one, _ = head.predict(
                features(2, seed=1), features(2, seed=2), batch
            )
            two, _ = head.predict(
                features(2, seed=3), features(2, seed=2), batch
            )
        assert (one - two).abs().max() > 1e-3

    def test_skeleton_is_used(self, head, features, make_batch):
        batch = make_batch()
        bare = replace(batch, adjacency=torch.zeros_like(batch.adjacency))
        one, _ = predict(head, features, batch)
        two, _ = predict(head, features, bare)
        assert (one - two).abs().max() > 1e-4

    def test_permuting_keypoints_permutes_predictions(
        self, head, features, make_batch, with_invalid
    ):
        batch = with_invalid(make_batch(), 'support', [1])
        order = [3, 1, 4, 0, 2]
        points, scores = predict(head, features, batch)
        permuted = predict(head, features, permute(batch, order))
        assert_close(permuted[0], points[:, :, order])
        assert_close(permuted[1], scores[:, :, order])

    def test_padded_slots_change_nothing(self, head, features, make_batch):
        batch = make_batch()
        points, scores = predict(head, features, batch)
        padded = predict(head, features, pad(batch, 3))
        assert_close(padded[0][:, :, :5], points)
        assert_close(padded[1][:, :, :5], scores)

    def test_batch_of_two_equals_two_batches_of_one(
        self, head, features, make_batch
    ):
        batch = make_batch(num_queries=2)
        support, query = features(2, seed=1), features(4, seed=2)
        with torch.no_grad():
            together, _ = head.predict(support, query, batch)
            for i in range(2):
                one = EpisodeBatch(
                    *(getattr(batch, f.name)[i : i + 1] for f in fields(batch))
                )
                alone, _ = head.predict(
                    tuple(level[i : i + 1] for level in support),
                    tuple(level[2 * i : 2 * i + 2] for level in query),
                    one,
                )
                assert_close(alone[0], together[i])

    def test_order_of_shots_does_not_matter(self, head, features, make_batch):
        batch = make_batch(num_episodes=1, num_shots=3)
        support, query = features(3, seed=1), features(1, seed=2)
        order = [2, 0, 1]
        shuffled = replace(
            batch,
            support_points=batch.support_points[:, order],
            support_valid=batch.support_valid[:, order],
        )
        with torch.no_grad():
            one, _ = head.predict(support, query, batch)
            two, _ = head.predict(
                tuple(level[order] for level in support), query, shuffled
            )
        assert_close(one, two)

    def test_a_shot_counts_only_where_it_is_valid(
        self, head, features, make_batch, move
    ):
        batch = make_batch(num_shots=2)
        batch.support_valid[:, 1, 3] = False
        points = batch.support_points.clone()
        points[:, 1, 3] += 0.1
        moved = replace(batch, support_points=points)
        assert torch.equal(
            predict(head, features, batch)[0],
            predict(head, features, moved)[0],
        )

    def test_annotation_order_can_be_kept(
        self, make_head, features, make_batch
    ):
        batch = make_batch()
        head = make_head(decode_order='annotation')
        encoded, _ = head(features(2, seed=1), features(2, seed=2), batch)
        assert (encoded.order == torch.arange(5)).all()

    def test_certain_keypoints_are_decoded_first(
        self, head, features, make_batch, with_invalid
    ):
        batch = with_invalid(make_batch(), 'support', [0])
        encoded, _ = head(features(2, seed=1), features(2, seed=2), batch)
        assert (encoded.order[:, -1] == 0).all()
        scores = encoded.proposal.scores.gather(1, encoded.order)[:, :-1]
        assert (scores.diff(dim=1) <= 0).all()

    def test_parallel_decoding_uses_no_points(
        self, make_head, features, make_batch
    ):
        """Annotated points change nothing, in test and in training."""
        head = make_head(autoregressive=False)
        batch = make_batch()
        points, _ = predict(head, features, batch)
        with torch.no_grad():
            forced, _ = head.predict(
                features(2, seed=1),
                features(2, seed=2),
                batch,
                teacher_forced=True,
            )
        assert torch.equal(forced, points)
        unused = {
            name
            for name, parameter in head.decoder.named_parameters()
            if not parameter.requires_grad
        }
        sum(losses_of(head, features, batch).values()).backward()
        missing = {
            name
            for name, parameter in head.decoder.named_parameters()
            if parameter.grad is None
        }
        assert missing == unused
        assert set(head.state_dict()) == set(make_head().state_dict())

    def test_geometry_only_support_reads_no_support_pixels(
        self, make_head, features, make_batch
    ):
        head = make_head(use_support_features=False)
        batch = make_batch()
        with torch.no_grad():
            one, _ = head.predict(
                features(2, seed=1), features(2, seed=2), batch
            )
            two, _ = head.predict(
                features(2, seed=3), features(2, seed=2), batch
            )
            query, _ = head.predict(
                features(2, seed=1), features(2, seed=4), batch
            )
        assert torch.equal(one, two)
        assert not torch.equal(one, query)

    def test_without_skeleton_edges_do_not_matter(
        self, make_head, features, make_batch
    ):
        head = make_head(use_skeleton=False)
        batch = make_batch()
        bare = replace(batch, adjacency=torch.zeros_like(batch.adjacency))
        one, _ = predict(head, features, batch)
        two, _ = predict(head, features, bare)
        assert torch.equal(one, two)

    def test_unknown_order_is_refused(self, make_head):
        with pytest.raises(ValueError, match='decode_order'):
            make_head(decode_order='random')


class TestLoss:
    def test_keys(self, head, features, make_batch):
        losses = losses_of(head, features, make_batch())
        assert set(losses) == {
            'loss_coords',
            'loss_ce',
            'd0.loss_coords',
            'd0.loss_ce',
            'loss_heatmap',
        }
        assert all(loss > 0 for loss in losses.values())

    @pytest.mark.parametrize('member', ['support', 'query'])
    def test_invisible_points_enter_no_loss(
        self, head, features, make_batch, move, with_invalid, member
    ):
        batch = with_invalid(make_batch(), member, [2])
        moved = move(move(batch, 'query', 2), member, 2)
        before = losses_of(head, features, batch)
        after = losses_of(head, features, moved)
        for key, value in before.items():
            assert torch.equal(value, after[key]), key

    def test_visible_points_enter_every_coordinate_loss(
        self, head, features, make_batch, move
    ):
        batch = make_batch()
        before = losses_of(head, features, batch)
        after = losses_of(head, features, move(batch, 'query', 2))
        for key in ('loss_coords', 'd0.loss_coords', 'loss_heatmap'):
            assert not torch.allclose(before[key], after[key]), key

    def test_padded_slots_change_nothing(self, head, features, make_batch):
        batch = make_batch()
        before = losses_of(head, features, batch)
        after = losses_of(head, features, pad(batch, 3))
        for key, value in before.items():
            assert_close(value, after[key])

    def test_every_parameter_gets_a_gradient(
        self, head, features, make_batch, with_invalid
    ):
        """As DistributedDataParallel demands."""
        batch = with_invalid(make_batch(), 'support', [1])
        sum(losses_of(head, features, batch).values()).backward()
        without = [n for n, p in head.named_parameters() if p.grad is None]
        assert not without

    def test_likelihood_loss_trains_sigma(
        self, make_head, features, make_batch
    ):
        head = make_head(loss_coords=dict(type='cape_mm.KeypointRLELoss'))
        torch.set_default_dtype(torch.float32)  # the flow knows no other
        losses = losses_of(head.float(), features, make_batch())
        assert all(loss.isfinite() for loss in losses.values())
        sum(losses.values()).backward()
        gradient = head.decoder.sigma_branches[-1][-1].weight.grad
        assert gradient.abs().sum() > 0


class TestScheduledSampling:
    def feed(self, head, features, batch):
        encoded, _ = head(features(2, seed=1), features(2, seed=2), batch)
        target, known = encoded.targets(batch)
        fed = head._points_to_feed(encoded.context, target, known)
        own = head.decoder(encoded.context, target, known).points[-1]
        return target, own[:, :-1], *fed

    def test_starts_as_teacher_forcing(self, head, features, make_batch):
        target, _, points, _ = self.feed(head, features, make_batch())
        assert torch.equal(points, target)

    def test_ends_on_own_predictions(
        self, head, features, make_batch, with_invalid
    ):
        head.own_prediction_share = 1.0
        batch = with_invalid(make_batch(), 'query', [2])
        _, own, points, known = self.feed(head, features, batch)
        assert torch.equal(points, own)
        # A prediction is there whether or not the query is annotated.
        assert known.all()

    def test_share_is_kept(self, head, features, make_batch):
        head.own_prediction_share = 0.5
        torch.manual_seed(0)
        batch = make_batch(num_keypoints=200)
        target, own, points, _ = self.feed(head, features, batch)
        is_own = (points == own).all(dim=-1)
        is_target = (points == target).all(dim=-1)
        assert (is_own ^ is_target).all()
        assert 0.4 < is_own.float().mean() < 0.6

    def test_noise_has_the_expected_size(self, head, features, make_batch):
        head.teacher_noise = 0.02
        torch.manual_seed(0)
        batch = make_batch(num_keypoints=500)
        target, _, points, _ = self.feed(head, features, batch)
        assert (points - target).std().item() == pytest.approx(0.02, rel=0.1)

    def test_first_pass_carries_no_gradient(self, head, features, make_batch):
        head.own_prediction_share = 1.0
        batch = make_batch()
        encoded, _ = head(features(2, seed=1), features(2, seed=2), batch)
        target, known = encoded.targets(batch)
        points, _ = head._points_to_feed(encoded.context, target, known)
        assert not points.requires_grad
