# Copyright (c) cape_mm contributors. All rights reserved.
"""Models that can be fitted to a category, for the better one to be kept."""

from __future__ import annotations

import copy
from typing import Sequence, Union

import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor

from cape_mm.engine.few_shot import (
    FittingRounds,
    align_boxes,
    align_labels,
    make_views,
)
from cape_mm.errors import UnsuitableCheckpointError, UsageError

from .base_inferencer import (
    HOME,
    PathLike,
    find_device,
    load_config,
    load_estimator,
)
from .checkpoint_config import find_test_dataset
from .labelled_instances import LabelledInstances

_CONFIG = 'configs/cape/finetune_efficientnet-lite0.py'


class AlignedCandidate:
    """The matcher, refined by a head on aligned images.

    Args:
        model (AlignedMatchingEstimator): Model in evaluation mode, its
            template fitted.
        cfg (Config): Its config.
        instances (LabelledInstances): N labelled instances.
        seed (int): Seed of views and of their order.

    Attributes:
        name (str): Name in tables.
        estimator (BaseModel): Model in evaluation mode.
        cfg (Config): Its config.
        fits (list[FittingRounds]): Fits of its heads.
    """

    name = 'aligned'

    def __init__(
        self,
        model: torch.nn.Module,
        cfg: Config,
        instances: LabelledInstances,
        seed: int,
    ) -> None:
        self.estimator, self.cfg = model, cfg
        self._instances = instances
        labels, template = instances.labels, model.aligned_head.template
        alignments = [align_labels(template, labels)]
        views = make_views(
            model,
            template,
            labels,
            alignments,
            choose_num_views(instances),
            seed,
        )
        rounds = choose_num_iterations(instances)
        self.fits = [FittingRounds(model.aligned_head, views, rounds, seed)]

    @torch.no_grad()
    def predict(
        self, queries: list[int], matched: Tensor, scores: Tensor
    ) -> Tensor:
        """Find the keypoints.

        Args:
            queries (list[int]): Q instances.
            matched (Tensor): Keypoints (Q, K, 2) of the matcher, normalised.
            scores (Tensor): Their scores (Q, K).

        Returns:
            Tensor: Keypoints (Q, K, 2), normalised.
        """
        images = self._instances.labels.images[queries]
        return self.estimator.refine(images, matched, scores)[0]


class HeatmapCandidate:
    """An ordinary heatmap head on the crops of boxes.

    The same frozen backbone, layers and labels, without matcher, alignment
    and prior. Its views are turned as far as the labelled instances are, and
    mirrored where some of them are mirrored. Arguments and attributes are
    those of :class:`AlignedCandidate`.
    """

    name = 'heatmap'

    def __init__(
        self,
        model: torch.nn.Module,
        cfg: Config,
        instances: LabelledInstances,
        seed: int,
    ) -> None:
        self.cfg = _to_heatmap(cfg)
        labels = instances.labels
        self.estimator = _build(self.cfg, seed, labels.images.device)
        self.estimator.backbone = model.backbone
        self._instances = instances
        head, template = self.estimator.head, model.aligned_head.template
        head.template.load_state_dict(template.state_dict())
        alignments, max_turn = align_boxes(template, labels)
        views = make_views(
            model,
            template,
            labels,
            alignments,
            choose_num_views(instances),
            seed,
            max_turn,
        )
        rounds = choose_num_iterations(instances)
        self.fits = [FittingRounds(head, views, rounds, seed)]

    @torch.no_grad()
    def predict(self, queries: list[int], *matched: Tensor) -> Tensor:
        """Find the keypoints; see :meth:`AlignedCandidate.predict`."""
        images = self._instances.labels.images[queries]
        parts = [self.estimator.read(chunk)[0] for chunk in images.split(16)]
        return torch.cat(parts)


class RefinedHeatmapCandidate(HeatmapCandidate):
    """The heatmap head, refined by the aligned head instead of the matcher.

    Args:
        aligned (AlignedCandidate): Candidate with the aligned head.
        heatmap (HeatmapCandidate): Candidate with the heatmap head.
    """

    name = 'refined heatmap'

    def __init__(
        self, aligned: AlignedCandidate, heatmap: HeatmapCandidate
    ) -> None:
        self.cfg = copy.deepcopy(heatmap.cfg)
        settings = aligned.cfg.model
        for key in ('aligned_head', 'aligned_size'):
            if key in settings:
                self.cfg.model[key] = settings[key]
        device = heatmap.estimator.data_preprocessor.device
        self.estimator = _build(self.cfg, 0, device)
        # both heads go on to be fitted
        self.estimator.backbone = heatmap.estimator.backbone
        self.estimator.head = heatmap.estimator.head
        self.estimator.aligned_head = aligned.estimator.aligned_head
        self._instances = heatmap._instances
        self.fits = aligned.fits + heatmap.fits


Candidate = Union[AlignedCandidate, HeatmapCandidate]
#: Candidates, as they are called in sentences.
NAMES = {
    'aligned': 'the matcher refined by a fitted head',
    'heatmap': 'an ordinary heatmap head',
    'refined heatmap': 'a heatmap head refined by a fitted head',
}


def make_candidates(
    names: Sequence[str],
    model: torch.nn.Module,
    cfg: Config,
    instances: LabelledInstances,
    seed: int,
) -> list[Candidate]:
    """Make candidates, whose heads are random yet.

    Args:
        names (Sequence[str]): Some of :data:`NAMES`.
        model (AlignedMatchingEstimator): See :class:`AlignedCandidate`.
        cfg (Config): Its config.
        instances (LabelledInstances): N labelled instances.
        seed (int): Seed of weights, views and of their order.

    Returns:
        list[Candidate]: The candidates in the order of :data:`NAMES`.
    """
    made: dict[str, Candidate] = {}
    for kind in (AlignedCandidate, HeatmapCandidate):
        if kind.name in names or RefinedHeatmapCandidate.name in names:
            made[kind.name] = kind(model, cfg, instances, seed)
    if RefinedHeatmapCandidate.name in names:
        refined = RefinedHeatmapCandidate(*made.values())
        made[refined.name] = refined
    return [one for name, one in made.items() if name in names]


def build_unfitted(
    config: PathLike | None,
    num_keypoints: int,
    seed: int,
    device: str | torch.device | None,
) -> tuple[Config, torch.nn.Module]:
    """Build the model to be fitted, its head random.

    Args:
        config (str | Path, optional): See :func:`fit_category`.
        num_keypoints (int): K.
        seed (int): Seed of the head's weights.
        device (str | torch.device, optional): Device. Defaults to the GPU
            if there is one, else the CPU.

    Returns:
        tuple[Config, BaseModel]: Config and model in evaluation mode.

    Raises:
        UsageError: If the config has no head to be fitted.
    """
    cfg = load_config(config or HOME / _CONFIG, None)
    if 'aligned_head' not in cfg.model:
        raise UsageError(
            f'{cfg.filename} has no `model.aligned_head`: write it on the '
            f'base of {_CONFIG}'
        )
    cfg.model.aligned_head.out_channels = num_keypoints
    return cfg, _build(cfg, seed, find_device(device))


def load_fitted(
    checkpoint: PathLike,
    num_keypoints: int,
    device: str | torch.device | None,
) -> tuple[Config, torch.nn.Module]:
    """Load an earlier fit of an aligned head.

    Args:
        checkpoint (str | Path): Checkpoint that :func:`write_fit` wrote.
        num_keypoints (int): K.
        device (str | torch.device, optional): Device. Defaults to the GPU
            if there is one, else the CPU.

    Returns:
        tuple[Config, BaseModel]: Config and model in evaluation mode.

    Raises:
        UnsuitableCheckpointError: If the checkpoint is not of a matcher
            that an aligned head for K keypoints refines.
    """
    cfg = load_config(None, checkpoint)
    head = cfg.model.get('aligned_head') or {}
    # a refined heatmap head has an aligned one, too, but no matcher
    if (
        cfg.model.type != 'cape_mm.AlignedMatchingEstimator'
        or head.get('out_channels') != num_keypoints
    ):
        raise UnsuitableCheckpointError(
            f'{checkpoint} has no aligned head for {num_keypoints} '
            f'keypoints that refines a matcher: give one of which this tool '
            f"kept '{AlignedCandidate.name}' for this category, or none"
        )
    return cfg, load_estimator(cfg, checkpoint, device)


def drop_head(
    cfg: Config, weights: dict[str, Tensor]
) -> tuple[Config, dict[str, Tensor]]:
    """Config and weights of a model without its aligned head.

    Args:
        cfg (Config): Config of an :class:`AlignedMatchingEstimator` or a
            :class:`CategoryHeatmapEstimator`.
        weights (dict[str, Tensor]): Its state dict.

    Returns:
        tuple[Config, dict[str, Tensor]]: Those of the matcher or of the
        heatmap head alone.
    """
    cfg = copy.deepcopy(cfg)
    settings = cfg.model
    for key in ('aligned_head', 'aligned_size'):
        settings.pop(key, None)
    if settings.type == 'cape_mm.AlignedMatchingEstimator':
        settings.type = 'cape_mm.MatchingEstimator'
        count = len(settings.head.level_weights)
        backbone = settings.backbone
        backbone.out_indices = tuple(backbone.out_indices)[-count:]
    prefix = 'aligned_head.'
    return cfg, {k: v for k, v in weights.items() if not k.startswith(prefix)}


def choose_num_views(instances: LabelledInstances) -> int:
    """Views of each instance, less with more of them."""
    return min(max(240 // len(instances.images), 4), 40)


def choose_num_iterations(instances: LabelledInstances) -> int:
    """Iterations of one round, more with more instances."""
    return min(75 + 3 * max(len(instances.images) - 5, 0), 450)


def _to_heatmap(cfg: Config) -> Config:
    """Config of a heatmap head with the backbone of an aligned one."""
    cfg = copy.deepcopy(cfg)
    settings = cfg.model
    steps = {step['type']: step for step in find_test_dataset(cfg)['pipeline']}
    padding = steps.get('GetBBoxCenterScale', {}).get('padding', 1.25)
    backbone = dict(settings.backbone)
    if backbone.get('checkpoint'):
        backbone['checkpoint'] = None  # it has that of the other model
    cfg.model = ConfigDict(
        type='cape_mm.CategoryHeatmapEstimator',
        data_preprocessor=settings.data_preprocessor,
        backbone=backbone,
        image_size=settings.get('aligned_size', 256),
        head=dict(settings.aligned_head, padding=padding),
    )
    return cfg


def _build(
    cfg: Config, seed: int, device: str | torch.device
) -> torch.nn.Module:
    """A model in evaluation mode; random numbers of others are left alone."""
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
    torch.set_rng_state(state)
    return model.to(device).eval()
