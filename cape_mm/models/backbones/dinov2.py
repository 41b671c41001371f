# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmpose.utils.typing import OptMultiConfig
from torch import Tensor, nn

from cape_mm.registry import MODELS

# added to the number of patches before the table of positions is resized:
# the published weights are used with it
_OFFSET = 0.1


class _Scale(nn.Module):
    """Factor of each channel of a residual branch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


class _SelfAttention(nn.Module):
    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(x).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(query, key, value)
        return self.proj(x.transpose(1, 2).flatten(2))


class _FeedForward(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class _Block(nn.Module):
    """Pre-norm transformer block with scaled branches."""

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attn = _SelfAttention(channels, num_heads)
        self.ls1 = _Scale(channels)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = _FeedForward(channels)
        self.ls2 = _Scale(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


@MODELS.register_module()
class DINOv2(BaseModule):
    """Vision transformer of DINOv2, frozen, with its own rule of positions.

    The table of positions is resized, bicubic and without antialiasing, by
    the factors ``(side + 0.1) / trained side``, as the weights were used when
    EdgeCape was trained. Resizing to a size, as ``timm`` does, gives other
    positions, by up to 9e-3 in the parity test.

    Args:
        trained_size (int): Side of the images of the pre-training, in pixels.
            Defaults to 518.
        patch_size (int): Side of a patch, in pixels. Defaults to 14.
        embed_dims (int): Channels. Defaults to 384, ViT-S.
        depth (int): Number of blocks. Defaults to 12.
        num_heads (int): Number of attention heads. Defaults to 6.
        frozen (bool): Whether the backbone is not trained. Defaults to True.
        init_cfg (OptMultiConfig): See :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        trained_size: int = 518,
        patch_size: int = 14,
        embed_dims: int = 384,
        depth: int = 12,
        num_heads: int = 6,
        frozen: bool = True,
        init_cfg: OptMultiConfig = None,
    ) -> None:
        super().__init__(init_cfg)
        self.trained_side = trained_size // patch_size
        self.patch_embedding = nn.Conv2d(
            3, embed_dims, patch_size, stride=patch_size
        )
        self.class_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.position_embedding = nn.Parameter(
            0.02 * torch.randn(1, self.trained_side**2 + 1, embed_dims)
        )
        self.blocks = nn.Sequential(
            *(_Block(embed_dims, num_heads) for _ in range(depth))
        )
        self.norm = nn.LayerNorm(embed_dims, eps=1e-6)
        if frozen:
            self.requires_grad_(False)

    def init_weights(self) -> None:
        """Load the weights of ``init_cfg``; warn if random ones stay."""
        super().init_weights()
        if not self.init_cfg and not self.norm.weight.requires_grad:
            print_log(
                'DINOv2 is frozen and has no init_cfg: its features are '
                'random unless load_from brings its weights. Convert '
                "Meta's file by tools/model_converters/"
                'convert_cape_checkpoint.py and set '
                'model.backbone.init_cfg.type=Pretrained '
                'model.backbone.init_cfg.checkpoint=FILE',
                logger='current',
                level=logging.WARNING,
            )

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Extract features.

        Args:
            images (Tensor): Images (N, 3, H, W), multiples of the patch.

        Returns:
            tuple[Tensor]: One level (N, C, h, w), a cell every patch.
        """
        patches = self.patch_embedding(images)
        size = patches.shape[-2:]
        x = patches.flatten(2).transpose(1, 2)
        token = self.class_token.expand(len(x), -1, -1)
        x = torch.cat([token, x], dim=1) + self._positions(*size)
        x = self.norm(self.blocks(x))[:, 1:]
        return (x.transpose(1, 2).unflatten(2, size),)

    def _positions(self, height: int, width: int) -> Tensor:
        """Position embeddings (1, 1 + h * w, C) of a map."""
        token, table = self.position_embedding.split(
            [1, self.trained_side**2], dim=1
        )
        side = self.trained_side
        if (height, width) == (side, side):
            return self.position_embedding
        table = table.transpose(1, 2).unflatten(2, (side, side))
        factors = [(n + _OFFSET) / side for n in (height, width)]
        table = F.interpolate(
            table.float(), scale_factor=factors, mode='bicubic'
        )
        table = table.flatten(2).transpose(1, 2).to(token.dtype)
        return torch.cat([token, table], dim=1)
