# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from cape_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class VideoSampler(Sampler):
    """Gives whole videos to each process, their frames in order of time.

    For test, where the state of a video is carried from frame to frame.
    Videos are shared out so that all processes have about the same number of
    frames; none is given twice. A process may get no video at all if there are
    fewer videos than processes.

    Args:
        dataset (Sized): Dataset with ``video_lengths``, frames of each
            video; its samples are the frames, video by video.
        seed (int, optional): Not used, MMEngine passes it. Defaults to None.

    Raises:
        ValueError: If the dataset has no ``video_lengths``, or other
            samples than frames.
    """

    def __init__(self, dataset: Sized, seed: int | None = None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        lengths = getattr(dataset, 'video_lengths', None)
        if lengths is None or sum(lengths) != len(dataset):
            raise ValueError(
                f'VideoSampler needs a dataset of frames with video_lengths, '
                f'not {type(dataset).__name__} of {len(dataset)} samples: use '
                'cape_mm.PoseTrackClipDataset with test_mode=True'
            )
        self.videos = share_videos(lengths, self.world_size)[self.rank]
        stops = np.cumsum(lengths)
        self.indices = [
            int(index)
            for video in self.videos
            for index in range(stops[video] - lengths[video], stops[video])
        ]

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        """Number of frames of this process."""
        return len(self.indices)


def share_videos(lengths: list[int], num_shares: int) -> list[list[int]]:
    """Videos of each share, ascending: the longest first to the smallest."""
    shares: list[list[int]] = [[] for _ in range(num_shares)]
    sizes = [0] * num_shares
    order = sorted(range(len(lengths)), key=lambda video: -lengths[video])
    for video in order:
        smallest = sizes.index(min(sizes))
        shares[smallest].append(video)
        sizes[smallest] += lengths[video]
    return [sorted(share) for share in shares]
