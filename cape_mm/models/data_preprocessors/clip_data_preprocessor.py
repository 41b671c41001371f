# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import torch
from mmengine.model import ImgDataPreprocessor
from torch import Tensor

from cape_mm.registry import MODELS


@MODELS.register_module()
class ClipDataPreprocessor(ImgDataPreprocessor):
    """Move, normalise, pad and stack the clips of a batch.

    Images are padded at the right and at the bottom to the largest of the
    batch. Clips with fewer unique frames than others repeat their last one;
    ``frame_index`` does not refer to the repetitions, and ``valid`` is False
    all over them. The arguments are those of MMEngine's
    ``ImgDataPreprocessor``.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Pre-process a batch of clips.

        Args:
            data (dict): ``inputs`` with B uint8 tensors (U, 3, H, W) and
                ``data_samples`` with B
                :class:`cape_mm.structures.ClipDataSample`, as collated by
                ``pseudo_collate``.
            training (bool): Without effect. Defaults to False.

        Returns:
            dict: ``data_samples`` on the device of the model, whose frames
            have a ``batch_input_shape``, and ``inputs``:

            - frames (Tensor): Images (B, U, 3, H, W), float, U, H and W the
              largest of the batch.
            - valid (Tensor): (B, U, H, W) bool, False for padding.
            - frame_valid (Tensor): (B, U) bool, False for repetitions.
            - frame_index (Tensor): Frame numbers (B, T, F) of the windows,
              int64, below U.

        Raises:
            ValueError: If the clips differ in T or F, or a clip in its
                numbers of images and frames.
        """
        data = self.cast_data(data)
        clips, samples = list(data['inputs']), data['data_samples']
        frame_index = _stack_index(clips, samples)
        counts = [len(clip) for clip in clips]
        sizes = np.array([clip.shape[2:] for clip in clips]).max(axis=0)
        divisor = self.pad_size_divisor
        shape = (-(-sizes // divisor) * divisor).tolist()
        frames = clips[0].new_full(
            (len(clips), max(counts), 3, *shape),
            self.pad_value,
            dtype=torch.float32,
        )
        valid = frames.new_zeros(frames[:, :, 0].shape, dtype=torch.bool)
        for row, clip in enumerate(clips):
            height, width = clip.shape[2:]
            place = frames[row, :, :, :height, :width]
            place[: len(clip)] = self._normalise(clip)
            place[len(clip) :] = place[len(clip) - 1]
            valid[row, : len(clip), :height, :width] = True
            for frame in samples[row].frames:
                frame.set_metainfo(dict(batch_input_shape=tuple(shape)))
        number = torch.arange(max(counts), device=frames.device)
        length = torch.tensor(counts, device=frames.device)
        return dict(
            inputs=dict(
                frames=frames,
                valid=valid,
                frame_valid=number < length[:, None],
                frame_index=frame_index.to(frames.device),
            ),
            data_samples=samples,
        )

    def _normalise(self, clip: Tensor) -> Tensor:
        """Normalise images (U, 3, H, W)."""
        if self._channel_conversion:
            clip = clip[:, [2, 1, 0]]
        clip = clip.float()
        return (
            (clip - self.mean) / self.std if self._enable_normalize else clip
        )


def _stack_index(clips: list[Tensor], samples: list) -> Tensor:
    """Stack the frame numbers: (B, T, F) int64."""
    for clip, sample in zip(clips, samples):
        if len(clip) != len(sample.frames):
            raise ValueError(
                f'a clip of video {sample.video_id} has {len(clip)} images, '
                f'but {len(sample.frames)} frames'
            )
    shapes = {sample.frame_index.shape for sample in samples}
    if len(shapes) > 1:
        raise ValueError(
            'the clips of a batch differ in numbers of windows and frames: '
            f'{sorted(shapes)}; all need the same'
        )
    return torch.from_numpy(
        np.stack([sample.frame_index for sample in samples])
    )
