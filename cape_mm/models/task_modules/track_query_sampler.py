# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from mmdet.structures.bbox import bbox_overlaps
from torch import Tensor

from cape_mm.registry import TASK_UTILS
from cape_mm.structures import TrackQueryState

_UNKNOWN = -1


@TASK_UTILS.register_module()
class TrackQuerySampler:
    """Sample the queries of a window that the next one starts with (training).

    Handed over are, in this order of rank if there are too many:

    1. *tracks*: queries that got a person of known identity and have a score
       of at least ``score_thr``. Each is dropped with ``p_false_negative``,
       so that detect queries learn to find persons again;
    2. *vanished* tracks, with ``keep_vanished``: they had an identity
       that no query got in this window. They keep it at any score: background
       while the person is away, the person's query when it comes back;
    3. *mistakes*: queries without person and identity -1 that reach
       ``score_thr``;
    4. *injected* mistakes: each track of rank 1 adds one with
       ``p_false_positive``, sampled from the queries without person, with a
       probability proportional to the overlap of the boxes (any, if none
       overlaps). A query that got a person is never sampled.

    A query with a person of unknown identity is not handed over: no later
    label could be right for it.

    Args:
        score_thr (float): Minimum score, in [0, 1]. Defaults to 0.4.
        max_queries (int): Maximum number of queries of a clip. Defaults to
            100.
        matched_always (bool): Whether queries with a person are tracks at any
            score, as in TrackFormer, so that tracking is learned before the
            scores are. Defaults to False.
        p_false_negative (float): Probability to drop a track. Defaults to 0;
            TrackFormer has 0.4.
        p_false_positive (float): Probability of an injected mistake per
            track. Defaults to 0; TrackFormer has 0.1.
        reference_jitter (float): Sigma of a normal shift of each handed over
            pose, normalised. Defaults to 0.
        keypoint_jitter (float): Sigma of a normal shift of each keypoint.
            Defaults to 0.
        keep_vanished (bool): Whether vanished tracks are handed over.
            Defaults to True.

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
        keypoint_jitter: float = 0.0,
        keep_vanished: bool = True,
    ) -> None:
        self.score_thr = score_thr
        self.max_queries = max_queries
        self.matched_always = matched_always
        self.p_false_negative = p_false_negative
        self.p_false_positive = p_false_positive
        self.reference_jitter = reference_jitter
        self.keypoint_jitter = keypoint_jitter
        self.keep_vanished = keep_vanished
        for name in ('score_thr', 'p_false_negative', 'p_false_positive'):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f'{name} must be in [0, 1], not {value}')
        for name in ('max_queries', 'reference_jitter', 'keypoint_jitter'):
            value = getattr(self, name)
            if value < 0:
                raise ValueError(f'{name} must not be negative: {value}')

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
            content (Tensor): Features (B, Q, C) after the last layer.
            poses (Tensor): Poses (B, Q, K, 2), normalised.
            logits (Tensor): Person logits (B, Q).
            person_ids (Tensor): Identities (B, Q) of the assigned persons,
                int64, -1 without person or if it is unknown.
            matched (Tensor): (B, Q) bool, True for queries with a person.
            query_ids (Tensor, optional): Identities (B, Q) that the queries
                were handed over with, int64, -1 for detect queries. Without
                them no track vanishes.
            valid (Tensor, optional): (B, Q) bool, False for padding and other
                queries that are not to be handed over. By default all may be.
            position (Tensor, optional): Embedding (B, Q, C) to hand over.
            generator (torch.Generator, optional): Source of random numbers on
                the device of the tensors, by default torch's own.

        Returns:
            TrackQueryState: Detached queries, at most ``max_queries``.
        """
        if valid is None:
            valid = torch.ones_like(matched)
        scores = logits.detach().float().sigmoid()
        high = scores >= self.score_thr
        person_ids = person_ids.masked_fill(~matched, _UNKNOWN)

        known = valid & matched & (person_ids >= 0)
        track = known if self.matched_always else known & high
        ids = person_ids
        free = valid & ~matched
        vanished = torch.zeros_like(free)
        if self.keep_vanished and query_ids is not None:
            # B, Q, Q: identities of queries, and of the assigned persons
            same = query_ids[:, :, None] == person_ids[:, None]
            vanished = free & (query_ids >= 0) & ~same.any(dim=-1)
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
            (self.keypoint_jitter, poses.shape),
        )
        moved = poses
        for sigma, shape in shapes:
            if sigma > 0:
                noise = torch.randn(
                    shape, generator=generator, device=poses.device
                )
                moved = moved + sigma * noise.to(poses.dtype)
        return poses if moved is poses else moved.clamp(0, 1)


def _draw(
    like: Tensor, probability: float, generator: torch.Generator | None
) -> Tensor:
    """Mask in the shape of a tensor, True with a probability."""
    noise = torch.rand(like.shape, generator=generator, device=like.device)
    return noise < probability


def _neighbours(
    inviting: Tensor,
    candidates: Tensor,
    poses: Tensor,
    generator: torch.Generator | None,
) -> Tensor:
    """Sample a candidate (B, Q) that overlaps for each inviting query."""
    poses = poses.float()
    boxes = torch.cat([poses.amin(dim=-2), poses.amax(dim=-2)], dim=-1)
    weights = bbox_overlaps(boxes, boxes) * candidates[:, None]
    lonely = weights.sum(dim=-1, keepdim=True) <= 0
    weights = torch.where(
        lonely, candidates[:, None].to(weights).expand_as(weights), weights
    )
    # Rows without any candidate need weights too; they do not count.
    empty = ~candidates.any(dim=-1)
    weights = weights.masked_fill(empty[:, None, None], 1.0)
    chosen = torch.multinomial(weights.flatten(0, 1), 1, generator=generator)
    chosen = chosen.view_as(inviting)
    counts = torch.zeros_like(chosen)
    counts.scatter_add_(1, chosen, inviting.to(chosen.dtype))
    return (counts > 0) & candidates


def _best(rank: Tensor, number: int) -> Tensor:
    """Mark the largest values of each row (B, Q)."""
    order = rank.argsort(dim=1, descending=True, stable=True)[:, :number]
    return torch.zeros_like(rank, dtype=torch.bool).scatter_(1, order, True)
