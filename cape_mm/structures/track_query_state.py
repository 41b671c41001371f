# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class TrackQueryState:
    """Queries of known persons, handed from one window to the next.

    B clips, Nt places for track queries, K keypoints, C channels. A clip with
    fewer tracks is padded at the end: ``valid`` False, ``track_ids`` -1, all
    other values 0.

    Attributes:
        content (Tensor): Features (B, Nt, C), float.
        reference (Tensor): Poses (B, Nt, K, 2), float, normalised.
        track_ids (Tensor): Identities (B, Nt), int64, -1 for none: a query
            without person, injected or mistaken.
        valid (Tensor): (B, Nt) bool, False for padding.
        position (Tensor, optional): Embedding (B, Nt, C) of the poses in the
            window before, float, if it is handed over.
    """

    content: Tensor
    reference: Tensor
    track_ids: Tensor
    valid: Tensor
    position: Tensor | None = None

    @classmethod
    def empty(
        cls,
        batch_size: int,
        channels: int,
        num_keypoints: int,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> TrackQueryState:
        """State of clips that begin: no queries.

        Args:
            batch_size (int): B.
            channels (int): C.
            num_keypoints (int): K.
            device (torch.device, optional): Device of the tensors.
            dtype (torch.dtype): Type of features and references.

        Returns:
            TrackQueryState: State with Nt = 0, without positions.
        """
        content = torch.zeros(
            batch_size, 0, channels, device=device, dtype=dtype
        )
        return cls(
            content=content,
            reference=content.new_zeros(batch_size, 0, num_keypoints, 2),
            track_ids=content.new_zeros(batch_size, 0, dtype=torch.int64),
            valid=content.new_zeros(batch_size, 0, dtype=torch.bool),
        )

    @property
    def num_queries(self) -> int:
        """Nt, with padding."""
        return self.valid.shape[1]

    def extend(self, other: TrackQueryState) -> TrackQueryState:
        """Append the queries of the same clips.

        Args:
            other (TrackQueryState): State of the same B clips, with or
                without ``position`` like this one.

        Returns:
            TrackQueryState: State with the places of both.
        """
        pairs = zip(vars(self).values(), vars(other).values())
        return TrackQueryState(
            *(
                None if a is None else torch.cat([a, b], dim=1)
                for a, b in pairs
            )
        )

    def select(self, keep: Tensor) -> TrackQueryState:
        """Keep some queries, in their order, padded to the largest number.

        Args:
            keep (Tensor): (B, Nt) bool, True for queries to keep. Padding is
                never kept.

        Returns:
            TrackQueryState: The kept queries at the front of each clip.
        """
        keep = keep & self.valid
        places = int(keep.sum(dim=1).max()) if keep.numel() else 0
        order = keep.to(torch.uint8).argsort(
            dim=1, descending=True, stable=True
        )[:, :places]
        kept = keep.gather(1, order)
        rows = torch.arange(len(keep), device=keep.device)[:, None]

        def pick(value: Tensor | None) -> Tensor | None:
            if value is None:
                return None
            chosen = value[rows, order]
            mask = kept.reshape(kept.shape + (1,) * (chosen.ndim - 2))
            return torch.where(mask, chosen, torch.zeros_like(chosen))

        state = TrackQueryState(*map(pick, vars(self).values()))
        ids = state.track_ids.masked_fill(~kept, -1)
        return replace(state, track_ids=ids, valid=kept)


@dataclass(frozen=True)
class PoseTrackerState:
    """State of the tracking of one video after some of its frames.

    Attributes:
        queries (TrackQueryState): One clip without padding: the Nt tracks,
            missing ones included.
        misses (Tensor): Number of frames (Nt,) that each track has been
            missing, int64, 0 if it was found in the last one.
        next_id (int): Identity of the next track: number of all tracks of
            this video so far.
        video_id (str): Id of the video.
        frame_id (int): Number of the last frame.
    """

    queries: TrackQueryState
    misses: Tensor
    next_id: int
    video_id: str
    frame_id: int
