# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.fileio import get

from cape_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadClipImages(BaseTransform):
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

    Args:
        imdecode_backend (str): Of ``mmcv.imfrombytes``. Defaults to
            ``'cv2'``.
    """

    def __init__(self, imdecode_backend: str = 'cv2') -> None:
        super().__init__()
        self.imdecode_backend = imdecode_backend

    def transform(self, results: dict) -> dict:
        """Load all frames.

        Args:
            results (dict): The result dict.

        Returns:
            dict: The result dict.

        Raises:
            ValueError: If an image cannot be decoded, has not the annotated
                size, or not that of the others.
        """
        first = results['frames'][0]
        for frame in results['frames']:
            if 'img' not in frame:
                frame['img'] = self._load(frame['img_path'])
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
        height, width = first['img'].shape[:2]
        results['ori_shape'] = (height, width)
        results['clip_matrix'] = np.eye(3)
        results['clip_size'] = (width, height)
        return results

    def _load(self, path: str) -> np.ndarray:
        image = mmcv.imfrombytes(get(path), backend=self.imdecode_backend)
        if image is None:
            raise ValueError(
                f'{path} is no image, or an incomplete one: fetch it again'
            )
        return image

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}('
            f'imdecode_backend={self.imdecode_backend!r})'
        )
