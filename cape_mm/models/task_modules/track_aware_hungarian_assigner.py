# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from mmdet.models.task_modules.assigners import (
    AssignResult,
    HungarianAssigner,
)
from mmengine.structures import InstanceData
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from cape_mm.registry import TASK_UTILS

from ..layers.points import in_cells
from .clip_targets import ClipTargets

_UNKNOWN = -1
_IGNORED = -1


@TASK_UTILS.register_module()
class TrackAwareHungarianAssigner(HungarianAssigner):
    """Assign persons to queries, one to one, by cost and identity.

    - ``mode='bonus'``: ``track_bonus`` is added to the cost of a track query
      and the person with the same identity. All queries compete, so that a
      bonus can be overruled by a large distance.
    - ``mode='hard'``: a track query gets the person with its identity at any
      distance. If the person has left or the query never had one, it is
      background. Detect queries share the other persons by cost.

    If an identity occurs twice, only its first query and person count as one.

    Args:
        match_costs (dict | list[dict]): Costs, as in MMDetection.
        mode (str): ``'bonus'`` or ``'hard'``.
        track_bonus (float): Summand of the cost, so it is negative. Defaults
            to -10; -50 is hardly ever overruled.

    Raises:
        ValueError: If the mode does not exist or the bonus is positive.
    """

    def __init__(
        self,
        match_costs: dict | list[dict],
        mode: str = 'bonus',
        track_bonus: float = -10.0,
    ) -> None:
        if mode not in ('bonus', 'hard'):
            raise ValueError(f"mode is 'bonus' or 'hard', not {mode!r}")
        if track_bonus > 0:
            raise ValueError(
                f'track_bonus {track_bonus} would keep tracks from their '
                'persons: it is added to the cost and must not be positive'
            )
        super().__init__(match_costs)
        self.mode = mode
        self.track_bonus = track_bonus

    def assign(
        self,
        pred_instances: InstanceData,
        gt_instances: InstanceData,
        img_meta: dict | None = None,
        query_track_ids: Tensor | None = None,
        is_track: Tensor | None = None,
        query_valid: Tensor | None = None,
        **kwargs,
    ) -> AssignResult:
        """Assign the queries of one frame.

        Args:
            pred_instances (InstanceData): Queries with ``scores`` (Q, 1),
                logits, and ``keypoints`` (Q, K, 2), normalised.
            gt_instances (InstanceData): Persons with ``labels`` (N,),
                ``keypoints`` (N, K, 2), normalised, ``keypoints_visible``
                (N, K), ``areas`` (N,), square input pixels, ``track_ids``
                (N,), int64, -1 for unknown.
            img_meta (dict, optional): Meta information with ``img_shape``,
                for the costs.
            query_track_ids (Tensor, optional): Identities (Q,) of the track
                queries, int64, -1 for all others. By default there are only
                detect queries, as for proposals.
            is_track (Tensor, optional): (Q,) bool, True for track queries,
                also those without identity, which the hard mode makes
                background. By default those that have an identity.
            query_valid (Tensor, optional): (Q,) bool, False for padding,
                which gets nothing. By default all are valid.
            **kwargs: Not used.

        Returns:
            AssignResult: ``gt_inds`` (Q,) int64: 1-based person, 0 for
            background, -1 for padding. ``labels`` (Q,), -1 without person.
        """
        num_queries = len(pred_instances)
        device = gt_instances.labels.device
        if query_track_ids is None:
            query_track_ids = torch.full(
                (num_queries,), _UNKNOWN, device=device
            )
        if is_track is None:
            is_track = query_track_ids >= 0
        if query_valid is None:
            query_valid = torch.ones_like(is_track)
        gt_inds = torch.zeros_like(query_track_ids)
        gt_inds[~query_valid] = _IGNORED
        query_track_ids = query_track_ids.masked_fill(~query_valid, _UNKNOWN)
        same = _match_identities(query_track_ids, gt_instances.track_ids)
        free = query_valid.clone()
        left = torch.ones(len(gt_instances), dtype=torch.bool, device=device)
        if self.mode == 'hard' and len(gt_instances):
            kept, persons = same.nonzero(as_tuple=True)
            gt_inds[kept] = persons + 1
            left[persons] = False
            free &= ~is_track

        queries, persons = free.nonzero()[:, 0], left.nonzero()[:, 0]
        if len(queries) and len(persons):
            costs = [
                match_cost(
                    pred_instances=pred_instances[free],
                    gt_instances=gt_instances[left],
                    img_meta=img_meta,
                )
                for match_cost in self.match_costs
            ]
            identity = self.track_bonus * same[free][:, left].float()
            cost = torch.stack([*costs, identity]).sum(dim=0)
            rows, columns = (
                torch.from_numpy(index).to(device)
                for index in linear_sum_assignment(cost.detach().cpu())
            )
            gt_inds[queries[rows]] = persons[columns] + 1
        labels = torch.full_like(gt_inds, -1)
        found = gt_inds > 0
        labels[found] = gt_instances.labels[gt_inds[found] - 1]
        return AssignResult(
            num_gts=len(gt_instances),
            gt_inds=gt_inds,
            max_overlaps=None,
            labels=labels,
        )

    def assign_batch(
        self,
        logits: Tensor,
        poses: Tensor,
        targets: ClipTargets,
        valid: Tensor,
        query_ids: Tensor | None = None,
        is_track: Tensor | None = None,
    ) -> Tensor:
        """Assign the queries of B windows.

        Args:
            logits (Tensor): Person logits (B, Q).
            poses (Tensor): Poses (B, Q, K, 2), normalised.
            targets (ClipTargets): Persons of the windows.
            valid (Tensor): (B, Q) bool, False for padding.
            query_ids (Tensor, optional): As in :meth:`assign`, (B, Q).
            is_track (Tensor, optional): As in :meth:`assign`, (B, Q).

        Returns:
            Tensor: Persons (B, Q), int64, 1-based, 0 for background, -1 for
            padding and for detections in ignored areas.
        """
        # float32: half precision makes the costs of high scores infinite
        logits, poses = logits.detach().float(), poses.detach().float()
        middle = targets.middle
        counts, sizes = middle.counts.tolist(), middle.sizes.tolist()
        results = []
        for clip, (width, height) in enumerate(sizes):
            persons = InstanceData(
                labels=torch.zeros_like(middle.track_ids[clip]),
                keypoints=middle.keypoints[clip],
                keypoints_visible=middle.visible[clip],
                areas=middle.areas[clip],
                track_ids=middle.track_ids[clip],
            )
            result = self.assign(
                InstanceData(
                    scores=logits[clip, :, None], keypoints=poses[clip]
                ),
                persons[: counts[clip]],
                img_meta=dict(img_shape=(height, width)),
                query_track_ids=None if query_ids is None else query_ids[clip],
                is_track=None if is_track is None else is_track[clip],
                query_valid=valid[clip],
            )
            results.append(result.gt_inds)
        gt_inds = torch.stack(results)
        ignored = in_cells(poses.mean(dim=2), middle.ignored)
        return gt_inds.masked_fill(ignored & (gt_inds == 0), _IGNORED)


def _match_identities(query_ids: Tensor, person_ids: Tensor) -> Tensor:
    """Mask (Q, N) of equal identities, at most one per row and column."""
    same = (query_ids[:, None] == person_ids) & (person_ids >= 0)
    same = same & (same.cumsum(dim=0) == 1)
    return same & (same.cumsum(dim=1) == 1)
