# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Any

from mmpose.models.heads import HeatmapHead
from torch import Tensor, nn

from cape_mm.registry import MODELS


@MODELS.register_module()
class DropoutHeatmapHead(HeatmapHead):
    """MMPose's heatmap head with dropout before the last convolution.

    Whole channels are dropped, in training only. The weights have the names
    of those of :class:`HeatmapHead`: checkpoints of one load into the other.

    Args:
        *args: See :class:`HeatmapHead`.
        dropout (float): Share of the channels that are dropped. Defaults to
            0.1.
        **kwargs: See :class:`HeatmapHead`.
    """

    def __init__(
        self, *args: Any, dropout: float = 0.1, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, feats: tuple[Tensor]) -> Tensor:
        """Make heatmaps.

        Args:
            feats (tuple[Tensor]): Feature maps; the last one, (B, C, h, w),
                is used.

        Returns:
            Tensor: (B, K, H, W) heatmaps.
        """
        x = self.conv_layers(self.deconv_layers(feats[-1]))
        return self.final_layer(self.dropout(x))
