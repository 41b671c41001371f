# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .sampling import grid_points


class ClipMemory(NamedTuple):
    """Encoded frames of B clips: all U of them, or the F of one window.

    S tokens are the cells of all levels, row by row, finest level first. All
    frames of a clip have the same size, so that one mask is enough.

    Attributes:
        tokens (Tensor): (B, U, S, C).
        valid (Tensor): (B, S) bool, True where the cell is in the image.
        valid_ratio (Tensor): (B, 2), width and height of the image as a
            share of the padded input.
        shapes (Tuple[Tuple[int, int], ...]): Height and width of the L levels.
        maps (Tensor, optional): (B, U, K, H', W'), logits of the joints, if
            they are looked up.
    """

    tokens: Tensor
    valid: Tensor
    valid_ratio: Tensor
    shapes: tuple[tuple[int, int], ...]
    maps: Tensor | None = None

    @classmethod
    def assemble(
        cls, tokens: Tensor, valid: Tensor, shapes: Sequence[tuple[int, int]]
    ) -> ClipMemory:
        """Put encoded frames and their padding together.

        Args:
            tokens (Tensor): (B, U, S, C).
            valid (Tensor): (B, H, W) bool, where the input has an image.
            shapes (Sequence[Tuple[int, int]]): Of the L levels.

        Returns:
            ClipMemory: The same frames.
        """
        cells = [level.flatten(1) for level in shrink_masks(valid, shapes)]
        ratio = [valid.any(dim=axis).to(tokens).mean(dim=1) for axis in (1, 2)]
        return cls(
            tokens=tokens,
            valid=torch.cat(cells, dim=1),
            valid_ratio=torch.stack(ratio, dim=-1),
            shapes=tuple(tuple(shape) for shape in shapes),
        )

    def gather(self, index: Tensor) -> ClipMemory:
        """Take the frames of a window.

        Args:
            index (Tensor): (B, F) int64, which of the U frames.

        Returns:
            ClipMemory: With F frames.
        """
        rows = torch.arange(len(index), device=index.device)[:, None]
        maps = None if self.maps is None else self.maps[rows, index]
        return self._replace(tokens=self.tokens[rows, index], maps=maps)

    def clip(self, number: int) -> ClipMemory:
        """One of the B clips, as a batch of one."""
        one = slice(number, number + 1)
        return ClipMemory(
            tokens=self.tokens[one],
            valid=self.valid[one],
            valid_ratio=self.valid_ratio[one],
            shapes=self.shapes,
            maps=None if self.maps is None else self.maps[one],
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


def shrink_masks(
    valid: Tensor, shapes: Sequence[tuple[int, int]]
) -> tuple[Tensor, ...]:
    """Tell which cells of each level are in the image.

    Args:
        valid (Tensor): (B, H, W) bool.
        shapes (Sequence[Tuple[int, int]]): Height and width of the L levels.

    Returns:
        Tuple[Tensor, ...]: (B, H', W') bool each.
    """
    mask = valid[:, None].float()
    return tuple(
        F.interpolate(mask, size=tuple(shape))[:, 0] > 0 for shape in shapes
    )
