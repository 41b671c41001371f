# Copyright (c) cape_mm contributors. All rights reserved.
"""The two ends of a clip's pipeline, and a control of identities."""

from __future__ import annotations

from typing import Sequence

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from cape_mm.datasets.formats.image_check import read_image
from cape_mm.registry import TRANSFORMS
from cape_mm.structures import ClipDataSample
from cape_mm.structures.coordinates import pixels_to_norm

from ..pipeline import SampleTransform
from .clip_warp import ANNOTATED_FIELDS

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
class LoadClipImages(SampleTransform):
    """Load the unique frames of a clip, each once.

    A frame that has ``img`` already is taken as it is.

    Required Keys:

        - frames (list of dict with img_path and size)

    Modified Keys:

        - frames (with img (H, W, 3) uint8, BGR)

    Added Keys:

        - ori_shape (height, width)
        - clip_matrix (3, 3) float64, the identity
        - clip_size (width, height)
    """

    def transform(self, results: dict) -> dict:
        """Load all frames.

        Raises:
            ValueError: If an image cannot be decoded, has not the annotated
                size, or not that of the others.
        """
        first = results['frames'][0]
        for frame in results['frames']:
            if 'img' not in frame:
                frame['img'] = read_image(frame['img_path'])
            height, width = frame['img'].shape[:2]
            size = frame.get('size')
            if size is not None and tuple(size) != (width, height):
                raise ValueError(
                    f'{frame["img_path"]} has {width} x {height} pixels, its '
                    f'annotation says {size[0]} x {size[1]}: it is another '
                    'image, or it was resized'
                )
            if frame['img'].shape != first['img'].shape:
                raise ValueError(
                    f'{frame["img_path"]} has {width} x {height} pixels, '
                    f'other than {first["img_path"]} of the same video; one '
                    'clip has one geometry: resize the images and their '
                    'annotations, or make two videos of them'
                )
        # all have the size of the last one
        results['ori_shape'] = (height, width)
        results['clip_size'] = (width, height)
        results['clip_matrix'] = np.eye(3)
        return results


@TRANSFORMS.register_module()
class ShuffleTrackIds(SampleTransform):
    """Exchange the identities of the persons of each frame at random.

    A control, not an augmentation: nothing about identities can be learned
    from the result. The identities of a frame stay the same set, so that a
    person who is alone keeps its own; unknown ones (-1) stay where they are.

    Required Keys:

        - frames (list of dict with instances)
        - rng

    Modified Keys:

        - frames (instances, track_ids)
    """

    def transform(self, results: dict) -> dict:
        """Shuffle the identities of all frames."""
        rng = self.generator(results)
        for frame in results['frames']:
            ids = frame['instances']['track_ids'].copy()
            known = np.flatnonzero(ids >= 0)
            ids[known] = ids[rng.permutation(known)]
            frame['instances'] = dict(frame['instances'], track_ids=ids)
        return results


@TRANSFORMS.register_module()
class PackClipInputs(SampleTransform):
    """Pack a clip for the model, after ``WarpClip``.

    Gives ``dict(inputs=..., data_samples=...)``: the U unique frames as a
    uint8 tensor (U, 3, H, W), BGR, and a :class:`ClipDataSample`.

    Args:
        meta_keys (Sequence[str]): Entries of a frame that become meta
            information. Defaults to those that :class:`ClipDataSample` lists.
    """

    def __init__(self, meta_keys: Sequence[str] = _META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack a clip."""
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
        """One frame with its persons."""
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
            **{name: instances[name] for name in ANNOTATED_FIELDS}
        )
        visible = torch.from_numpy(instances['input_visible']).float()
        points = torch.from_numpy(instances['input_keypoints']).float()
        boxes = torch.from_numpy(instances['input_bboxes']).float()
        packed.gt_instance_labels = InstanceData(
            # keypoints that do not count are 0, so that they cannot leak
            keypoints=pixels_to_norm(points, shape) * visible[..., None],
            keypoints_visible=visible,
            bboxes=pixels_to_norm(boxes.view(-1, 2, 2), shape).flatten(1),
            areas=torch.from_numpy(instances['input_areas']),
            track_ids=torch.from_numpy(instances['track_ids']),
        )
        return packed
