# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import replace
from typing import Callable, Sequence

import torch
from mmengine.structures import InstanceData
from mmpose.evaluation.functional import nms_torch
from mmpose.structures import PoseDataSample
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from cape_mm.registry import TASK_UTILS
from cape_mm.structures import PoseTrackerState, TrackQueryState

from ..layers.pavenet.pose_proposals import PoseProposals
from ..layers.pavenet.pose_queries import FramePrediction
from .match_costs import build_oks, pairwise_oks

_ANCHORS = ('proposals', 'detections')

Decode = Callable[[TrackQueryState], FramePrediction]


@TASK_UTILS.register_module()
class PoseQueryTracker:
    """Carry identities from frame to frame of a video (test).

    It holds settings only. What is known of a video is a
    :class:`PoseTrackerState`, which goes in and comes out:

    .. code-block:: python

        proposals = head(window)
        decode = partial(head.predict, window, proposals)
        persons, state = tracker.track(proposals, decode, frame, state)

    In each frame, in this order:

    1. A track with a score of at least ``keep_thr`` is *found*. Of duplicates
       among found tracks and detect queries with a score of at least
       ``birth_thr``, one stays: a track rather than a detection, then the one
       with the higher score. The others end: they are neither given out nor
       propagated.
    2. Detections that stay are *born* and get the next free identity;
       suppressed ones use none up.
    3. A track that is not found is *missing*: it is propagated but not given
       out. It ends when it is missing in more than ``patience`` frames, or
       as a duplicate of a person that is given out.

    Propagated poses drift. They can be re-anchored, one to one, with the sum
    of the similarities as large as possible:

    - on ``'proposals'``: before the decoder, the references move to proposals
      of the present frame (without duplicates);
    - on ``'detections'``: after it, found tracks move to detections, and a
      missing track becomes its detection and is found again. These detections
      are not born.

    Args:
        metainfo (str | dict): Metainfo of the dataset with the sigmas for the
            similarity of poses (OKS), or the path of its file.
        birth_thr (float): Minimum score of a new track. Defaults to 0.4.
        keep_thr (float): Minimum score of a found track. Defaults to 0.3.
        patience (int): Number of frames that a track may be missing. Defaults
            to 3.
        duplicate_oks (float): Similarity above which poses are duplicates.
            Defaults to 0.9.
        max_tracks (int): Maximum number of tracks at a time. Those with the
            best scores are born. Defaults to 100.
        reanchor (Sequence[str]): Some of ``'proposals'``, ``'detections'``.
            Defaults to none.
        reanchor_alpha (float): Share of the way that poses move. Defaults
            to 0.8.
        reanchor_oks (float): Minimum similarity of a pose and its anchor.
            Defaults to 0.15.
        anchor_thr (float): Minimum score of a proposal as an anchor. Defaults
            to 0.2.

    Raises:
        ValueError: If an option is out of its range.
    """

    #: Whether queries go from frame to frame, which training must teach.
    propagates = True

    def __init__(
        self,
        metainfo: str | dict,
        birth_thr: float = 0.4,
        keep_thr: float = 0.3,
        patience: int = 3,
        duplicate_oks: float = 0.9,
        max_tracks: int = 100,
        reanchor: Sequence[str] = (),
        reanchor_alpha: float = 0.8,
        reanchor_oks: float = 0.15,
        anchor_thr: float = 0.2,
    ) -> None:
        fractions = dict(
            birth_thr=birth_thr,
            keep_thr=keep_thr,
            duplicate_oks=duplicate_oks,
            reanchor_alpha=reanchor_alpha,
            reanchor_oks=reanchor_oks,
            anchor_thr=anchor_thr,
        )
        for name, value in fractions.items():
            if not 0 <= value <= 1:
                raise ValueError(f'{name} must be in [0, 1], not {value}')
        if patience < 0 or max_tracks < 1:
            raise ValueError(
                f'patience {patience} < 0 or max_tracks {max_tracks} < 1'
            )
        unknown = set(reanchor) - set(_ANCHORS)
        if isinstance(reanchor, str) or unknown:
            raise ValueError(
                f'reanchor is a list of some of {_ANCHORS}, not {reanchor!r}'
            )
        self.oks = build_oks(metainfo)
        self.birth_thr = birth_thr
        self.keep_thr = keep_thr
        self.patience = patience
        self.duplicate_oks = duplicate_oks
        self.max_tracks = max_tracks
        self.anchors = tuple(reanchor)
        self.reanchor_alpha = reanchor_alpha
        self.reanchor_oks = reanchor_oks
        self.anchor_thr = anchor_thr

    @torch.no_grad()
    def track(
        self,
        proposals: PoseProposals,
        decode: Decode,
        frame: PoseDataSample,
        state: PoseTrackerState | None = None,
    ) -> tuple[InstanceData, PoseTrackerState]:
        """Find the persons of a frame.

        Args:
            proposals (PoseProposals): The best proposals of the frame, B = 1.
            decode (Callable): Function from the track queries
                (:class:`TrackQueryState`, one clip) to the
                :class:`FramePrediction` of all Q queries, the tracks first.
            frame (PoseDataSample): The frame, with ``video_id``,
                ``frame_id`` and ``img_shape``.
            state (PoseTrackerState, optional): State after the frame before.
                A frame of another video, or whose number is not above the
                last one, begins without tracks.

        Returns:
            tuple[InstanceData, PoseTrackerState]: The M persons with
            ``keypoints`` (M, K, 2), normalised, ``keypoints_visible`` (M, K)
            in [0, 1], ``keypoint_scores`` (M, K), ``bbox_scores`` (M,),
            ``track_ids`` (M,), int64, and ``query_index`` (M,), int64, the
            number of their query; and the state after this frame.

        Raises:
            ValueError: If there are fewer queries than tracks.
        """
        if (
            state is None
            or state.video_id != frame.video_id
            or frame.frame_id <= state.frame_id
        ):
            queries = TrackQueryState.empty(
                batch_size=1,
                channels=proposals.features.shape[-1],
                num_keypoints=proposals.poses.shape[-2],
                device=proposals.poses.device,
            )
            state = PoseTrackerState(
                queries,
                misses=queries.track_ids[0],
                next_id=0,
                video_id=frame.video_id,
                frame_id=frame.frame_id,
            )
        state = replace(state, frame_id=frame.frame_id)
        size = proposals.poses.new_tensor(frame.img_shape[1::-1])
        tracks = self._track_queries(state, proposals, size)
        prediction = decode(tracks)
        count = prediction.logits.shape[1]
        if count < tracks.num_queries:
            raise ValueError(
                f'{count} queries cannot begin with the {tracks.num_queries} '
                f'tracks of video {state.video_id}'
            )
        return self._update(prediction, tracks, state, size)

    def _track_queries(
        self, state: PoseTrackerState, proposals: PoseProposals, size: Tensor
    ) -> TrackQueryState:
        """The tracks, with references on proposals if they are anchors."""
        queries = state.queries
        if 'proposals' not in self.anchors or not queries.num_queries:
            return queries
        poses, scores = proposals.poses[0], proposals.logits[0].float()
        scores = scores.sigmoid()
        good = scores >= self.anchor_thr
        poses, scores = poses[good], scores[good]
        poses = poses[self._suppress(poses * size, scores)]
        tracks, anchors = self._match(queries.reference[0], poses, size)
        reference = queries.reference.clone()
        reference[0, tracks] = reference[0, tracks].lerp(
            poses[anchors].to(reference), self.reanchor_alpha
        )
        return replace(queries, reference=reference)

    def _update(
        self,
        prediction: FramePrediction,
        tracks: TrackQueryState,
        state: PoseTrackerState,
        size: Tensor,
    ) -> tuple[InstanceData, PoseTrackerState]:
        """Persons of a frame, and the state after it."""
        count = tracks.num_queries
        frame = read_queries(prediction, count, self.keep_thr, size)
        if 'detections' in self.anchors:
            frame = self._take_detections(frame, size)
        found, born, missing = self._decide(frame, state.misses, size)
        frame.track_ids[:count] = tracks.track_ids[0]
        new_ids = torch.arange(len(born), device=born.device)
        frame.track_ids[born] = state.next_id + new_ids
        misses = torch.zeros_like(frame.track_ids)
        misses[missing] = state.misses[missing] + 1
        given = torch.cat([found, born])
        kept = torch.cat([given, missing])
        return give_persons(frame[given]), replace(
            state,
            queries=propagate(frame[kept]),
            misses=misses[kept],
            next_id=state.next_id + len(born),
        )

    def _suppress(self, poses: Tensor, priority: Tensor) -> Tensor:
        """Mask (M,) of the best poses (M, K, 2), pixels, of duplicates."""
        kept = torch.zeros_like(priority, dtype=torch.bool)
        if len(poses):
            similarity = pairwise_oks(self.oks, poses, poses)
            best = nms_torch(
                torch.arange(len(poses), device=poses.device),
                priority,
                self.duplicate_oks,
                lambda one, others: similarity[one, others][None],
            )
            kept[best] = True
        return kept

    def _match(self, poses: Tensor, anchors: Tensor, size: Tensor):
        """Pairs of normalised poses and anchors as rows and columns (P,)."""
        similarity = pairwise_oks(self.oks, poses * size, anchors * size)
        close = similarity.masked_fill(similarity < self.reanchor_oks, 0.0)
        rows, columns = (
            torch.as_tensor(index, device=similarity.device)
            for index in linear_sum_assignment(close.cpu(), maximize=True)
        )
        pairs = similarity[rows, columns] >= self.reanchor_oks
        return rows[pairs], columns[pairs]

    def _take_detections(
        self, frame: InstanceData, size: Tensor
    ) -> InstanceData:
        """Let each track take the detection of its person.

        Found tracks move to their detections. Missing ones become them, with
        their features, and are found.
        """
        tracks = frame.is_track.nonzero()[:, 0]
        detections = self._detections(frame)
        poses, scores = frame.keypoints, frame.bbox_scores
        rows, columns = self._match(poses[tracks], poses[detections], size)
        tracks, detections = tracks[rows], detections[columns]
        own = frame.found[tracks]
        alpha = torch.where(own, self.reanchor_alpha, 1.0).to(poses)
        moved = poses[tracks].lerp(poses[detections], alpha[:, None, None])
        best = torch.maximum(scores[tracks], scores[detections])
        source = torch.where(own, tracks, detections)
        result = frame[frame.query_index.index_copy(0, tracks, source)]
        result.keypoints = poses.index_copy(0, tracks, moved)
        result.bbox_scores = scores.index_copy(0, tracks, best)
        result.is_track = frame.is_track
        result.found = frame.found.index_fill(0, tracks, True)
        result.taken = frame.taken.index_fill(0, detections, True)
        return result

    def _decide(
        self, frame: InstanceData, misses: Tensor, size: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries that are found, born (best first) and missing."""
        candidates = torch.cat(
            [frame.found.nonzero()[:, 0], self._detections(frame)]
        )
        poses = frame.keypoints * size
        priority = frame.bbox_scores + 2.0 * frame.is_track
        candidates = candidates[
            self._suppress(poses[candidates], priority[candidates])
        ]
        old = frame.is_track[candidates]
        found, born = candidates[old], candidates[~old]

        missing = (frame.is_track & ~frame.found).nonzero()[:, 0]
        missing = missing[misses[missing] < self.patience]
        similarity = pairwise_oks(self.oks, poses[missing], poses[candidates])
        missing = missing[~(similarity > self.duplicate_oks).any(dim=1)]

        room = max(self.max_tracks - len(found) - len(missing), 0)
        order = frame.bbox_scores[born].argsort(descending=True, stable=True)
        return found, born[order[:room]], missing

    def _detections(self, frame: InstanceData) -> Tensor:
        """Numbers of the good detect queries that no track has taken."""
        good = frame.bbox_scores >= self.birth_thr
        return (good & ~frame.is_track & ~frame.taken).nonzero()[:, 0]


def read_queries(
    prediction: FramePrediction,
    num_tracks: int,
    keep_thr: float,
    size: Tensor,
) -> InstanceData:
    """Q queries of a frame, the tracks first, none with an identity yet."""
    scores = prediction.logits[0].float().sigmoid()
    number = torch.arange(len(scores), device=scores.device)
    is_track = number < num_tracks
    frame = InstanceData(
        keypoints=prediction.poses[0],
        keypoints_visible=prediction.visibility[0],
        certainty=prediction.certainty(size)[0],
        bbox_scores=scores,
        track_ids=torch.full_like(number, -1),
        query_index=number,
        content=prediction.content[0],
        is_track=is_track,
        found=is_track & (scores >= keep_thr),  # tracks that are not missing
        taken=torch.zeros_like(is_track),  # detections that are a track's
    )
    if prediction.position is not None:
        frame.position = prediction.position[0]
    return frame


def give_persons(queries: InstanceData) -> InstanceData:
    """Persons as :meth:`PoseQueryTracker.track` gives them."""
    scores, visibility = queries.bbox_scores, queries.keypoints_visible
    return InstanceData(
        keypoints=queries.keypoints,
        keypoints_visible=visibility,
        keypoint_scores=scores[:, None] * visibility * queries.certainty,
        bbox_scores=scores,
        track_ids=queries.track_ids,
        query_index=queries.query_index,
    )


def propagate(queries: InstanceData) -> TrackQueryState:
    """Track queries of the next frame."""
    ids, position = queries.track_ids[None], queries.get('position')
    return TrackQueryState(
        content=queries.content[None],
        reference=queries.keypoints[None],
        track_ids=ids,
        valid=torch.ones_like(ids, dtype=torch.bool),
        position=None if position is None else position[None],
    )
