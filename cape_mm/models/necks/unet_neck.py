# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmpose.utils.typing import OptMultiConfig
from torch import Tensor, nn

from cape_mm.registry import MODELS


@MODELS.register_module()
class UNetNeck(BaseModule):
    """Decoder of a U-Net over the levels of a backbone.

    From the coarsest level on, maps are enlarged bilinearly, concatenated
    with the next finer level, and convolved (Ronneberger et al., "U-Net:
    Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015).
    For heatmaps that are finer than the features which recognise a keypoint.

    Examples:
        >>> neck = UNetNeck(in_channels=(16, 24, 40), channels=(32, 48, 64))
        >>> levels = [
        ...     torch.zeros(1, channels, size, size)
        ...     for channels, size in ((16, 64), (24, 32), (40, 16))
        ... ]
        >>> tuple(neck(levels)[0].shape)
        (1, 32, 64, 64)

    Args:
        in_channels (Sequence[int]): Channels of the levels, the finest first.
        channels (Sequence[int]): Channels inside of the neck, a number for
            each level; the first is that of the output.
        norm_cfg (dict, optional): Normalisation. Defaults to
            ``dict(type='BN')``.
        init_cfg (OptMultiConfig): See :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: Sequence[int],
        norm_cfg: dict | None = None,
        init_cfg: OptMultiConfig = None,
    ) -> None:
        super().__init__(init_cfg)
        if len(in_channels) != len(channels):
            raise ValueError(
                f'channels must have {len(in_channels)} entries, one for each '
                f'of in_channels, got {channels}'
            )
        norm_cfg = norm_cfg or dict(type='BN')
        self.laterals = nn.ModuleList(
            ConvModule(given, width, 1, norm_cfg=norm_cfg)
            for given, width in zip(in_channels, channels)
        )
        self.fusions = nn.ModuleList(
            ConvModule(width + coarser, width, 3, padding=1, norm_cfg=norm_cfg)
            for width, coarser in zip(channels, channels[1:])
        )

    def forward(self, feats: Sequence[Tensor]) -> tuple[Tensor]:
        """Bring all levels to the resolution of the finest.

        Args:
            feats (Sequence[Tensor]): Levels (N, C, H, W), the finest first.

        Returns:
            tuple[Tensor]: One map (N, C, H, W), of the size of the finest
            level.
        """
        levels = [
            lateral(level) for lateral, level in zip(self.laterals, feats)
        ]
        x = levels.pop()
        for fusion in reversed(self.fusions):
            finer = levels.pop()
            x = F.interpolate(
                x, finer.shape[-2:], mode='bilinear', align_corners=False
            )
            x = fusion(torch.cat([finer, x], dim=1))
        return (x,)
