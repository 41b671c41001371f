# Copyright (c) cape_mm contributors. All rights reserved.
"""What a user asks for: supports and queries of one category."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable

import numpy as np

from cape_mm.datasets.formats.mp100.annotation_file import Category


@dataclass
class RequestMember:
    """One image.

    Attributes:
        image (str): Path.
        keypoints (list, optional): K entries ``[x, y]``, ``[x, y, v]`` or
            None, in pixels. A query may have them to be compared with.
        box (list[float], optional): x1, y1, x2, y2 in pixels.
        image_id (int, optional): Id in a COCO file.
    """

    image: str
    keypoints: list | None = None
    box: list[float] | None = None
    image_id: int | None = None

    @classmethod
    def from_instance(cls, info: dict) -> RequestMember:
        """Make one of an instance of :class:`MP100Dataset`.

        Args:
            info (dict): What its ``get_data_info`` returns.

        Returns:
            RequestMember: Image with keypoints (K, 3) and box.
        """
        visible = info['keypoints_visible'][0]
        points = np.column_stack([info['keypoints'][0], visible])
        return cls(
            image=info['img_path'],
            keypoints=points.tolist(),
            box=info['bbox'][0].tolist(),
            image_id=info['img_id'],
        )


@dataclass
class EpisodeRequest:
    """Annotated supports and queries of one category.

    Attributes:
        supports (list[RequestMember]): Images with keypoints.
        queries (list[RequestMember]): Images to find the same keypoints on.
        category_name (str): Name in visualizations.
        keypoint_names (list[str], optional): K names.
        skeleton (list[list[int]]): Pairs of keypoint indices, 0-based.
        flip_pairs (list[list[int]], optional): Left and right partners,
            0-based.
        category_id (int, optional): Id in a COCO file.
    """

    supports: list[RequestMember] = field(default_factory=list)
    queries: list[RequestMember] = field(default_factory=list)
    category_name: str = 'object'
    keypoint_names: list[str] | None = None
    skeleton: list[list[int]] = field(default_factory=list)
    flip_pairs: list[list[int]] | None = None
    category_id: int | None = None

    @classmethod
    def from_category(
        cls,
        category: Category,
        supports: Iterable[RequestMember],
        queries: Iterable[RequestMember] = (),
    ) -> EpisodeRequest:
        """Make a request for the keypoints of a category.

        Args:
            category (Category): Category of annotations.
            supports (Iterable[RequestMember]): Images with keypoints.
            queries (Iterable[RequestMember]): Images to find the same
                keypoints on. Defaults to none.

        Returns:
            EpisodeRequest: The request.
        """
        return cls(
            supports=list(supports),
            queries=list(queries),
            category_name=category.name,
            keypoint_names=list(category.keypoint_names),
            skeleton=[list(edge) for edge in category.skeleton],
            flip_pairs=category.flip_pairs,
            category_id=category.id,
        )
