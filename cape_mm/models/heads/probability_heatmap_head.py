# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from mmpose.evaluation.functional import pose_pck_accuracy
from mmpose.models.heads import HeatmapHead
from mmpose.utils.tensor_utils import to_numpy
from mmpose.utils.typing import OptConfigType, OptSampleList
from torch import Tensor

from cape_mm.registry import MODELS


@MODELS.register_module()
class ProbabilityHeatmapHead(HeatmapHead):
    r"""Heatmap head whose maps are distributions over the cells.

    The loss is the cross-entropy between the softmax over all cells of a map
    and the target's Gaussian :math:`g`, less the entropy of the latter:

    .. math:: \sum_{c} g_c (\log g_c - \log \mathrm{softmax}(z)_c)

    A map is as wide as the keypoint's place is uncertain. It converges in
    fewer epochs than a regression of the heights, as a map of zeros is no
    local optimum. Maps are scaled by :math:`2 \pi \sigma^2`, so that one as
    narrow as the target has a height of about 1, like other heatmaps:
    codecs, thresholds and the export need nothing new.

    Args:
        *args: See :class:`HeatmapHead`; the ``decoder`` has a ``sigma`` (in
            cells), the ``loss`` is not used.
        **kwargs: See :class:`HeatmapHead`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sigma = getattr(self.decoder, 'sigma', None)
        if not isinstance(sigma, (int, float)):
            raise ValueError(
                'ProbabilityHeatmapHead needs a decoder with one sigma, such '
                f'as UDPHeatmap, got {self.decoder}'
            )
        self.scale = 2 * math.pi * sigma**2

    def forward(self, feats: tuple[Tensor]) -> Tensor:
        """Make heatmaps.

        Args:
            feats (tuple[Tensor]): Feature maps; the last one, (N, C, h, w),
                is used.

        Returns:
            Tensor: Heatmaps (N, K, H, W), which sum up to the same number.
        """
        logits = self._logits(feats)
        return self.scale * logits.flatten(2).softmax(-1).view_as(logits)

    def loss(
        self,
        feats: tuple[Tensor],
        batch_data_samples: OptSampleList,
        train_cfg: OptConfigType = None,
    ) -> dict[str, Tensor]:
        """Compute the cross-entropy.

        Args:
            feats (tuple[Tensor]): See :meth:`forward`.
            batch_data_samples (list[PoseDataSample]): Samples with
                ``gt_fields.heatmaps`` and
                ``gt_instance_labels.keypoint_weights``.
            train_cfg (dict): ``compute_acc`` as for :class:`HeatmapHead`.

        Returns:
            dict[str, Tensor]: ``loss_kpt``, the mean over labelled keypoints,
            and ``acc_pose``.
        """
        logits = self._logits(feats)
        target = torch.stack(
            [sample.gt_fields.heatmaps for sample in batch_data_samples]
        )
        weights = torch.cat(
            [
                sample.gt_instance_labels.keypoint_weights
                for sample in batch_data_samples
            ]
        )
        mass = target.flatten(2)
        mass = mass / mass.sum(-1, keepdim=True).clamp_min(1e-6)
        log_mass = logits.flatten(2).log_softmax(-1)
        excess = F.kl_div(log_mass, mass, reduction='none').sum(-1)
        count = (weights > 0).sum().clamp_min(1)
        losses = dict(loss_kpt=(excess * weights).sum() / count)
        if (train_cfg or {}).get('compute_acc', True):
            accuracy = pose_pck_accuracy(
                output=to_numpy(log_mass.exp().view_as(logits)),
                target=to_numpy(target),
                mask=to_numpy(weights) > 0,
            )[1]
            losses['acc_pose'] = torch.as_tensor(accuracy).to(logits)
        return losses

    def _logits(self, feats: tuple[Tensor]) -> Tensor:
        """Maps (N, K, H, W) before the softmax."""
        return super().forward(feats)
