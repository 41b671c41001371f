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

from .pose_matching import image_size, pairwise_oks, suppress_duplicates
from .pose_similarity import build_oks
from .track_anchoring import Anchoring, FrameQueries

_ANCHORS = ('proposals', 'detections')


@TASK_UTILS.register_module()
class PoseQueryTracker:
    """Carry identities from frame to frame of a video (test).

    It holds settings only. What is known of a video is a
    :class:`PoseTrackerState`, which goes in and comes out:

    .. code-block:: python

        state = tracker.begin(state, video_id, frame_id, channels, keypoints)
        state = tracker.reanchor(state, proposals, proposal_logits, shape)
        queries = tracker.queries(state)
        # decoder: these queries, then the detect queries
        persons, state = tracker.update(content, poses, logits, state, shape)

    In each frame, in this order:

    1. A track with a score of at least ``keep_thr`` is *seen*. Of seen tracks
       and of detect queries with a score of at least ``birth_thr`` that are
       alike, one stays: a track rather than a detection, then the one with
       the higher score. The others end: they are neither given out nor
       propagated.
    2. Detections that stay are *born* and get the next free identity;
       suppressed ones use none up.
    3. A track that is not seen is *missing*: it is propagated but not given
       out. It ends when it is missing in more than ``patience`` frames, or
       where it is like a person that is given out.

    Propagated poses drift. They can be re-anchored, one to one, with the sum
    of the similarities as large as possible:

    - on ``'proposals'``: before the decoder, the references move to proposals
      of the present frame (without duplicates);
    - on ``'detections'``: after it, seen tracks move to detections, and a
      missing track becomes its detection and is seen again. These detections
      are not born.

    Args:
        metainfo (str | dict): Metainfo of the dataset, which has the sigmas
            for the similarity of poses (OKS), or the path of its file.
        birth_thr (float): Defaults to 0.4.
        keep_thr (float): Defaults to 0.3.
        patience (int): Frames that a track may be missing. Defaults to 3.
        duplicate_oks (float): Poses with a higher similarity are alike.
            Defaults to 0.9.
        max_tracks (int): Most tracks at a time. Those with the best scores
            are born. Defaults to 100.
        reanchor (Sequence[str]): Some of ``'proposals'``, ``'detections'``.
            Defaults to none.
        reanchor_alpha (float): How far poses move: 1 is all the way. Defaults
            to 0.8.
        reanchor_oks (float): Gate, least similarity. Defaults to 0.15.
        anchor_thr (float): Least score of a proposal. Defaults to 0.2.

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

    def begin(
        self,
        state: PoseTrackerState | None,
        video_id: str,
        frame_id: int,
        channels: int,
        num_keypoints: int,
        **options,
    ) -> PoseTrackerState:
        """Begin a frame: nothing is known of the first one of a video.

        Args:
            state (PoseTrackerState, optional): Of the frame before; None for
                none.
            video_id (str): The video of the frame.
            frame_id (int): Its number. If it is not above the last one, the
                video begins again.
            channels (int): C of the queries.
            num_keypoints (int): K.
            **options: ``device``, ``dtype``, ``with_position`` of
                :meth:`PoseTrackerState.start`.

        Returns:
            PoseTrackerState: That of the frame before, or a new one.
        """
        if (
            state is None
            or state.video_id != video_id
            or frame_id <= state.frame_id
        ):
            return PoseTrackerState.start(
                video_id, frame_id, channels, num_keypoints, **options
            )
        return replace(state, frame_id=frame_id)

    def queries(self, state: PoseTrackerState) -> TrackQueryState:
        """Queries for the decoder.

        Args:
            state (PoseTrackerState): Of this frame.

        Returns:
            TrackQueryState: One clip, the Nt tracks.
        """
        return state.queries

    @torch.no_grad()
    def reanchor(
        self,
        state: PoseTrackerState,
        poses: Tensor,
        logits: Tensor,
        img_shape: Sequence[int],
    ) -> PoseTrackerState:
        """Move the references of the tracks to proposals, if that is wanted.

        Args:
            state (PoseTrackerState): Of the frame that is begun.
            poses (Tensor): (P, K, 2), proposals, ``(x, y)`` in [0, 1].
            logits (Tensor): (P,), of being a person.
            img_shape (Sequence[int]): Height and width of the input.

        Returns:
            PoseTrackerState: With moved references.
        """
        queries = state.queries
        if 'proposals' not in self.anchors or not queries.num_queries:
            return state
        scores = logits.float().sigmoid()
        good = scores >= self.anchor_thr
        poses, scores = poses[good], scores[good]
        size = image_size(poses, img_shape)
        single = suppress_duplicates(
            self.oks, poses * size, scores, self.duplicate_oks
        )
        tracks, anchors = self._anchoring(size).match(
            queries.reference[0], poses[single]
        )
        reference = queries.reference.clone()
        reference[0, tracks] = reference[0, tracks].lerp(
            poses[single][anchors].to(reference), self.reanchor_alpha
        )
        return replace(state, queries=replace(queries, reference=reference))

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
            content (Tensor): (Q, C), features after the last layer. The Nt
                queries of ``state`` come first.
            poses (Tensor): (Q, K, 2), ``(x, y)`` in [0, 1].
            logits (Tensor): (Q,), of being a person.
            state (PoseTrackerState): Of this frame, see :meth:`begin`.
            img_shape (Sequence[int]): Height and width of the input.
            position (Tensor, optional): (Q, C), positional embedding, if the
                state has one.

        Returns:
            Tuple[InstanceData, PoseTrackerState]: The M persons with
            ``keypoints`` (M, K, 2) in [0, 1], ``bbox_scores`` (M,),
            ``track_ids`` (M,) int64 and ``query_index`` (M,) int64, the query
            of each, by which more of its outputs can be found; and the state
            for the next frame.

        Raises:
            ValueError: If there are fewer queries than tracks.
        """
        count = state.queries.num_queries
        if len(content) < count:
            raise ValueError(
                f'{len(content)} queries cannot begin with the {count} tracks '
                f'of video {state.video_id}'
            )
        size = image_size(poses, img_shape)
        frame = FrameQueries.of_outputs(poses, logits, count, self.keep_thr)
        if 'detections' in self.anchors:
            frame = frame.take_detections(
                self._anchoring(size), self.birth_thr
            )
        seen, born, missing = self._decide(frame, state, size)
        ids = torch.full_like(frame.source, -1)
        ids[:count] = state.queries.track_ids[0]
        ids[born] = state.next_id + torch.arange(len(born), device=ids.device)
        misses = torch.zeros_like(ids)
        misses[missing] = state.misses[missing] + 1

        given = torch.cat([seen, born])
        persons = InstanceData(
            keypoints=frame.poses[given],
            bbox_scores=frame.scores[given],
            track_ids=ids[given],
            query_index=frame.source[given],
        )
        kept = torch.cat([given, missing])
        source = frame.source[kept]
        queries = TrackQueryState(
            content=content[source][None],
            reference=frame.poses[kept][None],
            track_ids=ids[kept][None],
            valid=torch.ones_like(ids[kept], dtype=torch.bool)[None],
            position=None if position is None else position[source][None],
        ).detach()
        return persons, replace(
            state,
            queries=queries,
            misses=misses[kept],
            next_id=state.next_id + len(born),
        )

    def _anchoring(self, size: Tensor) -> Anchoring:
        """How tracks are re-anchored in an image of that size."""
        return Anchoring(
            self.oks, self.reanchor_oks, self.reanchor_alpha, size
        )

    def _decide(
        self, frame: FrameQueries, state: PoseTrackerState, size: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries that are seen, born (best first) and missing."""
        seen = frame.seen.nonzero()[:, 0]
        candidates = torch.cat([seen, frame.detections(self.birth_thr)])
        poses = frame.poses * size
        priority = frame.scores + 2.0 * frame.is_track
        candidates = candidates[
            suppress_duplicates(
                self.oks,
                poses[candidates],
                priority[candidates],
                self.duplicate_oks,
            )
        ]
        old = frame.is_track[candidates]
        seen, born = candidates[old], candidates[~old]

        missing = (frame.is_track & ~frame.seen).nonzero()[:, 0]
        missing = missing[state.misses[missing] < self.patience]
        alike = pairwise_oks(self.oks, poses[missing], poses[candidates])
        missing = missing[~(alike > self.duplicate_oks).any(dim=1)]

        room = max(self.max_tracks - len(seen) - len(missing), 0)
        order = frame.scores[born].argsort(descending=True, stable=True)
        return seen, born[order[:room]], missing
