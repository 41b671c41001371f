# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmpose.codecs import UDPHeatmap
from mmpose.utils.typing import OptConfigType, OptSampleList, Predictions
from torch import Tensor, nn

from cape_mm.errors import DataError
from cape_mm.models.layers import read_peaks
from cape_mm.registry import MODELS

from .probability_heatmap_head import ProbabilityHeatmapHead


@MODELS.register_module()
class CoarseToFineHeatmapHead(ProbabilityHeatmapHead):
    """Heatmaps of the whole image, then patches of it around their maxima.

    The second stage samples a square patch of the input around each keypoint,
    and the features below it, and makes a second, finer map of the patch with
    layers that all keypoints share but for an embedding and the last one. In
    training the patches lie around the labelled keypoints, displaced at
    random as far as the first stage may err.

    Args:
        *args: See :class:`ProbabilityHeatmapHead`.
        cells (int): Cells of a patch along each side; a cell is two pixels of
            the input. Defaults to 24.
        channels (int): Channels inside of the second stage. Defaults to 32.
        jitter (float): Sigma of the displacement in training, in pixels of
            the input. Defaults to 6.
        **kwargs: See :class:`ProbabilityHeatmapHead`.
    """

    def __init__(
        self,
        *args: Any,
        cells: int = 24,
        channels: int = 32,
        jitter: float = 6.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        # both stages are joined in the frame of this codec
        if not isinstance(self.decoder, UDPHeatmap):
            raise DataError(
                f'the decoder is {type(self.decoder).__name__}, must be '
                'UDPHeatmap: CoarseToFineHeatmapHead works in its frame'
            )
        self.cells = cells
        self.jitter = jitter
        norm = dict(norm_cfg=dict(type='BN'))
        self.detail = ConvModule(1, channels, 5, stride=2, padding=2, **norm)
        self.context = ConvModule(self.in_channels, channels, 1, **norm)
        self.fusion = ConvModule(
            2 * channels, channels, 3, padding=1, act_cfg=None, **norm
        )
        self.embedding = nn.Embedding(self.out_channels, channels)
        self.fine_layers = nn.Sequential(
            ConvModule(channels, channels, 3, padding=2, dilation=2, **norm),
            ConvModule(channels, channels, 3, padding=1, **norm),
        )
        self.fine_weights = nn.Parameter(
            torch.zeros(self.out_channels, channels)
        )

    def predict(
        self,
        feats: tuple[Tensor, ...],
        batch_data_samples: OptSampleList,
        test_cfg: OptConfigType = None,
    ) -> Predictions:
        """Find keypoints, and refine each inside of its patch.

        Args:
            feats (tuple[Tensor, ...]): Features of the neck and, last, the
                input (N, 3, H, W).
            batch_data_samples (list[PoseDataSample]): See
                :class:`HeatmapHead`.
            test_cfg (dict): See :class:`HeatmapHead`; no flip.

        Returns:
            list[InstanceData] | tuple: See :class:`HeatmapHead`. Scores and
            heatmaps are those of the first stage.
        """
        result = super().predict(feats, batch_data_samples, test_cfg or {})
        instances = result[0] if isinstance(result, tuple) else result
        size = _size(feats[-1])
        # UDP's codec decodes to pixels times size / (size - 1)
        stretch = size / (size - 1)
        centres = size.new_tensor(
            np.stack([instance.keypoints[0] for instance in instances])
        )
        points = self._read(self._refine(feats, centres / stretch))
        points = (centres / stretch + points) * stretch
        for instance, refined in zip(instances, points.detach().cpu().numpy()):
            instance.keypoints = refined[None].astype('float32')
        return result

    def loss(
        self,
        feats: tuple[Tensor, ...],
        batch_data_samples: OptSampleList,
        train_cfg: OptConfigType = None,
    ) -> dict[str, Tensor]:
        """Compute the cross-entropies of both stages.

        Args:
            feats (tuple[Tensor, ...]): See :meth:`predict`.
            batch_data_samples (list[PoseDataSample]): See
                :class:`ProbabilityHeatmapHead`.
            train_cfg (dict): See :class:`ProbabilityHeatmapHead`.

        Returns:
            dict[str, Tensor]: ``loss_kpt``, ``loss_fine`` and ``acc_pose``.
        """
        losses = super().loss(feats, batch_data_samples, train_cfg)
        target = torch.stack(
            [sample.gt_fields.heatmaps for sample in batch_data_samples]
        )
        weights = torch.cat(
            [
                sample.gt_instance_labels.keypoint_weights
                for sample in batch_data_samples
            ]
        )
        size = _size(feats[-1])
        points = _mean_of_maps(target) * (size - 1)
        shift = self.jitter * torch.randn_like(points)
        logits = self._refine(feats, points + shift)
        # the keypoint lies at -shift from the centre of its patch
        axis = torch.arange(self.cells).to(shift) * 2 - (self.cells - 1)
        distance = (axis + shift.unsqueeze(-1)).square()  # (N, K, 2, cells)
        x, y = distance.unbind(2)
        fine = -(y.unsqueeze(-1) + x.unsqueeze(-2)) / (2 * 2.0**2)
        excess = F.kl_div(
            logits.flatten(2).log_softmax(-1),
            fine.flatten(2).log_softmax(-1),
            reduction='none',
            log_target=True,
        ).sum(-1)
        inside = (shift.abs().amax(-1) < self.cells - 1) * weights
        count = (inside > 0).sum().clamp_min(1)
        losses['loss_fine'] = (excess * inside).sum() / count
        return losses

    def _logits(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Maps (N, K, H, W) of the first stage before the softmax."""
        return super()._logits(feats[:-1])

    def _refine(self, feats: tuple[Tensor, ...], centres: Tensor) -> Tensor:
        """Logits (N, K, cells, cells) around centres (N, K, 2) in pixels."""
        features, image = feats[-2].detach(), feats[-1].mean(1, keepdim=True)
        count, size = self.out_channels, _size(image)
        axis = torch.arange(2 * self.cells).to(centres) - (self.cells - 1)
        offsets = torch.stack(torch.meshgrid(axis, axis, indexing='xy'), -1)
        # (N, K, 2 * cells, 2 * cells, 2), in [-1, 1] between outer pixels
        grid = (centres[:, :, None, None] + offsets) / (size - 1) * 2 - 1
        detail = self.detail(_sample(image, grid))
        context = self.context(_sample(features, grid[:, :, ::2, ::2]))
        x = self.fusion(torch.cat([detail, context], dim=1))
        x = x.unflatten(0, (-1, count))
        x = F.relu(x + self.embedding.weight[..., None, None])
        x = self.fine_layers(x.flatten(0, 1)).unflatten(0, (-1, count))
        return torch.einsum('nkchw,kc->nkhw', x, self.fine_weights)

    def _read(self, logits: Tensor) -> Tensor:
        """Offsets (N, K, 2) from the centres, in pixels."""
        points = read_peaks(logits, window=3)[0]
        return points * 2 * self.cells - self.cells


def _size(image: Tensor) -> Tensor:
    """Width and height."""
    return image.new_tensor([image.shape[-1], image.shape[-2]])


def _sample(maps: Tensor, grid: Tensor) -> Tensor:
    """Patches (N * K, C, h, w) of maps at a grid (N, K, h, w, 2)."""
    patches = F.grid_sample(
        maps, grid.flatten(1, 2), align_corners=True, padding_mode='border'
    )
    patches = patches.unflatten(2, grid.shape[1:3]).transpose(1, 2)
    return patches.flatten(0, 1)


def _mean_of_maps(maps: Tensor) -> Tensor:
    """Means (N, K, 2), from 0 at the first to 1 at the last cell."""
    height, width = maps.shape[-2:]
    mass = maps.sum((-2, -1)).clamp_min(1e-6)
    x = torch.linspace(0, 1, width).to(maps)
    y = torch.linspace(0, 1, height).to(maps)
    return torch.stack(
        [(maps.sum(-2) @ x) / mass, (maps.sum(-1) @ y) / mass], dim=-1
    )
