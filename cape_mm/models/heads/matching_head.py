# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmpose.models.heads import BaseHead
from mmpose.utils.typing import ConfigType, OptMultiConfig
from torch import Tensor

from cape_mm.errors import DataError
from cape_mm.models.layers import read_peaks, sample_features
from cape_mm.models.layers.cape import (
    AffinePrior,
    SpringModel,
    SupportViews,
    add_prior,
    connect_keypoints,
)
from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch

Features = Tuple[Tensor, ...]

# elements of one map of logits at a time: 64 MiB
_CHUNK = 2**24


class _Supports(NamedTuple):
    """Views of the supports of one batch, ready to be compared."""

    tokens: tuple[Tensor, ...]  # a scale: (B, S, V, K, C), unit length
    means: tuple[Tensor, ...]  # a scale and level: (B, C), of all supports
    places: Tensor  # (B, S, V, K, 2), normalised, first places on the query
    valid: Tensor  # (B, S, K), bool


class _Matches(NamedTuple):
    """Supports on M queries of one episode, each in its best view."""

    cosines: tuple[Tensor, ...]  # a scale: (M, S, K, H, W)
    centres: Tensor  # (M, S, K, 2), normalised, by the affine map
    mapped: Tensor  # (M, S, K, 2), first places under its linear part
    valid: Tensor  # (S, K), bool
    scores: Tensor  # (M, S), of the view, without its cost


@MODELS.register_module()
class MatchingHead(BaseHead):
    """Find the support's keypoints on the query by frozen features alone.

    Nothing is trained. A keypoint's token, its features on the support, is
    compared with all cells of the query (cosine / ``temperature``). Every
    view of the support (:class:`SupportViews`) is a hypothesis, fitted by
    :class:`AffinePrior`; the best one wins. Limbs that move one by one are
    left to :class:`SpringModel`, along the skeleton or a minimum spanning
    tree. Around its result the finest scale is read out below the size of a
    cell. The maps of several shots are averaged, weighted by how well each
    fits.

    Features of each level are centred (their mean over the episode's
    supports is subtracted) and normalised to unit length, resized to one map
    a scale, weighted, concatenated and normalised again.

    Args:
        level_weights (Sequence[float]): Weight of each of the backbone's
            levels.
        map_sizes (Sequence[int]): Side of the map of each scale of the input,
            the coarsest first, in cells. Defaults to (32, 48).
        views (ConfigType): Arguments of :class:`SupportViews`.
        prior (ConfigType): Arguments of :class:`AffinePrior`.
        springs (ConfigType, optional): Arguments of :class:`SpringModel`;
            None for rigid objects, or speed. Defaults to None.
        temperature (float): Cosine that is one logit in the comparison of
            views. Defaults to 0.1.
        fine_temperature (float): The same for springs and read-out. Defaults
            to 0.06.
        spring_sigma (float): Sigma of the affine map's prior under springs,
            normalised. Defaults to 0.1.
        fine_sigma (float): Sigma of the read-out's prior, normalised.
            Defaults to 0.08.
        shot_temperature (float): Difference of two shots' scores at which
            their weights differ by a factor of e. Defaults to 0.6.
        shot_distance (float): Distance from the median of the shots at which
            the weight of a shot falls by e, normalised. Defaults to 0.1.
        calibration (Sequence[float]): Weights of the logistic regression that
            turns evidence into the probability that a keypoint is less than a
            tenth of the object's size off: bias, cosine of the tokens, mass
            around the peak, distance from the affine map in tenths of the
            input, score of the view.
        init_cfg (OptMultiConfig): See :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        level_weights: Sequence[float],
        map_sizes: Sequence[int] = (32, 48),
        views: ConfigType | None = None,
        prior: ConfigType | None = None,
        springs: ConfigType | None = None,
        temperature: float = 0.1,
        fine_temperature: float = 0.06,
        spring_sigma: float = 0.1,
        fine_sigma: float = 0.08,
        shot_temperature: float = 0.6,
        shot_distance: float = 0.1,
        calibration: Sequence[float] = (0.0, 1.0, 0.0, 0.0, 0.0),
        init_cfg: OptMultiConfig = None,
    ) -> None:
        super().__init__(init_cfg)
        self.level_weights = tuple(level_weights)
        self.map_sizes = tuple(map_sizes)
        self.views = SupportViews(**(views or {}))
        self.prior = AffinePrior(**(prior or {}))
        self.springs = None if springs is None else SpringModel(**springs)
        self.temperature = temperature
        self.fine_temperature = fine_temperature
        self.spring_sigma = spring_sigma
        self.fine_sigma = fine_sigma
        self.shot_temperature = shot_temperature
        self.shot_distance = shot_distance
        self.register_buffer(
            'calibration', torch.tensor(calibration), persistent=False
        )

    def forward(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> tuple[Tensor, Tensor]:
        """Match the supports with the queries, without the latter's labels.

        Args:
            support_features (tuple[Tensor]): Levels of (B * S * V, C, H, W)
                of the coarsest scale of the input, then those of the next.
            query_features (tuple[Tensor]): Likewise, of (B * Q, C, H, W).
            batch (EpisodeBatch): Episodes, of which only the supports' labels
                are used.

        Returns:
            tuple[Tensor, Tensor]: Keypoints (B, Q, K, 2), normalised, and
            evidence (B, Q, K, 4): see ``calibration``.

        Raises:
            DataError: If there are other levels than ``level_weights`` and
                ``map_sizes`` are for.
        """
        expected = len(self.level_weights) * len(self.map_sizes)
        if len(query_features) != expected:
            raise DataError(
                f'MatchingHead has {len(self.level_weights)} level_weights '
                f'and {len(self.map_sizes)} map_sizes, but gets '
                f'{len(query_features)} maps: give a weight for each of the '
                "backbone's out_indices, a size for each of the estimator's "
                'scales'
            )
        # products of small numbers need float32
        with torch.autocast(query_features[0].device.type, enabled=False):
            return self._match_episodes(
                tuple(level.float() for level in support_features),
                tuple(level.float() for level in query_features),
                batch,
            )

    def _match_episodes(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> tuple[Tensor, Tensor]:
        """Keypoints (B, Q, K, 2) and evidence (B, Q, K, 4)."""
        supports = self._encode(support_features, batch)
        num_episodes = len(batch.adjacency)
        results = []
        for index in range(num_episodes):
            levels = [
                level.unflatten(0, (num_episodes, -1))[index]
                for level in query_features
            ]
            edges = connect_keypoints(
                batch.support_points[index].cpu().numpy(),
                batch.support_valid[index].cpu().numpy(),
                batch.adjacency[index].cpu().numpy(),
            )
            edges = torch.as_tensor(edges, device=levels[0].device)
            size = max(1, _CHUNK // self._elements(supports))
            parts = [
                self._match_and_read(chunk, supports, index, edges)
                for chunk in zip(*(level.split(size) for level in levels))
            ]
            results.append([torch.cat(part) for part in zip(*parts)])
        points, evidence = map(torch.stack, zip(*results))
        return points, evidence

    def predict(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> tuple[Tensor, Tensor]:
        """Predict the keypoints of the queries.

        Args:
            support_features (tuple[Tensor]): See :meth:`forward`.
            query_features (tuple[Tensor]): See :meth:`forward`.
            batch (EpisodeBatch): See :meth:`forward`.

        Returns:
            tuple[Tensor, Tensor]: Keypoints (B, Q, K, 2), normalised, and
            scores (B, Q, K) in [0, 1], 0 without a visible support.
        """
        points, evidence = self(support_features, query_features, batch)
        bias, weights = self.calibration[0], self.calibration[1:]
        scores = ((evidence * weights).sum(-1) + bias).sigmoid()
        return points, scores * batch.support_valid.any(1).unsqueeze(1)

    def loss(self, *args, **kwargs) -> dict[str, Tensor]:
        """Refused: there is nothing to train.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            'MatchingHead has no weights to train: test it with '
            'tools/test.py, or fit a head to own labels with tools/finetune.py'
        )

    def _elements(self, supports: _Supports) -> int:
        """Elements of the logits of all views on one query."""
        return supports.places[0, ..., 0].numel() * self.map_sizes[0] ** 2

    def _encode(self, features: Features, batch: EpisodeBatch) -> _Supports:
        """Sample the tokens of all views."""
        shape = (*batch.support_valid.shape[:2], len(self.views))
        places = self.views.transform_labels(
            batch.support_points, batch.support_valid, batch.partners
        )
        means = tuple(
            level.unflatten(0, (shape[0], -1)).mean((1, 3, 4))
            for level in features
        )
        tokens = []
        for scale in range(len(self.map_sizes)):
            sampled = [
                # (B * S * V, K, C) of one level, centred
                sample_features(level, places.flatten(0, 2))
                - mean.repeat_interleave(shape[1] * shape[2], 0).unsqueeze(1)
                for level, mean in zip(
                    self._of_scale(features, scale),
                    self._of_scale(means, scale),
                )
            ]
            tokens.append(self._join(sampled, dim=2).unflatten(0, shape))
        return _Supports(tuple(tokens), means, places, batch.support_valid)

    def _of_scale(self, levels: Sequence[Tensor], scale: int) -> list[Tensor]:
        """Levels of one scale."""
        count = len(self.level_weights)
        return list(levels[scale * count : (scale + 1) * count])

    def _join(self, levels: Sequence[Tensor], dim: int) -> Tensor:
        """Levels of unit length, weighted and concatenated to unit length."""
        total = sum(weight**2 for weight in self.level_weights) ** 0.5
        units = []
        for level, weight in zip(levels, self.level_weights):
            square = level.square().sum(dim, keepdim=True).clamp_min(1e-12)
            units.append(level * (square.rsqrt() * (weight / total)))
        return torch.cat(units, dim)

    def _match_and_read(
        self,
        levels: Sequence[Tensor],
        supports: _Supports,
        index: int,
        edges: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Keypoints (M, K, 2) and evidence (M, K, 4) of M queries."""
        matches = self._match(levels, supports, index)
        # a shot counts less for keypoints that it places apart from the others
        unlabelled = ~matches.valid  # (S, K)
        median = matches.centres.masked_fill(
            unlabelled.unsqueeze(-1), torch.nan
        ).nanquantile(0.5, dim=1, keepdim=True)
        apart = (matches.centres - median).norm(dim=-1)
        weights = (
            matches.scores.unsqueeze(-1) / self.shot_temperature
            - apart / self.shot_distance
        )
        weights = weights.masked_fill(unlabelled, -torch.inf).softmax(dim=1)
        weights = weights.nan_to_num(0.0)  # no shot labels the keypoint

        def fuse(values: Tensor) -> Tensor:
            """Mean over shots of (M, S, K, ...)."""
            return torch.einsum('msk,msk...->mk...', weights, values)

        coarse = fuse(matches.cosines[0])
        mapped = fuse(matches.centres)
        centres = mapped
        if self.springs is not None:
            first, second = edges.unbind(1)
            shape = fuse(matches.mapped)
            logits = add_prior(
                coarse / self.fine_temperature, mapped, self.spring_sigma
            )
            belief = self.springs(
                logits, shape[:, second] - shape[:, first], edges
            )
            centres = read_peaks(belief, window=1)[0]
        fine = coarse
        if len(self.map_sizes) > 1:
            fine = fuse(matches.cosines[-1])
            coarse = F.interpolate(
                coarse, fine.shape[-2:], mode='bilinear', align_corners=False
            )
            fine = (fine + coarse) / 2
        points, mass = read_peaks(
            add_prior(fine / self.fine_temperature, centres, self.fine_sigma),
            window=2,
        )
        cosine = sample_features(
            fine.flatten(0, 1).unsqueeze(1), points.flatten(0, 1).unsqueeze(1)
        ).view_as(mass)
        score = (weights * matches.scores.unsqueeze(-1)).sum(1)
        distance = 10 * (points - mapped).norm(dim=-1)
        return points, torch.stack([cosine, mass, distance, score], dim=-1)

    def _match(
        self, levels: Sequence[Tensor], supports: _Supports, index: int
    ) -> _Matches:
        """Fit all views of an episode's supports, keep the best ones."""
        maps = []  # (M, C, H, W) of each scale
        for scale, size in enumerate(self.map_sizes):
            resized = [
                F.interpolate(
                    level - mean[index][:, None, None],
                    (size, size),
                    mode='bilinear',
                    align_corners=False,
                )
                for level, mean in zip(
                    self._of_scale(levels, scale),
                    self._of_scale(supports.means, scale),
                )
            ]
            maps.append(self._join(resized, dim=1))
        places, valid = supports.places[index], supports.valid[index]
        cosines = torch.einsum(
            'svkc,mchw->msvkhw', supports.tokens[0][index], maps[0]
        )
        shape = cosines.shape[:3]
        centres, linear, scores = (
            value.unflatten(0, shape)
            for value in self.prior(
                cosines.flatten(0, 2) / self.temperature,
                places.expand(shape[0], -1, -1, -1, -1).flatten(0, 2),
                valid[:, None].expand(*shape, -1).flatten(0, 2),
            )
        )
        best = (scores - self.views.costs).argmax(-1)  # (M, S)
        shots = torch.arange(shape[1], device=best.device)

        def pick(values: Tensor) -> Tensor:
            """The best view (M, S, ...) of (M, S, V, ...)."""
            rows = torch.arange(shape[0], device=best.device)[:, None]
            return values[rows, shots, best]

        finer = tuple(
            torch.einsum('mskc,mchw->mskhw', tokens[index][shots, best], each)
            for tokens, each in zip(supports.tokens[1:], maps[1:])
        )
        return _Matches(
            (pick(cosines), *finer),
            pick(centres),
            places[shots, best] @ pick(linear),
            valid,
            pick(scores),
        )
