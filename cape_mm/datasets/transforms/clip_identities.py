# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform

from cape_mm.registry import TRANSFORMS

from ..pipeline import get_generator


@TRANSFORMS.register_module()
class ShuffleTrackIds(BaseTransform):
    """Exchange the identities of the persons of each frame at random.

    A control, not an augmentation: what a tracker learns about identities must
    get lost. The identities of a frame stay the same set, so that a person
    who is alone keeps its own; unknown ones (-1) stay where they are.

    Required Keys:

        - frames (list of dict with instances)
        - rng

    Modified Keys:

        - frames (instances, track_ids)
    """

    def transform(self, results: dict) -> dict:
        """Shuffle the identities of all frames.

        Args:
            results (dict): The result dict.

        Returns:
            dict: The result dict.
        """
        rng = get_generator(results, type(self).__name__)
        for frame in results['frames']:
            ids = frame['instances']['track_ids'].copy()
            known = np.flatnonzero(ids >= 0)
            ids[known] = ids[rng.permutation(known)]
            frame['instances'] = dict(frame['instances'], track_ids=ids)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
