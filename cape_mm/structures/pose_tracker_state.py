# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .track_query_state import TrackQueryState


@dataclass(frozen=True)
class PoseTrackerState:
    """What is known of one video after some of its frames.

    Attributes:
        queries (TrackQueryState): One clip without padding: the Nt tracks,
            also those that were not seen lately.
        misses (Tensor): (Nt,) int64, frames since each was seen, 0 if it was
            seen in the last one.
        next_id (int): Identity of the next track: number of all tracks of
            this video so far.
        video_id (str): The video.
        frame_id (int): The frame in work: the last that was begun.
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
        dtype: torch.dtype = torch.float32,
        with_position: bool = False,
    ) -> PoseTrackerState:
        """State of a video that begins: no tracks, the first id is 0.

        Args:
            video_id (str): The video.
            frame_id (int): Its first frame.
            channels (int): C of the queries.
            num_keypoints (int): K.
            device (torch.device, optional): Where the tensors are wanted.
            dtype (torch.dtype): Of features and references.
            with_position (bool): With positional embeddings.

        Returns:
            PoseTrackerState: Without tracks.
        """
        queries = TrackQueryState.empty(
            1, channels, num_keypoints, device, dtype, with_position
        )
        return cls(
            queries=queries,
            misses=queries.track_ids[0],
            next_id=0,
            video_id=video_id,
            frame_id=frame_id,
        )
