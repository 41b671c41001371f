# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpose.utils.typing import OptMultiConfig
from torch import Tensor, nn
from torchvision.models.swin_transformer import (
    PatchMergingV2,
    SwinTransformerBlockV2,
)

from cape_mm.registry import MODELS


class _Stage(nn.Module):
    """Blocks of one resolution, and the merging of patches after them."""

    def __init__(self, blocks: list[nn.Module], merging: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.merging = merging


@MODELS.register_module()
class SwinV2(BaseModule):
    """Swin Transformer V2 of torchvision's blocks, as GraphCape uses it.

    Unlike torchvision's model, the window is no larger than the map of a
    stage, so that weights of window 16 run at 256 pixels. The last stage's
    output, normalised and resized to twice its size, is the only feature
    level.

    Args:
        input_size (int): Side of the training images, in pixels, from which
            the windows follow. Other sizes run, padded to whole windows.
        embed_dims (int): Channels of the first stage. Defaults to 96.
        depths (Sequence[int]): Number of blocks of each stage. Defaults to
            (2, 2, 6, 2), Swin-T.
        num_heads (Sequence[int]): Number of attention heads of each stage.
            Defaults to (3, 6, 12, 24).
        window_size (int): Side of the window, in cells. Defaults to 16.
        drop_path (float): Stochastic depth of the last block; it rises from
            0. Defaults to 0.2.
        upsample (int): Factor by which the output is enlarged. Defaults to 2.
        init_cfg (OptMultiConfig): See :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        input_size: int = 256,
        embed_dims: int = 96,
        depths: Sequence[int] = (2, 2, 6, 2),
        num_heads: Sequence[int] = (3, 6, 12, 24),
        window_size: int = 16,
        drop_path: float = 0.2,
        upsample: int = 2,
        init_cfg: OptMultiConfig = None,
    ) -> None:
        super().__init__(init_cfg)
        self.upsample = upsample
        self.patch_embedding = nn.Sequential(
            nn.Conv2d(3, embed_dims, 4, stride=4),
            _ChannelsLast(),
            nn.LayerNorm(embed_dims),
        )
        rates = torch.linspace(0, drop_path, sum(depths)).tolist()
        stages = []
        for i, (depth, heads) in enumerate(zip(depths, num_heads)):
            channels = embed_dims * 2**i
            side = input_size // (4 * 2**i)
            window = min(window_size, side)
            blocks = [
                SwinTransformerBlockV2(
                    channels,
                    heads,
                    window_size=[window, window],
                    # a window of the whole map has nowhere to be shifted
                    shift_size=[window // 2 * (j % 2) * (window < side)] * 2,
                    stochastic_depth_prob=rates[sum(depths[:i]) + j],
                )
                for j in range(depth)
            ]
            is_last = i == len(depths) - 1
            stages.append(
                _Stage(
                    blocks,
                    nn.Identity() if is_last else PatchMergingV2(channels),
                )
            )
        self.stages = nn.ModuleList(stages)
        self.norm = nn.LayerNorm(channels)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Extract features.

        Args:
            images (Tensor): Images (N, 3, H, W).

        Returns:
            tuple[Tensor]: One level (N, C, h, w), a cell every 32 /
            ``upsample`` pixels.
        """
        x = self.patch_embedding(images)
        for stage in self.stages:
            x = stage.merging(stage.blocks(x))
        x = self.norm(x).permute(0, 3, 1, 2)
        if self.upsample > 1:
            x = F.interpolate(x, scale_factor=self.upsample, mode='bilinear')
        return (x,)


class _ChannelsLast(nn.Module):
    """Move the channels (N, C, H, W) to the end, (N, H, W, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1)
