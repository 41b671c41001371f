# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace
from typing import Sequence

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from cape_mm.registry import TASK_UTILS
from cape_mm.structures.pose_tracker_state import PoseTrackerState
from cape_mm.structures.track_query_state import TrackQueryState

from .pose_matching import image_size, pairwise_oks
from .pose_query_tracker import PoseQueryTracker


@TASK_UTILS.register_module()
class DetectionLinker(PoseQueryTracker):
    """Track by detection, to compare the propagation of queries with.

    The model sees each frame as if it were the first one of its video. Its
    detections are linked to the persons of the last frames, the most similar
    pair first, as in Simple Baselines. Detections without link are born.

    Args:
        metainfo (str | dict): As in :class:`PoseQueryTracker`.
        birth_thr (float): Least score of a detection. Defaults to 0.4.
        patience (int): Frames that a person may be missing. Defaults to 3.
        duplicate_oks (float): Detections with a higher similarity are alike.
            Defaults to 0.9.
        max_tracks (int): Most persons of a frame. Defaults to 100.
        link_oks (float, optional): Least similarity of a link. None is for
            the most naive tracker: in each frame the persons are numbered,
            the best score first. Defaults to 0.3.
    """

    propagates = False

    def __init__(
        self,
        metainfo: str | dict,
        birth_thr: float = 0.4,
        patience: int = 3,
        duplicate_oks: float = 0.9,
        max_tracks: int = 100,
        link_oks: float | None = 0.3,
    ) -> None:
        super().__init__(
            metainfo,
            birth_thr=birth_thr,
            patience=patience,
            duplicate_oks=duplicate_oks,
            max_tracks=max_tracks,
        )
        self.link_oks = link_oks

    def queries(self, state: PoseTrackerState) -> TrackQueryState:
        """No queries for the decoder: links are made afterwards.

        Args:
            state (PoseTrackerState): Of this frame.

        Returns:
            TrackQueryState: One clip without queries.
        """
        return state.queries.select(torch.zeros_like(state.queries.valid))

    @torch.no_grad()
    def update(
        self,
        content: Tensor,
        poses: Tensor,
        logits: Tensor,
        state: PoseTrackerState,
        img_shape: Sequence[int],
        position: Tensor | None = None,
    ) -> tuple[InstanceData, PoseTrackerState]:
        """Give out the persons of a frame, and what the next one needs.

        Args:
            content (Tensor): (Q, C), features after the last layer.
            poses (Tensor): (Q, K, 2), ``(x, y)`` in [0, 1].
            logits (Tensor): (Q,), of being a person.
            state (PoseTrackerState): Of this frame.
            img_shape (Sequence[int]): Height and width of the input.
            position (Tensor, optional): Not used.

        Returns:
            Tuple[InstanceData, PoseTrackerState]: As in
            :meth:`PoseQueryTracker.update`.
        """
        fresh = replace(
            state, queries=self.queries(state), misses=state.misses[:0]
        )
        # All detections are born, with identities from `next_id` on.
        persons, found = super().update(
            content, poses, logits, fresh, img_shape, position
        )
        if self.link_oks is None:
            persons.track_ids = torch.arange(len(persons), device=poses.device)
            return persons, replace(found, next_id=0)
        known = state.queries
        size = image_size(poses, img_shape)
        similarity = pairwise_oks(
            self.oks, known.reference[0] * size, persons.keypoints * size
        )
        old, new = _link(similarity, self.link_oks)
        free = torch.ones_like(persons.track_ids, dtype=torch.bool)
        free[new] = False
        ids = torch.empty_like(persons.track_ids)
        ids[new] = known.track_ids[0, old]
        ids[free] = state.next_id + torch.arange(int(free.sum())).to(ids)
        persons.track_ids = ids

        missing = torch.ones_like(state.misses, dtype=torch.bool)
        missing[old] = False
        missing &= state.misses < self.patience
        away = known.select(missing[None])
        queries = TrackQueryState(
            content=torch.cat([found.queries.content, away.content], dim=1),
            reference=torch.cat(
                [found.queries.reference, away.reference], dim=1
            ),
            track_ids=torch.cat([ids[None], away.track_ids], dim=1),
            valid=torch.cat([found.queries.valid, away.valid], dim=1),
        )
        return persons, replace(
            found,
            queries=queries,
            misses=torch.cat([found.misses, state.misses[missing] + 1]),
            next_id=state.next_id + int(free.sum()),
        )


def _link(similarity: Tensor, gate: float) -> tuple[Tensor, Tensor]:
    """Make pairs, the most similar one first: rows and columns."""
    left = similarity.clone()
    pairs = []
    while left.numel() and left.max() >= gate:
        pair = divmod(int(left.argmax()), left.shape[1])
        pairs.append(pair)
        left[pair[0]] = -1.0
        left[:, pair[1]] = -1.0
    index = torch.tensor(pairs, dtype=torch.int64, device=similarity.device)
    return tuple(index.view(-1, 2).unbind(dim=1))
