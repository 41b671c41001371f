# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from cape_mm.registry import TASK_UTILS
from cape_mm.structures import PoseTrackerState, TrackQueryState

from ..layers.pavenet.pose_proposals import PoseProposals
from ..layers.pavenet.pose_queries import FramePrediction
from .match_costs import pairwise_oks
from .pose_query_tracker import (
    PoseQueryTracker,
    give_persons,
    propagate,
    read_queries,
)


@TASK_UTILS.register_module()
class DetectionLinker(PoseQueryTracker):
    """Track by detection, to compare the propagation of queries with.

    Each frame is decoded as if it were the first one of its video. Its
    detections are linked to the persons of the last frames, the most similar
    pair first, as in Simple Baselines. Detections without link are born.

    Args:
        metainfo (str | dict): Metainfo as in :class:`PoseQueryTracker`.
        birth_thr (float): Minimum score of a detection. Defaults to 0.4.
        patience (int): Number of frames that a person may be missing.
            Defaults to 3.
        duplicate_oks (float): Similarity above which detections are
            duplicates. Defaults to 0.9.
        max_tracks (int): Maximum number of persons of a frame. Defaults to
            100.
        link_oks (float, optional): Minimum similarity of a link. None is for
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

    def _track_queries(
        self, state: PoseTrackerState, proposals: PoseProposals, size: Tensor
    ) -> TrackQueryState:
        """No queries for the decoder: links are made afterwards."""
        return state.queries.select(torch.zeros_like(state.queries.valid))

    def _update(
        self,
        prediction: FramePrediction,
        tracks: TrackQueryState,
        state: PoseTrackerState,
        size: Tensor,
    ) -> tuple[InstanceData, PoseTrackerState]:
        """Link the detections of a frame; positions are not used."""
        prediction = prediction._replace(position=None)
        if self.link_oks is None:
            state = replace(
                state, queries=tracks, misses=state.misses[:0], next_id=0
            )
        known = state.queries
        frame = read_queries(prediction, 0, self.keep_thr, size)
        born = frame[self._decide(frame, state.misses, size)[1]]
        similarity = pairwise_oks(
            self.oks, known.reference[0] * size, born.keypoints * size
        )
        old, new = _match_greedily(similarity, self.link_oks or 0.0)
        ids = born.track_ids
        ids[new] = known.track_ids[0, old]
        unlinked = (ids < 0).nonzero()[:, 0]
        ids[unlinked] = state.next_id + torch.arange(len(unlinked)).to(ids)

        missing = torch.ones_like(state.misses, dtype=torch.bool)
        missing[old] = False
        missing &= state.misses < self.patience
        return give_persons(born), replace(
            state,
            queries=propagate(born).extend(known.select(missing[None])),
            misses=torch.cat(
                [torch.zeros_like(ids), state.misses[missing] + 1]
            ),
            next_id=state.next_id + len(unlinked),
        )


def _match_greedily(similarity: Tensor, gate: float) -> tuple[Tensor, Tensor]:
    """Rows and columns (P,) of pairs down to a gate, most similar first."""
    left = similarity.clone()
    pairs = []
    while left.numel() and left.max() >= gate:
        pair = divmod(int(left.argmax()), left.shape[1])
        pairs.append(pair)
        left[pair[0]] = -1.0
        left[:, pair[1]] = -1.0
    index = torch.tensor(pairs, dtype=torch.int64, device=similarity.device)
    return tuple(index.view(-1, 2).unbind(dim=1))
