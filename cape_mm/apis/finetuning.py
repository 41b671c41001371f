# Copyright (c) cape_mm contributors. All rights reserved.
"""Fitting of the default model to some labelled images of one category."""

from __future__ import annotations

import copy
import math
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Sequence

import mmengine
import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from cape_mm.engine.checkpoints import write_checkpoint
from cape_mm.errors import UsageError
from cape_mm.evaluation.metrics.result_tables import without_nan

from .base_inferencer import PathLike
from .exports.annotation_files import write_request
from .fitting_candidates import (
    NAMES,
    Candidate,
    build_unfitted,
    drop_head,
    load_fitted,
    make_candidates,
)
from .inputs.arguments import require, require_class
from .inputs.episode_request import EpisodeRequest, RequestMember
from .labelled_instances import LabelledInstances

#: Fewest labelled images of a fit.
_MIN_LABELLED = 3
_MAX_LABELLED = 200  # that memory holds
#: From so many labelled images on, one split tells enough.
_MANY = 10
#: Rounds of a check at most, until the error on held-out images rises.
_MAX_ROUNDS = 2


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
        kept (str): ``'matcher'``, ``'aligned'`` (the matcher refined by a
            fitted head), ``'heatmap'`` (an ordinary heatmap head) or
            ``'refined heatmap'`` (that one, refined by the fitted head).
        reason (str): Why that is so, a sentence.
        rows (dict): PCK in percent, and ``error``, the mean error as a share
            of the object's size, on held-out images, of ``copy`` and each of
            these.
        num_held_out (int): Number of held-out images.
        seconds (float): CPU time of this process, all threads.
    """

    cfg: Config
    weights: dict[str, Tensor]
    supports: list[RequestMember]
    kept: str
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
    method: str | None = None,
) -> Fit:
    """Fit a model to the supports of a request, if that helps.

    The matcher, the matcher refined by a fitted head and, from ten images on,
    an ordinary heatmap head, refined or not, are compared on held-out images:
    with few images each half is held out in turn, with more of them 3 tenths,
    on which the fitting is stopped, too. Then the best one is fitted to all:
    the refined heatmap head, if no other is clearly better and it is better
    than the matcher. Ctrl-C keeps the best model so far.

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
        method (str, optional): ``'aligned'``, ``'heatmap'`` or ``'refined
            heatmap'``, to fit that one without a comparison. Defaults to the
            best one.

    Returns:
        Fit: The model, fitted or not.

    Raises:
        DataError: If an image or its labels cannot be used.
        UnsuitableCheckpointError: If the checkpoint has another head.
        UsageError: If the config has no head to be fitted, or there is no
            such method.
    """
    require_class(EpisodeRequest, request=request)
    require('number', minutes=minutes)
    require('count', shots=shots)
    require('seed', seed=seed)
    if not 0 < minutes < math.inf:
        raise UsageError(f'--minutes is {minutes}, must be > 0')
    if method and method not in NAMES:
        raise UsageError(f'method is {method!r}, must be of {list(NAMES)}')
    start = time.process_time()
    members = _limit(request.supports, seed)
    folds = _make_folds(members, seed)
    num_keypoints = len(request.keypoint_names)
    if checkpoint:
        cfg, model = load_fitted(checkpoint, num_keypoints, device)
    else:
        cfg, model = build_unfitted(config, num_keypoints, seed, device)
    deadline = time.monotonic() + 60 * minutes
    instances = LabelledInstances(request, members, model, cfg)
    rows: dict[str, dict[str, float]] = {}
    kept: Candidate | None = None
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
            names = list(NAMES) if num_images >= _MANY else ['aligned']
            candidates = make_candidates(
                [method] if method else names, model, cfg, instances, seed
            )
            fitting = _Fitting(candidates, instances, folds, deadline)
            if method:
                (kept,) = candidates
                reason = f'fitted {NAMES[method]}, as given'
                fitting.finish(kept, _MAX_ROUNDS)
            else:
                rows = fitting.compare(shots)
                kept, reason = _choose(candidates, rows, fitting.errors)
                if kept:
                    fitting.finish(kept)
        except KeyboardInterrupt:
            name = NAMES[kept.name] if kept else 'the matcher'
            reason = f'stopped: kept {name}, the best so far'
    if kept:
        cfg, weights = kept.cfg, kept.estimator.state_dict()
    else:
        cfg, weights = drop_head(cfg, model.state_dict())
    order = [i for fold in reversed(folds) for i in fold.held_out]
    order += [i for i in range(len(members)) if i not in order]
    return Fit(
        cfg,
        weights,
        [members[i] for i in order[:shots]],
        kept.name if kept else 'matcher',
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
    write_checkpoint(content, out_dir / 'finetuned.pth')
    write_request(
        replace(request, supports=fit.supports, queries=[]),
        out_dir / 'supports.json',
    )
    mmengine.dump(
        dict(
            kept=fit.kept,
            reason=fit.reason,
            num_labelled=len(request.supports),
            num_held_out=fit.num_held_out,
            cpu_seconds=round(fit.seconds, 1),
            held_out=without_nan(fit.rows),
        ),
        out_dir / 'results.json',
        indent=2,
    )


class _Fitting:
    """The fits of the candidates, without the held-out instances first."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        instances: LabelledInstances,
        folds: list[_Fold],
        deadline: float,
    ) -> None:
        self.candidates = candidates
        self.instances = instances
        self.folds = folds
        self.deadline = deadline
        #: Mean errors of held-out instances, by name of the candidate.
        self.errors: dict[str, list[float]] = {}
        self._all = range(len(instances.images))
        self._num_rounds = _MAX_ROUNDS if len(folds) == 1 else 1
        # iterations to come at most, the last fits to all among them
        fits = {id(fit): fit for one in candidates for fit in one.fits}
        each = sum(fit.num_iterations for fit in fits.values())
        self._planned = (self._num_rounds * len(folds) + 1) * each

    def compare(self, shots: int) -> dict[str, dict[str, float]]:
        """Scores on held-out instances of each method."""
        parts: dict[str, list[dict[str, float]]] = {}
        for train, held_out in self.folds:
            # The matcher learns nothing: with few images it may use all
            # others as supports, as it will do later.
            pool = train if len(self.folds) == 1 else self._all
            matched = self.instances.match(pool, shots, held_out)
            copied = self.instances.copy(train[:shots], held_out)
            rows = dict(
                copy=self.instances.score(copied, held_out),
                matcher=self.instances.score(matched[0], held_out),
            )
            for one in self.candidates:
                if len(one.fits) == 1:
                    points = self._check(one, train, held_out, *matched)
                else:  # its heads are fitted
                    points = one.predict(held_out, *matched)
                rows[one.name] = self.instances.score(points, held_out)
                errors = self.instances.mean_errors(points, held_out)
                self.errors.setdefault(one.name, []).extend(errors)
            for key, row in rows.items():
                parts.setdefault(key, []).append(row)
        weights = [len(fold.held_out) for fold in self.folds]
        return {key: _mean(rows, weights) for key, rows in parts.items()}

    def finish(self, candidate: Candidate, num_rounds: int = 1) -> None:
        """Fit to all instances: anew, or on top of the one split."""
        checked = [
            copy.deepcopy(one.head.state_dict()) for one in candidate.fits
        ]
        rounds = [one for one in candidate.fits for _ in range(num_rounds)]
        if len(self.folds) > 1:
            for one in candidate.fits:
                one.restart()
        try:
            for number, one in enumerate(rounds):
                now = time.monotonic()
                share = (self.deadline - now) / (len(rounds) - number)
                one.fit(self._all, now + share)
        except KeyboardInterrupt:
            for one, weights in zip(candidate.fits, checked):
                one.head.load_state_dict(weights)
            raise

    def _check(
        self,
        candidate: Candidate,
        train: list[int],
        held_out: list[int],
        matched: Tensor,
        scores: Tensor,
    ) -> Tensor:
        """Fit until the error on held-out instances rises; the best keypoints.

        With several folds there is one round of each.
        """
        (rounds,) = candidate.fits
        rounds.restart()
        best, least = matched, math.inf
        weights: dict[str, Tensor] = {}
        for _ in range(self._num_rounds):
            now = time.monotonic()
            share = rounds.num_iterations / self._planned
            rounds.fit(train, now + share * (self.deadline - now))
            self._planned -= rounds.num_iterations
            points = candidate.predict(held_out, matched, scores)
            error = self.instances.score(points, held_out)['error']
            if error >= least:
                rounds.head.load_state_dict(weights)
                break
            best, least = points, error
            weights = copy.deepcopy(rounds.head.state_dict())
        return best


def _choose(
    candidates: Sequence[Candidate],
    rows: dict[str, dict[str, float]],
    errors: dict[str, list[float]],
) -> tuple[Candidate | None, str]:
    """The best candidate, None for the matcher, and why.

    A few held-out images tell little: of those that are better than the
    matcher, the last one is kept unless another one is better by more than
    the standard error of the difference.
    """
    limit = rows['matcher']['error']
    better = [one for one in candidates if rows[one.name]['error'] < limit]
    if not better:
        return (
            None,
            'kept the matcher: no fitted model is better on held-out images',
        )
    best = better.pop()
    for one in better:
        gains = np.subtract(errors[best.name], errors[one.name])
        if gains.mean() > gains.std(ddof=1) / math.sqrt(len(gains)):
            best = one
    return best, (
        f'kept {NAMES[best.name]}: its error on held-out images is less than '
        "the matcher's, and none is clearly better"
    )


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
    """Instances, split by image: halves in turn, or 3 tenths held out."""
    images = sorted({member.image for member in members})
    order = np.random.default_rng(seed).permutation(len(images))
    rank = {images[i]: number for number, i in enumerate(order)}
    many = len(images) >= _MANY
    count = max(round((0.3 if many else 0.5) * len(images)), 1)
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
