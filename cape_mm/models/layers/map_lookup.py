# Copyright (c) cape_mm contributors. All rights reserved.
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .clip_memory import ClipMemory


class MapLookup(nn.Module):
    """Show each joint a piece of its own map around its present place.

    As RAFT looks up correlations: a patch of (2 r + 1) x (2 r + 1) cells
    around the joint, in each frame of the window. It tells directly in which
    direction the joint lies, which a sum of sampled features hardly does.

    Args:
        embed_dims (int): Channels C.
        num_frames (int): F.
        radius (int): r, in cells of the maps.
    """

    def __init__(self, embed_dims: int, num_frames: int, radius: int) -> None:
        super().__init__()
        steps = torch.arange(-radius, radius + 1.0)
        patch = torch.stack(torch.meshgrid(steps, steps, indexing='xy'), -1)
        self.register_buffer('patch', patch.flatten(0, 1), persistent=False)
        self.embed = nn.Sequential(
            nn.Linear(num_frames * len(self.patch), embed_dims),
            nn.ReLU(),
            nn.Linear(embed_dims, embed_dims),
        )

    def forward(self, poses: Tensor, memory: ClipMemory) -> Tensor:
        """Look up joints.

        Args:
            poses (Tensor): (B, P, F, K, 2), ``(x, y)`` in [0, 1].
            memory (ClipMemory): With ``maps`` (B, F, K, H, W).

        Returns:
            Tensor: (B, P, K, C).
        """
        maps = memory.maps
        size = poses.new_tensor(maps.shape[:-3:-1])
        ratio = memory.valid_ratio[:, None, None, None]
        places = (poses * ratio)[..., None, :] + self.patch / size
        # One picture per clip, frame and joint: B, F, K, P, cells, 2
        grid = places.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
        seen = F.grid_sample(
            maps.flatten(0, 2)[:, None].to(grid.dtype),
            2 * grid - 1,
            padding_mode='border',
            align_corners=False,
        )
        seen = seen[:, 0].unflatten(0, maps.shape[:3])
        # B, F, K, P, cells -> B, P, K, F * cells
        return self.embed(seen.permute(0, 3, 2, 1, 4).flatten(3))
