# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from torch import Tensor, nn

from .coordinate_embedding import CoordinateEmbedding


class PoseEmbedding(nn.Module):
    """Positional embedding of a query, made of the pose that it refers to.

    Track queries and detect queries get theirs in the same way, so that a
    track query knows where it is.

    Args:
        num_keypoints (int): K.
        embed_dims (int): Channels C.
        joint_dims (int): Channels per joint before they are mixed. Defaults
            to 32.
    """

    def __init__(
        self, num_keypoints: int, embed_dims: int, joint_dims: int = 32
    ) -> None:
        super().__init__()
        self.joint = CoordinateEmbedding(joint_dims)
        self.mix = nn.Sequential(
            nn.Linear(num_keypoints * joint_dims, embed_dims),
            nn.ReLU(),
            nn.Linear(embed_dims, embed_dims),
        )

    def forward(self, poses: Tensor) -> Tensor:
        """Embed poses.

        Args:
            poses (Tensor): (..., K, 2), ``(x, y)`` in [0, 1].

        Returns:
            Tensor: (..., C).
        """
        return self.mix(self.joint(poses).flatten(-2))
