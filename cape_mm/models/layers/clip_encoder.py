# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import torch
from mmdet.models.layers import (
    DeformableDetrTransformerEncoder,
    SinePositionalEncoding,
)
from mmengine.model import BaseModule
from torch import Tensor, nn

from cape_mm.registry import MODELS

from .clip_memory import shrink_masks
from .precision import at_least_float32


@MODELS.register_module()
class ClipEncoder(BaseModule):
    """Deformable encoder of single frames.

    Frames do not see each other here, so that each is encoded once, for all
    windows that it is in. MMDetection's encoder layers, in float32 also with
    mixed precision.

    Args:
        embed_dims (int): Channels C. Defaults to 256.
        num_levels (int): L. Defaults to 4.
        num_layers (int): Encoder layers. Defaults to 6.
        num_heads (int): Defaults to 8.
        num_points (int): Sampling points per head and level. Defaults to 4.
        feedforward_dims (int): Defaults to 1024.
        dropout (float): Defaults to 0.1.
    """

    def __init__(
        self,
        embed_dims: int = 256,
        num_levels: int = 4,
        num_layers: int = 6,
        num_heads: int = 8,
        num_points: int = 4,
        feedforward_dims: int = 1024,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.position = SinePositionalEncoding(
            num_feats=embed_dims // 2, normalize=True, offset=-0.5
        )
        self.level_embed = nn.Parameter(torch.empty(num_levels, embed_dims))
        nn.init.normal_(self.level_embed)
        self.layers = DeformableDetrTransformerEncoder(
            num_layers=num_layers,
            layer_cfg=dict(
                self_attn_cfg=dict(
                    embed_dims=embed_dims,
                    num_levels=num_levels,
                    num_heads=num_heads,
                    num_points=num_points,
                    dropout=dropout,
                    batch_first=True,
                    # any number of frames: the op wants a divisor of it
                    im2col_step=1,
                ),
                ffn_cfg=dict(
                    embed_dims=embed_dims,
                    feedforward_channels=feedforward_dims,
                    ffn_drop=dropout,
                ),
            ),
        )

    def forward(
        self, levels: Sequence[Tensor], valid: Tensor
    ) -> tuple[Tensor, list[tuple[int, int]]]:
        """Encode N frames.

        Args:
            levels (Sequence[Tensor]): L maps (N, C, H', W').
            valid (Tensor): (N, H, W) bool, where the input has an image.

        Returns:
            tuple:
            - tokens (Tensor): (N, S, C), the cells of all levels.
            - shapes (List[Tuple[int, int]]): Height and width of the levels.

        Raises:
            ValueError: If there is another number of levels.
        """
        if len(levels) != len(self.level_embed):
            raise ValueError(
                f'{len(levels)} levels, but the encoder was made for '
                f'{len(self.level_embed)}: set num_levels'
            )
        shapes = [tuple(level.shape[-2:]) for level in levels]
        masks = [~mask for mask in shrink_masks(valid, shapes)]
        position = torch.cat(
            [
                self.position(mask).flatten(2).transpose(1, 2) + embed
                for mask, embed in zip(masks, self.level_embed)
            ],
            dim=1,
        )
        sizes = torch.tensor(shapes, device=valid.device)
        area = sizes.prod(dim=1)
        ratio = torch.stack(
            [valid.any(dim=axis).float().mean(dim=1) for axis in (1, 2)], -1
        )
        query = torch.cat(
            [level.flatten(2).transpose(1, 2) for level in levels], dim=1
        )
        # mmcv's op casts places to the type of the values, and refuses
        # bfloat16.
        with torch.autocast(query.device.type, enabled=False):
            tokens = self.layers(
                query=at_least_float32(query),
                query_pos=at_least_float32(position),
                key_padding_mask=torch.cat(
                    [mask.flatten(1) for mask in masks], dim=1
                ),
                spatial_shapes=sizes,
                level_start_index=area.cumsum(dim=0) - area,
                valid_ratios=ratio[:, None].expand(-1, len(levels), -1),
            )
        return tokens, shapes
