# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
import torch.nn.functional as F
from mmdet.utils import reduce_mean
from torch import Tensor, nn

from cape_mm.registry import MODELS

from ..layers.pavenet.pose_queries import PosePrediction
from ..task_modules.clip_targets import ClipTargets
from ..task_modules.match_costs import build_oks

_SMALLEST_OKS = 1e-6


class StagePrediction(NamedTuple):
    """Predictions of one stage for Q queries of B windows, with persons."""

    prediction: PosePrediction
    # Assigned persons (B, Q), int64, 1-based, 0 for background, -1 for
    # queries that do not count.
    gt_inds: Tensor
    targets: ClipTargets  # of the windows


@MODELS.register_module()
class PAVECriterion(nn.Module):
    """All losses of poses and of persons.

    A stage is the proposals, a layer of the pose decoder or a layer of the
    keypoint decoder. Its poses cost, each with its own weight:

    - ``loss_kpt``: :class:`FlowRLELoss`, with one flow for the proposals, one
      for the pose decoder and one for the keypoint decoder, or one for all;
    - ``loss_l1``: mean absolute error of the visible coordinates;
    - ``loss_oks``: mean of -log OKS;
    - ``loss_vis``: binary cross-entropy of the visibility of the keypoints of
      matched persons. It takes unlabelled keypoints for hidden, which holds
      where all visible keypoints are labelled;
    - ``loss_nbr``: as ``loss_l1``, of poses in neighbour frames, where those
      are labelled.

    A loss of weight 0 is not computed and has no key. Sums are divided by
    counts over all windows and processes.

    Args:
        loss_cls (dict): Config of the loss of person scores, MMDetection's
            ``FocalLoss``.
        loss_kpt (dict): Config of a :class:`FlowRLELoss`.
        share_flow (bool): Whether all stages share one flow. Defaults to
            False.
        l1_weight (float): Weight of ``loss_l1``. Defaults to 0.
        oks_weight (float): Weight of ``loss_oks``. Defaults to 0.
        vis_weight (float): Weight of ``loss_vis``. Defaults to 0.
        neighbour_weight (float): Weight of ``loss_nbr``. Defaults to 0.
        refine_weight (float): Factor of all losses of the keypoint decoder.
            Defaults to 1.
        proposal_weight (float): Factor of the losses of the poses of the
            proposals. Defaults to 1.
        metainfo (str | dict, optional): Metainfo of the dataset with the
            sigmas of OKS.
        with_refinement (bool): Whether there is a keypoint decoder, whose
            stage needs a flow; set by the head. Defaults to True.

    Raises:
        ValueError: If ``oks_weight`` is set without sigmas.
    """

    #: Stages that have a flow of their own.
    STAGES = ('proposal', 'decoder', 'refine')

    def __init__(
        self,
        loss_cls: dict,
        loss_kpt: dict,
        share_flow: bool = False,
        l1_weight: float = 0.0,
        oks_weight: float = 0.0,
        vis_weight: float = 0.0,
        neighbour_weight: float = 0.0,
        refine_weight: float = 1.0,
        proposal_weight: float = 1.0,
        metainfo: str | dict | None = None,
        with_refinement: bool = True,
    ) -> None:
        super().__init__()
        self.loss_cls = MODELS.build(loss_cls)
        stages = self.STAGES if with_refinement else self.STAGES[:-1]
        self.loss_kpt = nn.ModuleDict(
            {stage: MODELS.build(loss_kpt) for stage in stages}
        )
        if share_flow:
            for stage in stages[1:]:
                self.loss_kpt[stage].flow = self.loss_kpt['proposal'].flow
        self.l1_weight = l1_weight
        self.oks_weight = oks_weight
        self.vis_weight = vis_weight
        self.neighbour_weight = neighbour_weight
        self.factors = dict(
            proposal=proposal_weight, decoder=1.0, refine=refine_weight
        )
        if oks_weight and metainfo is None:
            raise ValueError('oks_weight needs the metainfo of the dataset')
        self.oks = build_oks(metainfo) if oks_weight else None

    def forward(
        self, stage: str, windows: Sequence[StagePrediction]
    ) -> dict[str, Tensor]:
        """Losses of a stage over one or more windows.

        Args:
            stage (str): One of ``STAGES``.
            windows (Sequence[StagePrediction]): Predictions of each window.

        Returns:
            dict[str, Tensor]: Scalars by key, without the name of the stage;
            ``loss_cls`` if there are person logits.
        """
        losses = {}
        if windows[0].prediction.logits is not None:
            losses['loss_cls'] = self._classify(windows)
        return {**losses, **self._compare(stage, windows)}

    def _classify(self, windows: Sequence[StagePrediction]) -> Tensor:
        """Focal loss of all queries that count / number of persons."""
        counted = [(w, w.gt_inds >= 0) for w in windows]
        logits = torch.cat([w.prediction.logits[mask] for w, mask in counted])
        is_person = torch.cat([w.gt_inds[mask] > 0 for w, mask in counted])
        # Equal shapes: targets are probabilities, not class numbers.
        return self.loss_cls(
            logits.float()[:, None],
            is_person.float()[:, None],
            avg_factor=reduce_mean(is_person.sum().float()).clamp(min=1),
        )

    def _compare(
        self, stage: str, windows: Sequence[StagePrediction]
    ) -> dict[str, Tensor]:
        """Losses of the poses of a stage, by key."""
        poses, sigma, visibility, labels, labelled, areas, sizes = (
            None if values[0] is None else torch.cat(values)
            for values in zip(*map(_match, windows))
        )
        # One frame is predicted if its neighbours are not.
        frames, middle = poses.shape[1], labels.shape[1] // 2
        points = poses[:, frames // 2]
        target, visible = labels[:, middle], labelled[:, middle]
        coordinates = reduce_mean(2.0 * visible.sum()).clamp(min=1)
        losses = dict(
            loss_kpt=self.loss_kpt[stage](
                points, sigma, target, visible, coordinates
            )
        )
        if self.l1_weight:
            losses['loss_l1'] = self.l1_weight * _mean_distance(
                points, target, visible
            )
        if self.oks_weight:
            scale = sizes[:, None]
            oks = self.oks(
                points.float() * scale, target * scale, visible.float(), areas
            )
            losses['loss_oks'] = self.oks_weight * _mean(
                -oks.clamp(min=_SMALLEST_OKS).log()
            )
        if self.vis_weight and visibility is not None:
            entropy = F.binary_cross_entropy_with_logits(
                visibility.float(), visible.float(), reduction='none'
            )
            losses['loss_vis'] = self.vis_weight * _mean(entropy)
        if self.neighbour_weight and frames > 1:
            others = [frame for frame in range(frames) if frame != middle]
            losses['loss_nbr'] = self.neighbour_weight * _mean_distance(
                poses[:, others], labels[:, others], labelled[:, others]
            )
        factor = self.factors[stage]
        return {key: factor * value for key, value in losses.items()}


def _match(window: StagePrediction) -> tuple[Tensor | None, ...]:
    """Predictions for the M persons of a window, and their labels (M, ...)."""
    prediction, gt_inds, targets = window
    rows, queries = (gt_inds > 0).nonzero(as_tuple=True)
    persons = gt_inds[rows, queries] - 1
    predicted = prediction.poses, prediction.sigma, prediction.visibility
    return (
        *(None if x is None else x[rows, queries] for x in predicted),
        targets.keypoints[rows, :, persons],
        targets.visible[rows, :, persons],
        targets.middle.areas[rows, persons],
        targets.middle.sizes[rows],
    )


def _mean_distance(points: Tensor, target: Tensor, visible: Tensor) -> Tensor:
    """Mean absolute error of visible coordinates, 0 without any."""
    distance = (points.float() - target).abs() * visible[..., None]
    return distance.sum() / reduce_mean(2.0 * visible.sum()).clamp(min=1)


def _mean(values: Tensor) -> Tensor:
    """Mean over all processes, 0 without any."""
    count = reduce_mean(values.new_tensor(values.numel())).clamp(min=1)
    return values.sum() / count
