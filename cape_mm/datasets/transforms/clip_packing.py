# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.registry import TRANSFORMS
from cape_mm.structures import ClipDataSample
from cape_mm.structures.coordinates import pixels_to_norm

_ORIGINAL = (
    'keypoints',
    'keypoints_visible',
    'bboxes',
    'bbox_head',
    'areas',
    'track_ids',
)
_META_KEYS = (
    'video_id',
    'frame_id',
    'num_frames',
    'is_labeled',
    'img_path',
    'img_id',
    'ignore_regions',
    'ignore_bboxes',
    'warp_mat',
)


@TRANSFORMS.register_module()
class PackClipInputs(BaseTransform):
    """Pack a clip for the model, after ``WarpClip``.

    Gives ``dict(inputs=..., data_samples=...)``: the U unique frames as a
    uint8 tensor (U, 3, H, W), BGR, and a :class:`ClipDataSample`.

    Args:
        meta_keys (Sequence[str]): Which entries of a frame become meta
            information. Defaults to those that :class:`ClipDataSample` lists.
    """

    def __init__(self, meta_keys: Sequence[str] = _META_KEYS) -> None:
        super().__init__()
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack a clip.

        Args:
            results (dict): The result dict.

        Returns:
            dict: See the description of the class.
        """
        images = np.stack([frame['img'] for frame in results['frames']])
        inputs = torch.from_numpy(images.transpose(0, 3, 1, 2)).contiguous()
        sample = ClipDataSample(
            metainfo=dict(
                video_id=results['frames'][0]['video_id'],
                frame_index=np.asarray(results['frame_index'], np.int64),
            )
        )
        sample.frames = [
            self._pack_frame(frame, results) for frame in results['frames']
        ]
        return dict(inputs=inputs, data_samples=sample)

    def _pack_frame(self, frame: dict, results: dict) -> PoseDataSample:
        instances = frame['instances']
        shape = results['img_shape']
        packed = PoseDataSample(
            metainfo=dict(
                {key: frame[key] for key in self.meta_keys},
                ori_shape=results['ori_shape'],
                img_shape=shape,
            )
        )
        packed.gt_instances = InstanceData(
            **{name: instances[name] for name in _ORIGINAL}
        )
        visible = torch.from_numpy(instances['input_visible']).float()
        points = torch.from_numpy(instances['input_keypoints']).float()
        boxes = torch.from_numpy(instances['input_bboxes']).float()
        packed.gt_instance_labels = InstanceData(
            # what does not count is 0, so that it cannot leak
            keypoints=pixels_to_norm(points, shape) * visible[..., None],
            keypoints_visible=visible,
            bboxes=pixels_to_norm(boxes.view(-1, 2, 2), shape).flatten(1),
            areas=torch.from_numpy(instances['input_areas']),
            track_ids=torch.from_numpy(instances['track_ids']),
        )
        return packed

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'
