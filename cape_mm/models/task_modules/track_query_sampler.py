# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from mmdet.structures.bbox import bbox_overlaps
from torch import Tensor

from cape_mm.registry import TASK_UTILS
from cape_mm.structures.track_query_state import TrackQueryState

_NOBODY = -1


@TASK_UTILS.register_module()
class TrackQuerySampler:
    """Choose the queries of a window that the next one starts with (training).

    Handed over are, in this order of rank if there are too many:

    1. *tracks*: queries that got a person of known identity and have a score
       of at least ``score_thr``. Each is dropped with ``p_false_negative``,
       so that detect queries learn to find persons again;
    2. *vanished* tracks, with ``keep_vanished``: they came with an identity
       that no query got in this window. They keep it at any score: background
       while the person is away, the person's query when it comes back;
    3. *mistakes*: queries without person and identity -1 that reach
       ``score_thr``;
    4. *injected* mistakes: each track of rank 1 brings one with
       ``p_false_positive``, drawn from the queries without person, with a
       probability proportional to the overlap of the boxes (any, if none
       overlaps). A query that got a person is never drawn.

    A query with a person of unknown identity is not handed over: no later
    label could be right for it.

    Args:
        score_thr (float): Least score, in [0, 1]. Defaults to 0.4.
        max_queries (int): Most queries of a clip. Defaults to 100.
        matched_always (bool): Queries with a person count as tracks at any
            score, as in TrackFormer, so that tracking is learned before the
            scores are. Defaults to False.
        p_false_negative (float): Defaults to 0; TrackFormer has 0.4.
        p_false_positive (float): Defaults to 0; TrackFormer has 0.1.
        reference_jitter (float): Standard deviation of a normal shift of
            each handed over pose, in [0, 1] of the input. Defaults to 0.
        joint_jitter (float): The same for each joint alone. Defaults to 0.
        keep_vanished (bool): See above. Defaults to True.

    Raises:
        ValueError: If a number is out of its range.
    """

    def __init__(
        self,
        score_thr: float = 0.4,
        max_queries: int = 100,
        matched_always: bool = False,
        p_false_negative: float = 0.0,
        p_false_positive: float = 0.0,
        reference_jitter: float = 0.0,
        joint_jitter: float = 0.0,
        keep_vanished: bool = True,
    ) -> None:
        fractions = dict(
            score_thr=score_thr,
            p_false_negative=p_false_negative,
            p_false_positive=p_false_positive,
        )
        for name, value in fractions.items():
            if not 0 <= value <= 1:
                raise ValueError(f'{name} must be in [0, 1], not {value}')
        if max_queries < 0 or min(reference_jitter, joint_jitter) < 0:
            raise ValueError(
                'max_queries, reference_jitter and joint_jitter must not be '
                f'negative: {max_queries}, {reference_jitter}, {joint_jitter}'
            )
        self.score_thr = score_thr
        self.max_queries = max_queries
        self.matched_always = matched_always
        self.p_false_negative = p_false_negative
        self.p_false_positive = p_false_positive
        self.reference_jitter = reference_jitter
        self.joint_jitter = joint_jitter
        self.keep_vanished = keep_vanished

    @torch.no_grad()
    def sample(
        self,
        content: Tensor,
        poses: Tensor,
        logits: Tensor,
        person_ids: Tensor,
        matched: Tensor,
        query_ids: Tensor | None = None,
        valid: Tensor | None = None,
        position: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> TrackQueryState:
        """Make the state of the next window. B clips, Q queries.

        Args:
            content (Tensor): (B, Q, C), features after the last layer.
            poses (Tensor): (B, Q, K, 2), ``(x, y)`` in [0, 1].
            logits (Tensor): (B, Q), of being a person.
            person_ids (Tensor): (B, Q) int64, identity of the assigned
                person, -1 without person or if it is unknown.
            matched (Tensor): (B, Q) bool, True where a person is assigned.
            query_ids (Tensor, optional): (B, Q) int64, identity that the
                query came with, -1 for detect queries. Without it no track
                can be known as vanished.
            valid (Tensor, optional): (B, Q) bool, False for padding and other
                queries that are not to be handed over. By default all may be.
            position (Tensor, optional): (B, Q, C), positional embedding to
                hand over.
            generator (torch.Generator, optional): Source of random numbers on
                the device of the tensors, by default torch's own.

        Returns:
            TrackQueryState: Detached, with at most ``max_queries`` places.
        """
        if valid is None:
            valid = torch.ones_like(matched)
        scores = logits.detach().float().sigmoid()
        high = scores >= self.score_thr
        person_ids = person_ids.masked_fill(~matched, _NOBODY)

        known = valid & matched & (person_ids >= 0)
        track = known if self.matched_always else known & high
        ids = person_ids
        free = valid & ~matched
        vanished = torch.zeros_like(free)
        if self.keep_vanished and query_ids is not None:
            vanished = free & _is_unclaimed(query_ids, person_ids)
            ids = torch.where(vanished, query_ids, ids)
        mistake = free & ~vanished & high
        spare = free & ~vanished & ~mistake

        if self.p_false_negative > 0:
            track = track & ~_draw(scores, self.p_false_negative, generator)
        injected = torch.zeros_like(spare)
        if self.p_false_positive > 0:
            inviting = track & _draw(scores, self.p_false_positive, generator)
            injected = _neighbours(inviting, spare, poses, generator)

        rank = scores + 1
        for step, group in enumerate((mistake, vanished, track), start=1):
            rank = torch.where(group, scores + 1 + step, rank)
        keep = track | vanished | mistake | injected
        keep = _best(rank.masked_fill(~keep, 0.0), self.max_queries) & keep
        state = TrackQueryState(
            content=content.detach(),
            reference=self._jitter(poses, generator).detach(),
            track_ids=ids,
            valid=valid,
            position=None if position is None else position.detach(),
        )
        return state.select(keep)

    def _jitter(
        self, poses: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """Displace poses (B, Q, K, 2), which stay in [0, 1]."""
        shapes = (
            (self.reference_jitter, poses.shape[:-2] + (1, 2)),
            (self.joint_jitter, poses.shape),
        )
        moved = poses
        for deviation, shape in shapes:
            if deviation > 0:
                noise = torch.randn(
                    shape, generator=generator, device=poses.device
                )
                moved = moved + deviation * noise.to(poses.dtype)
        return poses if moved is poses else moved.clamp(0, 1)


def _draw(
    like: Tensor, probability: float, generator: torch.Generator | None
) -> Tensor:
    """Draw True with a probability, in the shape of a tensor."""
    drawn = torch.rand(like.shape, generator=generator, device=like.device)
    return drawn < probability


def _is_unclaimed(query_ids: Tensor, person_ids: Tensor) -> Tensor:
    """Queries (B, Q) whose identity nobody of their clip got."""
    claimed = (query_ids[:, :, None] == person_ids[:, None]).any(dim=-1)
    return (query_ids >= 0) & ~claimed


def _neighbours(
    inviting: Tensor,
    candidates: Tensor,
    poses: Tensor,
    generator: torch.Generator | None,
) -> Tensor:
    """Draw for each inviting query one candidate that overlaps with it.

    Args:
        inviting (Tensor): (B, Q) bool.
        candidates (Tensor): (B, Q) bool.
        poses (Tensor): (B, Q, K, 2).
        generator (torch.Generator, optional): Source of random numbers.

    Returns:
        Tensor: (B, Q) bool, the drawn candidates.
    """
    poses = poses.float()
    boxes = torch.cat([poses.amin(dim=-2), poses.amax(dim=-2)], dim=-1)
    weights = bbox_overlaps(boxes, boxes) * candidates[:, None]
    lonely = weights.sum(dim=-1, keepdim=True) <= 0
    weights = torch.where(
        lonely, candidates[:, None].to(weights).expand_as(weights), weights
    )
    # Rows without any candidate must be drawable too; they do not count.
    empty = ~candidates.any(dim=-1)
    weights = weights.masked_fill(empty[:, None, None], 1.0)
    drawn = torch.multinomial(weights.flatten(0, 1), 1, generator=generator)
    drawn = drawn.view_as(inviting)
    counts = torch.zeros_like(drawn)
    counts.scatter_add_(1, drawn, inviting.to(drawn.dtype))
    return (counts > 0) & candidates


def _best(rank: Tensor, number: int) -> Tensor:
    """Mark the largest values of each row (B, Q)."""
    order = rank.argsort(dim=1, descending=True, stable=True)[:, :number]
    return torch.zeros_like(rank, dtype=torch.bool).scatter_(1, order, True)
