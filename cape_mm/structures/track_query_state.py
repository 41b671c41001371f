# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad


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

    @classmethod
    def cat(cls, states: Sequence[TrackQueryState]) -> TrackQueryState:
        """Join clips to a batch, padded to the largest Nt.

        Args:
            states (Sequence[TrackQueryState]): States of B1, B2, ... clips,
                all with or all without ``position``.

        Returns:
            TrackQueryState: State of B1 + B2 + ... clips.
        """
        places = max(state.num_queries for state in states)
        padded = [state.pad_to(places) for state in states]
        values = {}
        for field in fields(cls):
            parts = [getattr(state, field.name) for state in padded]
            if parts[0] is not None:
                values[field.name] = torch.cat(parts)
        return cls(**values)

    @property
    def batch_size(self) -> int:
        """B."""
        return self.valid.shape[0]

    @property
    def num_queries(self) -> int:
        """Nt, with padding."""
        return self.valid.shape[1]

    def detach(self) -> TrackQueryState:
        """The same values without gradient."""
        return self._convert(Tensor.detach)

    def to(self, *args, **kwargs) -> TrackQueryState:
        """Move to a device; a dtype is for features and references only.

        Args:
            *args: As of ``Tensor.to``.
            **kwargs: As of ``Tensor.to``.

        Returns:
            TrackQueryState: The converted state.
        """
        device = torch.zeros(0, device=self.valid.device)
        device = device.to(*args, **kwargs).device

        def convert(value: Tensor) -> Tensor:
            if value.is_floating_point():
                return value.to(*args, **kwargs)
            return value.to(device)

        return self._convert(convert)

    def clip(self, index: int) -> TrackQueryState:
        """One clip of the batch, as a batch without padding.

        Args:
            index (int): Clip number, from 0.

        Returns:
            TrackQueryState: State with B = 1.
        """
        one = self._convert(lambda value: value[index : index + 1])
        return one.select(one.valid)

    def extend(self, other: TrackQueryState) -> TrackQueryState:
        """Append the queries of the same clips.

        Args:
            other (TrackQueryState): State of the same B clips, with or
                without ``position`` like this one.

        Returns:
            TrackQueryState: State with the places of both.
        """
        pairs = {
            field.name: (getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)
        }
        return TrackQueryState(
            **{
                name: torch.cat(pair, dim=1)
                for name, pair in pairs.items()
                if pair[0] is not None
            }
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

        def pick(value: Tensor) -> Tensor:
            chosen = value[rows, order]
            mask = kept.reshape(kept.shape + (1,) * (chosen.ndim - 2))
            return torch.where(mask, chosen, torch.zeros_like(chosen))

        state = self._convert(pick)
        ids = state.track_ids.masked_fill(~kept, -1)
        return replace(state, track_ids=ids, valid=kept)

    def pad_to(self, places: int) -> TrackQueryState:
        """Add empty places.

        Args:
            places (int): New Nt, at least the present one.

        Returns:
            TrackQueryState: State with that many places.

        Raises:
            ValueError: If there are more queries than places.
        """
        missing = places - self.num_queries
        if missing < 0:
            raise ValueError(
                f'{self.num_queries} track queries do not fit into {places} '
                'places: select some first'
            )
        if missing == 0:
            return self
        state = self._convert(
            lambda value: pad(value, (0, 0) * (value.ndim - 2) + (0, missing))
        )
        ids = pad(self.track_ids, (0, missing), value=-1)
        return replace(state, track_ids=ids)

    def _convert(self, change: Callable[[Tensor], Tensor]) -> TrackQueryState:
        """Change all tensors that there are."""
        values = {
            field.name: getattr(self, field.name) for field in fields(self)
        }
        return replace(
            self,
            **{
                name: change(value)
                for name, value in values.items()
                if value is not None
            },
        )


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

    @classmethod
    def start(
        cls,
        video_id: str,
        frame_id: int,
        channels: int,
        num_keypoints: int,
        device: torch.device | None = None,
    ) -> PoseTrackerState:
        """State of a video that begins: no tracks, the first id is 0.

        Args:
            video_id (str): Id of the video.
            frame_id (int): Number of its first frame.
            channels (int): Channels C of the queries.
            num_keypoints (int): K.
            device (torch.device, optional): Device of the tensors.

        Returns:
            PoseTrackerState: State without tracks.
        """
        queries = TrackQueryState.empty(1, channels, num_keypoints, device)
        return cls(
            queries=queries,
            misses=queries.track_ids[0],
            next_id=0,
            video_id=video_id,
            frame_id=frame_id,
        )
