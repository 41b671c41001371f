# Copyright (c) cape_mm contributors. All rights reserved.
"""Fitting of the default model to some labelled images of one category."""

from __future__ import annotations

import copy
import math
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import mmengine
import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor

from cape_mm.engine.few_shot import FittingRounds
from cape_mm.errors import UnsuitableCheckpointError, UsageError

from .base_inferencer import HOME, PathLike, load_config, load_estimator
from .exports.annotation_files import write_request
from .inputs.requests import EpisodeRequest, RequestMember
from .labelled_instances import LabelledInstances

_CONFIG = 'configs/cape/finetune_efficientnet-lite0.py'
#: Fewest labelled images of a fit.
_MIN_LABELLED = 3
_MAX_LABELLED = 200  # that memory holds
#: From so many labelled images on, one split tells enough.
_MANY = 10
_MAX_ROUNDS = 3


class _Fold(NamedTuple):
    """Instances to learn from, and those that are held out."""

    train: list[int]
    held_out: list[int]


@dataclass
class Fit:
    """A model for one category.

    Attributes:
        cfg (Config): Config of the model.
        weights (dict[str, Tensor]): Its state dict.
        supports (list[RequestMember]): Supports for its matcher.
        fitted (bool): Whether it is more than the matcher.
        reason (str): Why that is so, a sentence.
        rows (dict): PCK in percent, and ``error``, the mean error as a share
            of the object's size, on held-out images, of ``copy``,
            ``matcher`` and ``fitted``.
        num_held_out (int): Number of held-out images.
        seconds (float): CPU time of this process, all threads.
    """

    cfg: Config
    weights: dict[str, Tensor]
    supports: list[RequestMember]
    fitted: bool
    reason: str
    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    num_held_out: int = 0
    seconds: float = 0.0


def fit_category(
    request: EpisodeRequest,
    checkpoint: PathLike | None = None,
    config: PathLike | None = None,
    shots: int = 5,
    minutes: float = 3.0,
    seed: int = 0,
    device: str | torch.device | None = None,
) -> Fit:
    """Fit a model to the supports of a request, if that helps.

    Matcher and fitted model are compared on held-out images: with few images
    each half is held out in turn, with more of them a fifth, on which the
    fitting is stopped, too. Then the head is fitted to all. Ctrl-C keeps the
    better model so far.

    Example:
        >>> request = EpisodeRequest(supports, keypoint_names=['rim', 'base'])
        >>> fit = fit_category(request, minutes=1)
        >>> write_fit(fit, request, Path('work_dirs/mugs'))
        >>> inferencer = CapeInferencer('work_dirs/mugs/finetuned.pth')

    Args:
        request (EpisodeRequest): Labelled instances as supports, and the
            names of their keypoints.
        checkpoint (str | Path, optional): Checkpoint of an earlier fit to the
            same category, to go on from.
        config (str | Path, optional): Config with an ``aligned_head``.
            Defaults to ``configs/cape/finetune_efficientnet-lite0.py``; not
            read with a checkpoint, which has its own.
        shots (int): Supports of the matcher at most. Defaults to 5.
        minutes (float): Limit of the fitting. Defaults to 3.
        seed (int): Seed of the split and the fitting. Defaults to 0.
        device (str | torch.device, optional): Device. Defaults to the GPU
            if there is one, else the CPU.

    Returns:
        Fit: The model, fitted or not.

    Raises:
        DataError: If an image or its labels cannot be used.
        UnsuitableCheckpointError: If the checkpoint has another head.
        UsageError: If the config has no head to be fitted.
    """
    if not 0 < minutes < math.inf:
        raise UsageError(f'--minutes is {minutes}, must be > 0')
    start = time.process_time()
    members = _limit(request.supports, seed)
    folds = _make_folds(members, seed)
    num_keypoints = len(request.keypoint_names)
    if checkpoint:
        cfg, model = _load_fitted(checkpoint, num_keypoints, device)
    else:
        cfg, model = build_unfitted(config, num_keypoints, seed, device)
    deadline = time.monotonic() + 60 * minutes
    instances = LabelledInstances(request, members, model, cfg)
    rows: dict[str, dict[str, float]] = {}
    fitted = False
    num_images = len(set(instances.images))
    if num_images < _MIN_LABELLED:
        reason = (
            f'kept the matcher: {num_images} labelled image(s) are too few to '
            f'fit a head and to check it, label at least {_MIN_LABELLED}'
        )
    else:
        try:
            if not checkpoint:
                model.aligned_head.template.fit(
                    *instances.labels[1:], instances.partners
                )
            fitting = _Fitting(model, instances, folds, seed, deadline)
            rows = fitting.compare(shots)
            fitted = rows['fitted']['error'] < rows['matcher']['error']
            reason = (
                'kept the fitted model: its error on held-out images is less'
                if fitted
                else 'kept the matcher: the fitted model is not better on '
                'held-out images'
            )
            if fitted:
                fitting.finish()
        except KeyboardInterrupt:
            name = 'fitted model' if fitted else 'matcher'
            reason = f'stopped: kept the {name}, the best so far'
    weights = model.state_dict()
    if not fitted:
        cfg, weights = _drop_head(cfg, weights)
    order = [i for fold in reversed(folds) for i in fold.held_out]
    order += [i for i in range(len(members)) if i not in order]
    return Fit(
        cfg,
        weights,
        [members[i] for i in order[:shots]],
        fitted,
        reason,
        rows,
        sum(len(fold.held_out) for fold in folds) if rows else 0,
        time.process_time() - start,
    )


def write_fit(fit: Fit, request: EpisodeRequest, out_dir: Path) -> None:
    """Write ``finetuned.pth``, ``.py``, ``supports.json``, ``results.json``.

    Args:
        fit (Fit): The model.
        request (EpisodeRequest): What it was fitted to.
        out_dir (Path): Folder to write to.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    cfg = copy.deepcopy(fit.cfg)
    if cfg.model.backbone.get('checkpoint'):
        cfg.model.backbone.checkpoint = None  # all weights are in the file
    text = cfg.pretty_text
    (out_dir / 'finetuned.py').write_text(text, encoding='utf-8')
    meta = dict(cfg=text, plain_format=1, epoch=0, iter=0)
    content = dict(meta=meta, state_dict=fit.weights)
    torch.save(content, out_dir / 'finetuned.pth')
    write_request(
        replace(request, supports=fit.supports, queries=[]),
        out_dir / 'supports.json',
    )
    mmengine.dump(
        dict(
            fitted=fit.fitted,
            reason=fit.reason,
            num_labelled=len(request.supports),
            num_held_out=fit.num_held_out,
            cpu_seconds=round(fit.seconds, 1),
            held_out=fit.rows,
        ),
        out_dir / 'results.json',
        indent=2,
    )


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
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
    torch.set_rng_state(state)
    return cfg, model.to(device or get_device()).eval()


class _Fitting:
    """The fits of a head, to all instances but the held-out ones first."""

    def __init__(
        self,
        model: torch.nn.Module,
        instances: LabelledInstances,
        folds: list[_Fold],
        seed: int,
        deadline: float,
    ) -> None:
        self.model = model
        self.instances = instances
        self.folds = folds
        self.deadline = deadline
        self._all = range(len(instances.images))
        self._rounds = FittingRounds(model, instances.labels, seed)

    def compare(self, shots: int) -> dict[str, dict[str, float]]:
        """Scores on held-out instances of each method."""
        parts: dict[str, list[dict[str, float]]] = {}
        for train, held_out in self.folds:
            # The matcher learns nothing: with few images it may use all
            # others as supports, as it will do later.
            pool = train if len(self.folds) == 1 else self._all
            matched = self.instances.match(pool, shots, held_out)
            copied = self.instances.copy(train[:shots], held_out)
            self._rounds.restart()
            for key, row in (
                ('copy', self.instances.score(copied, held_out)),
                ('matcher', self.instances.score(matched[0], held_out)),
                ('fitted', self._fit_rounds(train, held_out, *matched)),
            ):
                parts.setdefault(key, []).append(row)
        weights = [len(fold.held_out) for fold in self.folds]
        return {key: _mean(rows, weights) for key, rows in parts.items()}

    def finish(self) -> None:
        """Fit to all instances: anew, or on top of the one split."""
        head = self.model.aligned_head
        checked = copy.deepcopy(head.state_dict())
        if len(self.folds) > 1:
            self._rounds.restart()
        try:
            self._rounds.fit(self._all, self.deadline)
        except KeyboardInterrupt:
            head.load_state_dict(checked)
            raise

    def _fit_rounds(
        self,
        train: list[int],
        held_out: list[int],
        matched: Tensor,
        scores: Tensor,
    ) -> dict[str, float]:
        """Fit until the error on held-out instances rises; the best scores.

        With several folds there is one round of each.
        """
        head = self.model.aligned_head
        images = self.instances.labels.images[held_out]
        num_rounds = _MAX_ROUNDS if len(self.folds) == 1 else 1
        best: dict[str, float] = {}
        weights: dict[str, Tensor] = {}
        for number in range(num_rounds):
            left = self.deadline - time.monotonic()
            # the other folds and the last fit take as long
            share = left / (num_rounds - number + len(self.folds))
            self._rounds.fit(train, time.monotonic() + share)
            with torch.no_grad():
                points = self.model.refine(images, matched, scores)[0]
            now = self.instances.score(points, held_out)
            if best and now['error'] >= best['error']:
                head.load_state_dict(weights)
                break
            best, weights = now, copy.deepcopy(head.state_dict())
        return best


def _load_fitted(
    checkpoint: PathLike,
    num_keypoints: int,
    device: str | torch.device | None,
) -> tuple[Config, torch.nn.Module]:
    """Config and model of an earlier fit."""
    cfg = load_config(None, checkpoint)
    head = cfg.model.get('aligned_head') or {}
    if head.get('out_channels') != num_keypoints:
        raise UnsuitableCheckpointError(
            f'{checkpoint} has no fitted head for {num_keypoints} '
            'keypoints: give one that this tool wrote for this category, '
            'or none'
        )
    return cfg, load_estimator(cfg, checkpoint, device)


def _drop_head(
    cfg: Config, weights: dict[str, Tensor]
) -> tuple[Config, dict[str, Tensor]]:
    """Config and weights of the matcher alone."""
    cfg = copy.deepcopy(cfg)
    settings = cfg.model
    for key in ('aligned_head', 'aligned_size'):
        settings.pop(key, None)
    settings.type = 'cape_mm.MatchingEstimator'
    count = len(settings.head.level_weights)
    backbone = settings.backbone
    backbone.out_indices = tuple(backbone.out_indices)[-count:]
    prefix = 'aligned_head.'
    return cfg, {k: v for k, v in weights.items() if not k.startswith(prefix)}


def _limit(members: list[RequestMember], seed: int) -> list[RequestMember]:
    """As many instances as memory holds, drawn at random."""
    if len(members) <= _MAX_LABELLED:
        return members
    print(
        f'{_MAX_LABELLED} of {len(members)} labelled instances are used',
        file=sys.stderr,
    )
    order = np.random.default_rng(seed).permutation(len(members))
    return [members[i] for i in sorted(order[:_MAX_LABELLED])]


def _make_folds(members: list[RequestMember], seed: int) -> list[_Fold]:
    """Instances, split by image: halves in turn, or a fifth held out."""
    images = sorted({member.image for member in members})
    order = np.random.default_rng(seed).permutation(len(images))
    rank = {images[i]: number for number, i in enumerate(order)}
    many = len(images) >= _MANY
    count = max(round((0.2 if many else 0.5) * len(images)), 1)
    first = [i for i, m in enumerate(members) if rank[m.image] < count]
    rest = [i for i, m in enumerate(members) if rank[m.image] >= count]
    folds = [_Fold(rest, first), _Fold(first, rest)]
    return folds[:1] if many else folds


def _mean(
    rows: list[dict[str, float]], weights: list[int]
) -> dict[str, float]:
    """Weighted mean of each entry."""
    return {
        key: float(np.average([row[key] for row in rows], weights=weights))
        for key in rows[0]
    }
