# Copyright (c) cape_mm contributors. All rights reserved.
"""Fitting of the default model to some labelled images of one category."""

from __future__ import annotations

import copy
import math
import sys
import time
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence

import mmengine
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor

from cape_mm.datasets.datasets.episode_dataset import pack_episode
from cape_mm.engine.few_shot import Labels, fit_head, make_views
from cape_mm.errors import UnsuitableCheckpointError, UsageError
from cape_mm.evaluation.functional.keypoints import (
    copy_keypoints,
    longer_side,
)
from cape_mm.structures import EpisodeBatch

from .base_inferencer import HOME, load_config, load_estimator
from .checkpoint_config import find_test_dataset
from .inputs.images import ImageLoader, check_keypoints
from .inputs.requests import EpisodeRequest, RequestMember

_CONFIG = 'configs/cape/finetune_efficientnet-lite0.py'
#: Fewest labelled images of a fit.
_MIN_LABELLED = 3
_MAX_LABELLED = 200  # that memory holds
#: From so many labelled images on, one split tells enough.
_MANY = 10
_MAX_ROUNDS = 3
_THRESHOLDS = {'PCK': 0.2, 'PCK@0.1': 0.1, 'PCK@0.05': 0.05}
#: Error, as a share of the object's size, from which on it counts the same.
_LARGE_ERROR = 0.2


@dataclass
class Fit:
    """A model for one category.

    Attributes:
        model (BaseModel): Model in evaluation mode.
        cfg (Config): Its config.
        supports (list[RequestMember]): Supports for its matcher.
        fitted (bool): Whether it is more than the matcher.
        reason (str): Why that is so, a sentence.
        rows (dict): PCK in percent, and ``error``, the mean error as a share
            of the object's size, on held-out images, of ``copy``,
            ``matcher`` and ``fitted``.
        num_held_out (int): Number of held-out images.
        seconds (float): CPU time of this process, all threads.
    """

    model: torch.nn.Module
    cfg: Config
    supports: list[RequestMember]
    fitted: bool
    reason: str
    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    num_held_out: int = 0
    seconds: float = 0.0


def fit_category(request: EpisodeRequest, args: Namespace) -> Fit:
    """Fit a model to the supports of a request, if that helps.

    Matcher and fitted model are compared on held-out images: with few images
    each half is held out in turn, with more of them a fifth, on which the
    fitting is stopped, too. Then the head is fitted to all.

    Args:
        request (EpisodeRequest): Labelled instances as supports.
        args (Namespace): ``checkpoint`` and ``config`` to begin with or None,
            ``shots`` of the matcher, ``minutes`` at most, ``seed``,
            ``device``.

    Returns:
        Fit: The model, fitted or not.

    Raises:
        DataError: If an image or its labels cannot be used.
        UnsuitableCheckpointError: If the checkpoint has another head.
        UsageError: If the config has no head to be fitted.
    """
    if not 0 < args.minutes < math.inf:
        raise UsageError(f'--minutes is {args.minutes}, must be > 0')
    start = time.process_time()
    members = _limit(request.supports, args.seed)
    folds = _make_folds(members, args.seed)
    fitting = _Fitting(request, members, args)
    num_images = len({member.image for member in members})
    decision = False
    if num_images < _MIN_LABELLED:
        reason = (
            f'kept the matcher: {num_images} labelled image(s) are too few to '
            f'fit a head and to check it, label at least {_MIN_LABELLED}'
        )
    else:
        try:
            fitting.compare(folds)
            error = {key: row['error'] for key, row in fitting.rows.items()}
            decision = error['fitted'] < error['matcher']
            reason = (
                'kept the fitted model: its error on held-out images is less'
                if decision
                else 'kept the matcher: the fitted model is not better on '
                'held-out images'
            )
            if decision:
                fitting.finish(folds)
        except KeyboardInterrupt:
            fitting.restore()
            name = 'fitted model' if decision else 'matcher'
            reason = f'stopped: kept the {name}, the best so far'
    model, cfg = fitting.model, fitting.cfg
    if not decision:
        model, cfg = _without_head(model, cfg, args.device)
    order = [i for _, held_out in reversed(folds) for i in held_out]
    order += [i for i in range(len(members)) if i not in order]
    return Fit(
        model,
        cfg,
        [members[i] for i in order[: args.shots]],
        decision,
        reason,
        fitting.rows,
        sum(len(held_out) for _, held_out in folds) if fitting.rows else 0,
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
    content = dict(meta=meta, state_dict=fit.model.state_dict())
    torch.save(content, out_dir / 'finetuned.pth')
    mmengine.dump(
        dict(
            category=request.category_name,
            keypoint_names=request.keypoint_names,
            skeleton=request.skeleton,
            flip_pairs=request.flip_pairs,
            supports=[
                dict(
                    image=str(Path(member.image).resolve()),
                    keypoints=np.asarray(member.keypoints).tolist(),
                    box=None if member.box is None else list(member.box),
                )
                for member in fit.supports
            ],
        ),
        out_dir / 'supports.json',
        indent=2,
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


class _Fitting:
    """The model while it is fitted, and its labelled instances."""

    def __init__(
        self,
        request: EpisodeRequest,
        members: list[RequestMember],
        args: Namespace,
    ) -> None:
        self.args = args
        num_keypoints = len(request.keypoint_names)
        self.cfg, self.model = _build(args, num_keypoints)
        self.rows: dict[str, dict[str, float]] = {}
        self._best_state: dict[str, Tensor] = {}
        self._encoded: dict[int, tuple[Tensor, ...]] = {}
        self._deadline = time.monotonic() + 60 * args.minutes
        loader = ImageLoader(find_test_dataset(self.cfg)['pipeline'])
        self._points = [
            check_keypoints(member.keypoints, member.image)
            for member in members
        ]
        self._members = members
        self._packed = [
            loader.load_support(member.image, points, member.box)
            for member, points in zip(members, self._points)
        ]
        self._metainfo = dict(
            episode=(0, 0, 0),
            category_id=-1,
            category_name=request.category_name,
            keypoint_names=request.keypoint_names,
            skeleton=request.skeleton,
            flip_pairs=request.flip_pairs,
            num_keypoints=num_keypoints,
            replaced=[],
        )
        data, batch = self._episode(range(len(members)), [0])
        self.labels = Labels(
            data['inputs']['support'][0],
            batch.support_points[0],
            batch.support_valid[0],
        )
        self._partners = batch.partners[0]

    def compare(self, folds: list[tuple[list[int], list[int]]]) -> None:
        """Fill ``rows`` with the scores on held-out instances."""
        self._prepare()
        parts: dict[str, list[dict[str, float]]] = {}
        for train, held_out in folds:
            shots = train[: self.args.shots]
            matched, scores = self._match_others(train, held_out, folds)
            self._reset()
            best = self._fit_rounds(
                train, held_out, matched, scores, 1 + len(folds)
            )
            for key, row in (
                ('copy', self._copy(shots, held_out)),
                ('matcher', self._score(matched, held_out)),
                ('fitted', best),
            ):
                parts.setdefault(key, []).append(row)
        weights = [len(held_out) for _, held_out in folds]
        self.rows = {key: _mean(rows, weights) for key, rows in parts.items()}

    def finish(self, folds: list[tuple[list[int], list[int]]]) -> None:
        """Fit to all instances: anew, or on top of the one split."""
        if len(folds) > 1:
            self._reset()
        self._fit_round(range(len(self._members)), self._deadline)

    def restore(self) -> None:
        """Go back to the best weights."""
        if self._best_state:
            self.model.aligned_head.load_state_dict(self._best_state)

    def _match_others(
        self,
        train: list[int],
        held_out: list[int],
        folds: list[tuple[list[int], list[int]]],
    ) -> tuple[Tensor, Tensor]:
        """Matched keypoints (Q, K, 2) of held-out instances, and scores.

        The matcher learns nothing: with few images it may use all others as
        supports, as it will do later.
        """
        if len(folds) == 1:
            return self._match(train[: self.args.shots], held_out)
        results = []
        for query in held_out:
            image = self._members[query].image
            others = [
                i for i, m in enumerate(self._members) if m.image != image
            ]
            results.append(self._match(others[: self.args.shots], [query]))
        points, scores = map(torch.cat, zip(*results))
        return points, scores

    @torch.no_grad()
    def _match(
        self, supports: list[int], queries: list[int]
    ) -> tuple[Tensor, Tensor]:
        """Keypoints (Q, K, 2), normalised, of the matcher, and scores."""
        data, batch = self._episode(supports, queries)
        for index in supports:
            if index not in self._encoded:
                image = self.labels.images[index][None, None]
                self._encoded[index] = self.model.encode_supports(image)
        levels = zip(*(self._encoded[index] for index in supports))
        points, scores = self.model.head.predict(
            tuple(map(torch.cat, levels)),
            self.model.encode_queries(data['inputs']['query']),
            batch,
        )
        return points[0], scores[0]

    def _copy(
        self, supports: list[int], queries: list[int]
    ) -> dict[str, float]:
        """Scores of copying a support from box to box, their mean."""
        results = []
        for support in map(self._info, supports):
            copied = []
            for query in queries:
                points = copy_keypoints(*support, self._info(query)[1])
                meta = self._packed[query]['data_samples'].metainfo
                scale = np.asarray(meta['input_scale'])
                corner = np.asarray(meta['input_center']) - scale / 2
                copied.append((points - corner) / scale)
            points = torch.tensor(np.array(copied)).to(self.labels.points)
            results.append(self._score(points, queries))
        return _mean(results)

    def _score(self, points: Tensor, queries: list[int]) -> dict[str, float]:
        """PCK in percent and mean error of keypoints (Q, K, 2)."""
        labels = self.labels.select(queries)
        sizes = []
        for query in queries:
            sample = self._packed[query]['data_samples']
            side = longer_side(sample.gt_instances.bboxes[0])
            sizes.append(float(np.max(sample.metainfo['input_scale'])) / side)
        errors = (points - labels.points).norm(dim=-1)
        errors = errors * errors.new_tensor(sizes)[:, None]
        result = {
            name: 100
            * float(
                np.mean(
                    [
                        (row[valid] < threshold).float().mean().item()
                        for row, valid in zip(errors, labels.valid)
                        if valid.any()
                    ]
                )
            )
            for name, threshold in _THRESHOLDS.items()
        }
        clipped = errors[labels.valid].clamp(max=_LARGE_ERROR)
        return dict(result, error=clipped.mean().item())

    def _prepare(self) -> None:
        """Fit the template, extract the features of views."""
        head, count = self.model.aligned_head, len(self._members)
        if not self.args.checkpoint:
            head.template.fit(
                self.labels.points, self.labels.valid, self._partners
            )
        num_views = min(max(320 // count, 4), 40)
        self._views = make_views(
            self.model, self.labels, num_views, self.args.seed
        )
        self._round_length = min(75 + 5 * max(count - 5, 0), 450)
        self._first_state = copy.deepcopy(head.state_dict())

    def _reset(self) -> None:
        """Begin the fit anew."""
        self.model.aligned_head.load_state_dict(self._first_state)
        self._rounds = 0

    def _fit_rounds(
        self,
        train: list[int],
        held_out: list[int],
        matched: Tensor,
        scores: Tensor,
        num_parts: int,
    ) -> dict[str, float]:
        """Fit until the error on held-out instances rises; the best scores.

        With several folds there is one round of each.
        """
        images = self.labels.images[held_out]
        num_rounds = _MAX_ROUNDS if num_parts == 2 else 1
        best: dict[str, float] = {}
        for number in range(num_rounds):
            left = self._deadline - time.monotonic()
            share = left / (num_rounds - number + num_parts - 1)
            self._fit_round(train, time.monotonic() + share)
            with torch.no_grad():
                points = self.model.refine(images, matched, scores)[0]
            now = self._score(points, held_out)
            if best and now['error'] >= best['error']:
                break
            best = now
            self._best_state = copy.deepcopy(
                self.model.aligned_head.state_dict()
            )
        self.restore()
        return best

    def _fit_round(self, chosen: Sequence[int], deadline: float) -> None:
        """Fit to the views of some instances."""
        index = torch.isin(
            self._views.owners,
            torch.tensor(list(chosen)).to(self._views.owners),
        ).nonzero()[:, 0]
        views = self._views.select(index)
        fit_head(
            self.model,
            views,
            self._round_length,
            6e-3 if self._rounds == 0 else 4e-3,
            deadline,
            self.args.seed + self._rounds,
        )
        self._rounds += 1

    def _info(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints (K, 2) and box of an instance, original pixels."""
        boxes = self._packed[index]['data_samples'].gt_instances.bboxes
        return self._points[index][:, :2], np.asarray(boxes)[0]

    def _episode(self, supports, queries) -> tuple[dict, EpisodeBatch]:
        """Preprocessed inputs of an episode, and its labels."""
        item = pack_episode(
            [self._packed[i] for i in supports],
            [self._packed[i] for i in queries],
            self._metainfo,
        )
        data = self.model.data_preprocessor(pseudo_collate([item]))
        device = data['inputs']['query'].device
        batch = EpisodeBatch.from_data_samples(data['data_samples'], device)
        return data, batch


def _build(
    args: Namespace, num_keypoints: int
) -> tuple[Config, torch.nn.Module]:
    """The model to be fitted: that of a checkpoint, or a new one."""
    if args.checkpoint:
        cfg = load_config(None, args.checkpoint)
        head = cfg.model.get('aligned_head') or {}
        if head.get('out_channels') != num_keypoints:
            raise UnsuitableCheckpointError(
                f'{args.checkpoint} has no fitted head for {num_keypoints} '
                'keypoints: give one that this tool wrote for this category, '
                'or none'
            )
        return cfg, load_estimator(cfg, args.checkpoint, args.device)
    cfg = load_config(args.config or HOME / _CONFIG, None)
    if 'aligned_head' not in cfg.model:
        raise UsageError(
            f'{cfg.filename} has no `model.aligned_head`: write it on the '
            f'base of {_CONFIG}'
        )
    cfg.model.aligned_head.out_channels = num_keypoints
    state = torch.get_rng_state()
    torch.manual_seed(args.seed)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
    torch.set_rng_state(state)
    return cfg, model.to(args.device or get_device()).eval()


def _without_head(
    fitted: torch.nn.Module, cfg: Config, device: str | None
) -> tuple[torch.nn.Module, Config]:
    """The matcher alone, and its config."""
    cfg = copy.deepcopy(cfg)
    settings = cfg.model
    for key in ('aligned_head', 'aligned_size'):
        settings.pop(key, None)
    settings.type = 'cape_mm.MatchingEstimator'
    count = len(settings.head.level_weights)
    backbone = settings.backbone
    backbone.out_indices = tuple(backbone.out_indices)[-count:]
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(settings)
    model.load_state_dict(fitted.state_dict(), strict=False)
    return model.to(device or get_device()).eval(), cfg


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


def _make_folds(
    members: list[RequestMember], seed: int
) -> list[tuple[list[int], list[int]]]:
    """Pairs of instances to learn from and held-out ones, split by image."""
    images = sorted({member.image for member in members})
    order = np.random.default_rng(seed).permutation(len(images))
    rank = {images[i]: number for number, i in enumerate(order)}
    many = len(images) >= _MANY
    count = max(round((0.2 if many else 0.5) * len(images)), 1)
    first = [i for i, m in enumerate(members) if rank[m.image] < count]
    rest = [i for i, m in enumerate(members) if rank[m.image] >= count]
    return [(rest, first)] if many else [(rest, first), (first, rest)]


def _mean(
    rows: list[dict[str, float]], weights: list[int] | None = None
) -> dict[str, float]:
    """Mean of each entry."""
    return {
        key: float(np.average([row[key] for row in rows], weights=weights))
        for key in rows[0]
    }
