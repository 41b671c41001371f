# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from cape_mm.models.layers.cape import layer_slack
from cape_mm.registry import TASK_UTILS


@TASK_UTILS.register_module()
class MetaPointAssigner:
    r"""Assign a meta point to every keypoint of the supports.

    The sum over keypoints of

    .. math::
        v \frac{1}{L} \sum_l \max(0, |p_l - y|_1 - d_l)
        - w_v v \log q - w_h (1 - v) \log (1 - q)

    is minimised by the Hungarian algorithm, with the support's label *y* and
    visibility *v*, the meta point :math:`p_l` of layer *l* and its probability
    of being visible *q*; :math:`d_l` is the slack of :func:`layer_slack`. The
    costs of several supports are averaged. Keypoints visible in no support
    take part: they are given the meta points that are least visible.

    Args:
        visible_weight (float): :math:`w_v`. Defaults to 0.1.
        hidden_weight (float): :math:`w_h`. Defaults to 0.005.
    """

    def __init__(
        self, visible_weight: float = 0.1, hidden_weight: float = 0.005
    ) -> None:
        self.visible_weight = visible_weight
        self.hidden_weight = hidden_weight

    @torch.no_grad()
    def assign(
        self,
        points: Tensor,
        visibility: Tensor,
        target: Tensor,
        visible: Tensor,
    ) -> Tensor:
        """Assign M meta points to K keypoints.

        Args:
            points (Tensor): Meta points (L, B, S, M, 2) of each layer.
            visibility (Tensor): Probability (B, S, M) of being visible.
            target (Tensor): Support keypoints (B, S, K, 2).
            visible (Tensor): Mask (B, S, K), bool.

        Returns:
            Tensor: Index (B, K), int64, of the meta point of each keypoint;
            all different.

        Raises:
            ValueError: If there are fewer meta points than keypoints.
        """
        if points.shape[3] < target.shape[2]:
            raise ValueError(
                f'{target.shape[2]} keypoints for {points.shape[3]} meta '
                'points: every keypoint needs one of its own'
            )
        distance = points.unsqueeze(-2) - target.unsqueeze(-3)
        distance = distance.abs().sum(-1)  # (L, B, S, M, K)
        slack = layer_slack(len(points), points.device)
        slack = slack.view(-1, 1, 1, 1, 1)
        visible = visible.unsqueeze(-2).to(distance.dtype)  # (B, S, 1, K)
        visibility = visibility.unsqueeze(-1)  # (B, S, M, 1)
        cost = (
            visible * (distance - slack).relu().mean(dim=0)
            - self.visible_weight * visible * visibility.log()
            - self.hidden_weight * (1 - visible) * (1 - visibility).log()
        )
        matrices = cost.mean(dim=1).transpose(1, 2).cpu().numpy()
        columns = [linear_sum_assignment(matrix)[1] for matrix in matrices]
        return torch.as_tensor(np.stack(columns), device=points.device)
