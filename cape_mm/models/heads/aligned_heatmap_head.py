# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence, Tuple

import torch
import torch.nn.functional as F
from mmpose.models.heads import HeatmapHead
from mmpose.utils.typing import OptMultiConfig
from torch import Tensor, nn

from cape_mm.models.layers import grid_points, read_peaks
from cape_mm.models.layers.cape import KeypointTemplate, add_prior
from cape_mm.registry import MODELS

Features = Tuple[Tensor, ...]


@MODELS.register_module()
class AlignedHeatmapHead(HeatmapHead):
    """Heatmap head of one category, for instances aligned with a template.

    Maps are logits over cells, trained by the cross-entropy with a narrow
    Gaussian around each keypoint. They are read under a Gaussian prior around
    places that are known roughly: :class:`AlignedMatchingEstimator` gives
    those of its matcher. :class:`CategoryHeatmapEstimator` aligns nothing and
    reads the maps as they are; the frame is then that of the box's crop.

    Args:
        in_channels (Sequence[int]): Channels of the levels of the backbone.
        out_channels (int): Number K of keypoints.
        channels (int): Channels inside of the head. Defaults to 64.
        padding (float): See :class:`KeypointTemplate`. Defaults to 1.5.
        target_sigma (float): Sigma of the Gaussian in training, in cells of
            the map. Defaults to 1.
        prior_sigma (float): Sigma of the prior, normalised. Defaults to
            0.08.
        init_cfg (OptMultiConfig): See :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        channels: int = 64,
        padding: float = 1.5,
        target_sigma: float = 1.0,
        prior_sigma: float = 0.08,
        init_cfg: OptMultiConfig = None,
    ) -> None:
        super().__init__(
            channels,
            out_channels,
            deconv_out_channels=(channels,),
            deconv_kernel_sizes=(4,),
            conv_out_channels=(channels,),
            conv_kernel_sizes=(3,),
            init_cfg=init_cfg,
        )
        self.target_sigma = target_sigma
        self.prior_sigma = prior_sigma
        self.template = KeypointTemplate(out_channels, padding)
        self.reduce = nn.Sequential(
            nn.Conv2d(sum(in_channels), channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, feats: Features) -> Tensor:
        """Compute the maps.

        Args:
            feats (tuple[Tensor]): Levels (N, C, H', W') of aligned images,
                the finest first.

        Returns:
            Tensor: Logits (N, K, H, W), of twice the size of the finest
            level.
        """
        size = feats[0].shape[-2:]
        resized = [
            level
            if level.shape[-2:] == size
            else F.interpolate(
                level, size, mode='bilinear', align_corners=False
            )
            for level in feats
        ]
        return super().forward((self.reduce(torch.cat(resized, dim=1)),))

    def predict(
        self, feats: Features, centres: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Read the keypoints, near known places if there are any.

        Args:
            feats (tuple[Tensor]): See :meth:`forward`.
            centres (Tensor, optional): Places (N, K, 2) in the template's
                frame. Defaults to none: without a prior.

        Returns:
            tuple[Tensor, Tensor]: Keypoints (N, K, 2) in the template's
            frame, and the probability (N, K) that each is less than a tenth
            of the object's size off.
        """
        logits = self(feats)
        if centres is not None:
            logits = add_prior(logits, centres, self.prior_sigma)
        height, width = logits.shape[-2:]
        grid = grid_points(height, width, logits.device, logits.dtype)
        mass = logits.flatten(2).softmax(-1)  # (N, K, H * W)
        points = read_peaks(logits, window=2)[0]
        radius = 0.1 / self.template.padding
        distance = (grid - points.unsqueeze(2)).norm(dim=-1)
        return points, (mass * (distance < radius)).sum(-1)

    def loss(
        self, feats: Features, points: Tensor, valid: Tensor
    ) -> dict[str, Tensor]:
        """Compute the cross-entropy of the maps.

        Args:
            feats (tuple[Tensor]): See :meth:`forward`.
            points (Tensor): Keypoints (N, K, 2) in the template's frame.
            valid (Tensor): Mask (N, K), bool.

        Returns:
            dict[str, Tensor]: ``loss_keypoints``, the mean over valid
            keypoints; 0 where the maps are as narrow as the targets.
        """
        logits = self(feats)
        height, width = logits.shape[-2:]
        sigma = self.target_sigma / max(height, width)
        flat = torch.zeros_like(logits)
        target = add_prior(flat, points, sigma).flatten(2).log_softmax(-1)
        excess = F.kl_div(
            logits.flatten(2).log_softmax(-1),
            target,
            reduction='none',
            log_target=True,
        ).sum(-1)
        count = valid.sum().clamp_min(1)
        return dict(loss_keypoints=(excess * valid).sum() / count)
