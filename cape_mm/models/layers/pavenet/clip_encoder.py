# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
import torch.nn.functional as F
from mmdet.models.layers import (
    DeformableDetrTransformerEncoder,
    SinePositionalEncoding,
)
from mmengine.model import BaseModule
from torch import Tensor, nn

from cape_mm.registry import MODELS

from ..points import at_least_float32, grid_points


class ClipMemory(NamedTuple):
    """Encoded frames of B clips: all U of them, or the F of one window.

    S tokens are the cells of all levels, row by row, finest level first. All
    frames of a clip have the same size, so that one mask is enough.
    """

    tokens: Tensor  # (B, U, S, C)
    valid: Tensor  # (B, S) bool, True for cells in the image
    valid_ratio: Tensor  # (B, 2), width and height of the image / padded input
    shapes: tuple[tuple[int, int], ...]  # height and width of the L levels
    maps: Tensor | None = None  # heatmap logits (B, U, K, H', W')

    @classmethod
    def assemble(
        cls, tokens: Tensor, valid: Tensor, shapes: Sequence[tuple[int, int]]
    ) -> ClipMemory:
        """Combine tokens (B, U, S, C) and the inputs' masks (B, H, W) bool."""
        cells = [level.flatten(1) for level in _shrink_masks(valid, shapes)]
        return cls(
            tokens=tokens,
            valid=torch.cat(cells, dim=1),
            valid_ratio=_valid_ratio(valid).to(tokens),
            shapes=tuple(tuple(shape) for shape in shapes),
        )

    def gather(self, index: Tensor) -> ClipMemory:
        """Frames (B, F), int64 numbers below U, of windows."""
        rows = torch.arange(len(index), device=index.device)[:, None]
        maps = None if self.maps is None else self.maps[rows, index]
        return self._replace(tokens=self.tokens[rows, index], maps=maps)

    def clip(self, number: int) -> ClipMemory:
        """One of the B clips, as a batch of one."""
        one = slice(number, number + 1)
        return ClipMemory(
            *(x[one] if isinstance(x, Tensor) else x for x in self)
        )

    @property
    def middle(self) -> Tensor:
        """Tokens of the frame in the middle of a window: (B, S, C)."""
        return self.tokens[:, self.tokens.shape[1] // 2]

    @property
    def centres(self) -> Tensor:
        """Centres of the cells: (B, S, 2), ``(x, y)`` in [0, 1]."""
        options = dict(device=self.tokens.device, dtype=self.tokens.dtype)
        cells = torch.cat([grid_points(*s, **options) for s in self.shapes])
        return cells / self.valid_ratio[:, None]

    def finest_level(self) -> Tensor:
        """The map of the finest level: (B, U, C, H', W')."""
        height, width = self.shapes[0]
        cells = self.tokens[:, :, : height * width]
        return cells.transpose(-1, -2).unflatten(-1, (height, width))


@MODELS.register_module()
class ClipEncoder(BaseModule):
    """Deformable encoder of single frames.

    Frames do not attend to each other here, so that each is encoded once for
    all its windows. MMDetection's encoder layers, in float32 also with mixed
    precision.

    Args:
        embed_dims (int): Channels C. Defaults to 256.
        num_levels (int): Feature levels L. Defaults to 4.
        num_layers (int): Encoder layers. Defaults to 6.
        num_heads (int): Attention heads. Defaults to 8.
        num_points (int): Sampling points per head and level. Defaults to 4.
        feedforward_dims (int): Hidden channels. Defaults to 1024.
        dropout (float): Dropout rate. Defaults to 0.1.
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
            levels (Sequence[Tensor]): L feature maps (N, C, H', W').
            valid (Tensor): (N, H, W) bool, False for padding of the input.

        Returns:
            tuple[Tensor, list[tuple[int, int]]]: Cells (N, S, C) of all
            levels, and height and width of each level.

        Raises:
            ValueError: If the number of levels is not that of the encoder.
        """
        if len(levels) != len(self.level_embed):
            raise ValueError(
                f'{len(levels)} levels, but the encoder was made for '
                f'{len(self.level_embed)}: set num_levels'
            )
        shapes = [tuple(level.shape[-2:]) for level in levels]
        masks = [~mask for mask in _shrink_masks(valid, shapes)]
        position = torch.cat(
            [
                self.position(mask).flatten(2).transpose(1, 2) + embed
                for mask, embed in zip(masks, self.level_embed)
            ],
            dim=1,
        )
        sizes = torch.tensor(shapes, device=valid.device)
        area = sizes.prod(dim=1)
        query = torch.cat(
            [level.flatten(2).transpose(1, 2) for level in levels], dim=1
        )
        # mmcv's op casts locations to the type of the values, and refuses
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
                valid_ratios=_valid_ratio(valid)[:, None].expand(
                    -1, len(levels), -1
                ),
            )
        return tokens, shapes


def _shrink_masks(
    valid: Tensor, shapes: Sequence[tuple[int, int]]
) -> tuple[Tensor, ...]:
    """Masks (B, H, W) at the sizes of L levels: (B, H', W') bool each."""
    mask = valid[:, None].float()
    return tuple(
        F.interpolate(mask, size=tuple(shape))[:, 0] > 0 for shape in shapes
    )


def _valid_ratio(valid: Tensor) -> Tensor:
    """Width and height (N, 2) of images / masks (N, H, W), float32."""
    ratio = [valid.any(dim=axis).float().mean(dim=1) for axis in (1, 2)]
    return torch.stack(ratio, dim=-1)
