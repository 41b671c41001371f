# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence, Tuple

import torch
from mmpose.models.heads import BaseHead
from mmpose.utils.typing import ConfigType, OptMultiConfig
from torch import Tensor, nn

from cape_mm.models.layers.cape import (
    EdgePredictor,
    GatedMatching,
    Guidance,
    JointEncoder,
    MaskedRefinement,
    Match,
    Refinement,
    RefinementDecoder,
    normalize_edges,
    pool_supports,
    random_walks,
    sine_grid,
    sine_identifiers,
)
from cape_mm.registry import MODELS
from cape_mm.structures import EpisodeBatch, cached_description_table
from cape_mm.structures.coordinates import fraction_to_norm, norm_to_fraction

Features = Tuple[Tensor, ...]


class MatchedQueries(NamedTuple):
    """Queries before refinement: N = B * Q, each with its supports."""

    tokens: Tensor  # (N, K, E), encoded support tokens
    cells: Tensor  # (N, h * w, E), encoded query features
    cell_position: Tensor  # (h * w, E)
    match: Match  # similarity maps and first points
    valid: Tensor  # (N, K) bool, keypoints of the support
    guidance: Guidance  # mask and graph of the decoder


@MODELS.register_module()
class MatchingRefinementHead(BaseHead):
    """Match support tokens with the query, then refine the matched points.

    The head of CapeFormer (CVPR 2023) and of the methods that descend from
    it, equal to their code: support features, pooled by the keypoints'
    heatmaps, and the query's features run through one encoder; similarity
    maps give first points, which a decoder refines layer by layer. The
    arguments decide the method:

    ==========  =================  ===========  =======  =============
    method      support            identifiers  graph    normalised by
    ==========  =================  ===========  =======  =============
    CapeFormer  image, sigma 2     yes          None     --
    GraphCape   image, sigma 1     no           ``pre``  sender
    CapeX       text               no           ``pre``  sender
    EdgeCape    image, sigma 1     no           ``pre``  receiver
    ==========  =================  ===========  =======  =============

    Points inside are input pixels divided by the size of the input, as in the
    official code; labels and results are in the normalised frame, half an
    input pixel further. The support is processed once, whatever the number of
    queries.

    Args:
        in_channels (int): Channels of the backbone's last level.
        input_size (Sequence[int]): Width and height of the input, to convert
            between both frames.
        loss_coords (ConfigType): Loss of the points of every layer and of the
            similarity maps' mean.
        loss_heatmap (ConfigType, optional): Loss of the similarity maps.
        embed_dims (int): Channels E. Defaults to 256.
        num_heads (int): Number of attention heads. Defaults to 8.
        num_layers (int): Number of layers of encoder and decoder. Defaults to
            3.
        feedforward_channels (int): Width of all feed-forward networks.
            Defaults to 2048.
        dropout (float): Dropout probability. Defaults to 0.1.
        heatmap_size (Sequence[int]): Width and height of the heatmaps that
            pool the support. Defaults to (64, 64).
        sigma (float): Sigma of these heatmaps, in cells. Defaults to 2.0.
        text_table (str, optional): File of a :class:`DescriptionTable`. If
            given, a token is the description of its keypoint (its name), not
            the support's features; the support says which keypoints count.
            Defaults to None.
        text_channels (int): Length of the table's vectors. Defaults to 768.
        identifiers (bool): Whether tokens carry a code of their keypoint's
            number. Defaults to False.
        num_slots (int): Number of keypoint slots with which the weights were
            trained, a property of the weights: the identifier of a keypoint
            is its number divided by it. Only keypoints that are there are
            computed. Defaults to 100.
        shots (str): Keypoints that count as given by several supports: those
            in ``'all'`` of them, as published, or in ``'any'``. Defaults to
            ``'all'``.
        graph (str, optional): Where the decoder convolves along the skeleton:
            None, ``'pre'``, ``'post'`` or ``'both'``, see
            :class:`GraphFeedForward`. Defaults to None.
        edges_normalized_by (str): ``'sender'`` or ``'receiver'``, see
            :class:`GraphConvolution`. Defaults to ``'sender'``.
        self_attention_position (bool): Whether the decoder's self-attention
            knows where the points are. EdgeCape's does not. Defaults to True.
        edge_predictor (ConfigType, optional): Arguments of
            :class:`EdgePredictor`, ``num_layers`` and
            ``feedforward_channels``: EdgeCape from its second stage on.
            Defaults to None: the given skeleton.
        num_walk_steps (int): Number of walk lengths of :class:`WalkBias`, 5
            in EdgeCape's third stage; 0 without it. Defaults to 0.
        masked_share (float): Share of tokens hidden by the second pass of
            :class:`MaskedRefinement`. Defaults to 0.0: no second pass.
        frozen (Sequence[str]): Modules of the head that are not trained, such
            as ``'edge_predictor'``. Defaults to ().
        init_cfg (OptMultiConfig): See :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self,
        in_channels: int,
        input_size: Sequence[int],
        loss_coords: ConfigType,
        loss_heatmap: ConfigType | None = None,
        embed_dims: int = 256,
        num_heads: int = 8,
        num_layers: int = 3,
        feedforward_channels: int = 2048,
        dropout: float = 0.1,
        heatmap_size: Sequence[int] = (64, 64),
        sigma: float = 2.0,
        text_table: str | None = None,
        text_channels: int = 768,
        identifiers: bool = False,
        num_slots: int = 100,
        shots: str = 'all',
        graph: str | None = None,
        edges_normalized_by: str = 'sender',
        self_attention_position: bool = True,
        edge_predictor: ConfigType | None = None,
        num_walk_steps: int = 0,
        masked_share: float = 0.0,
        frozen: Sequence[str] = (),
        init_cfg: OptMultiConfig = None,
    ) -> None:
        super().__init__(init_cfg)
        if shots not in ('all', 'any'):
            raise ValueError(f"shots must be 'all' or 'any', got {shots!r}")
        self.loss_coords = MODELS.build(loss_coords)
        self.loss_heatmap = loss_heatmap and MODELS.build(loss_heatmap)
        self.input_size = input_size
        self.embed_dims = embed_dims
        self.heatmap_size = heatmap_size
        self.sigma = sigma
        self.num_slots = num_slots
        self.identifiers = identifiers
        self.shots = shots
        self.text_table = text_table
        self.image_projection = nn.Conv2d(in_channels, embed_dims, 1)
        self.support_projection = nn.Linear(
            text_channels if text_table else in_channels, embed_dims
        )
        self.encoder = JointEncoder(
            embed_dims,
            num_heads,
            num_layers,
            feedforward_channels,
            dropout,
        )
        self.matching = GatedMatching(embed_dims)
        self.decoder = RefinementDecoder(
            embed_dims,
            num_heads,
            num_layers,
            feedforward_channels,
            graph,
            edges_normalized_by,
            self_attention_position,
            num_walk_steps,
            dropout,
        )
        self.edge_predictor = None
        if edge_predictor is not None:
            self.edge_predictor = EdgePredictor(
                in_channels,
                embed_dims,
                num_heads,
                dropout=dropout,
                num_slots=num_slots,
                **edge_predictor,
            )
        self.num_walk_steps = num_walk_steps
        self.masked_refinement = None
        if masked_share > 0:
            self.masked_refinement = MaskedRefinement(embed_dims, masked_share)
        self._reset_parameters()
        for name in frozen:
            self.get_submodule(name).requires_grad_(False)

    def forward(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> tuple[MatchedQueries, Refinement]:
        """Match and refine the queries, without their labels.

        Args:
            support_features (tuple[Tensor]): Levels of (B * S, C, H, W).
            query_features (tuple[Tensor]): Levels of (B * Q, C, H, W).
            batch (EpisodeBatch): Episodes, of which only the supports' labels
                are used.

        Returns:
            tuple[MatchedQueries, Refinement]: State before refinement, and
            points of all layers, input pixels divided by the input's size.
        """
        matched = self._match(support_features, query_features, batch)
        return matched, self.decoder(*self._decoder_inputs(matched))

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
            scores (B, Q, K) in [0, 1]: the share of the similarity map's mass
            around its peak, 0 for keypoints without support.
        """
        matched, refinement = self(support_features, query_features, batch)
        points = fraction_to_norm(refinement.points[-1], self.input_size[::-1])
        scores = matched.match.scores * matched.valid
        shape = (len(batch.adjacency), -1)
        return points.unflatten(0, shape), scores.unflatten(0, shape)

    def loss(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> dict[str, Tensor]:
        """Compute losses over keypoints valid in query and supports.

        Args:
            support_features (tuple[Tensor]): See :meth:`forward`.
            query_features (tuple[Tensor]): See :meth:`forward`.
            batch (EpisodeBatch): Labels of supports and queries.

        Returns:
            dict[str, Tensor]: ``loss_coords`` of the last layer,
            ``d{i}.loss_coords`` of the earlier ones, ``loss_proposal`` and,
            if asked for, ``loss_heatmap`` of the similarity maps and
            ``loss_masked`` of the pass with hidden tokens.
        """
        matched, refinement = self(support_features, query_features, batch)
        target = norm_to_fraction(batch.query_points, self.input_size[::-1])
        target = target.flatten(0, 1)
        valid = matched.valid & batch.query_valid.flatten(0, 1)

        losses = {}
        for i, points in enumerate(refinement.points[:-1]):
            losses[f'd{i}.loss_coords'] = self.loss_coords(
                points, target, valid
            )
        losses['loss_coords'] = self.loss_coords(
            refinement.points[-1], target, valid
        )
        losses['loss_proposal'] = self.loss_coords(
            matched.match.expectation, target, valid
        )
        if self.loss_heatmap:
            losses['loss_heatmap'] = self.loss_heatmap(
                matched.match, target, valid
            )
        if self.training and self.masked_refinement:
            points = self.masked_refinement(
                self.decoder, *self._decoder_inputs(matched)
            )
            losses['loss_masked'] = self.loss_coords(points, target, valid)
        return losses

    def _match(
        self,
        support_features: Features,
        query_features: Features,
        batch: EpisodeBatch,
    ) -> MatchedQueries:
        """Encode supports once, and match them with each of the queries."""
        valid = batch.support_valid
        present = valid.all(1) if self.shots == 'all' else valid.any(1)
        tokens = (
            self._text_features(batch)
            if self.text_table
            else pool_supports(
                support_features[-1],
                norm_to_fraction(batch.support_points, self.input_size[::-1]),
                valid,
                self.heatmap_size,
                self.sigma,
            )
        )
        tokens = self.support_projection(tokens * present.unsqueeze(-1))
        guidance = self._guidance(support_features[-1], tokens, batch, present)

        query = self.image_projection(query_features[-1])
        num_queries = len(query) // len(tokens)
        tokens, present = (
            x.repeat_interleave(num_queries, dim=0) for x in (tokens, present)
        )
        map_size = tuple(query.shape[-2:])
        cell_position = sine_grid(*map_size, self.embed_dims, query.device)
        cells, tokens = self.encoder(
            query.flatten(2).transpose(1, 2),
            tokens,
            cell_position,
            self._identifiers(tokens),
            present,
        )
        match = self.matching(tokens, cells, map_size)
        guidance = guidance.repeat(num_queries)
        return MatchedQueries(
            tokens, cells, cell_position, match, present, guidance
        )

    def _text_features(self, batch: EpisodeBatch) -> Tensor:
        """Vectors (B, K, D) of the keypoints' descriptions."""
        size = self.support_projection.in_features
        table = cached_description_table(self.text_table, size)
        count = batch.support_valid.shape[-1]
        vectors = table.encode_batch(batch.keypoint_names, count)
        return torch.from_numpy(vectors).to(batch.support_points.device)

    def _decoder_inputs(self, matched: MatchedQueries) -> tuple:
        """Arguments of the decoder."""
        return (
            matched.tokens,
            matched.match.points,
            matched.cells,
            matched.cell_position,
            self._identifiers(matched.tokens),
            matched.guidance,
        )

    def _guidance(
        self,
        feature_map: Tensor,
        tokens: Tensor,
        batch: EpisodeBatch,
        present: Tensor,
    ) -> Guidance:
        """Mask and graph of the decoder for B episodes."""
        # Attention needs a key: without any keypoint it is the first.
        attend = present.clone()
        attend[:, 0] |= ~present.any(dim=1)
        weights = batch.adjacency
        if self.edge_predictor:
            empty = self.support_projection.bias
            weights = self.edge_predictor(
                feature_map, tokens, empty, weights, present
            )
        edges = normalize_edges(weights, present)
        walks = None
        if self.num_walk_steps:
            walks = random_walks(edges, self.num_walk_steps)
        return Guidance(attend, edges, walks)

    def _identifiers(self, tokens: Tensor) -> Tensor:
        """Codes (K, E) of the keypoints' numbers, 0 if they are not used."""
        if not self.identifiers:
            return torch.zeros_like(tokens[0])
        return sine_identifiers(
            tokens.shape[1], self.num_slots, self.embed_dims, tokens.device
        )

    def _reset_parameters(self) -> None:
        """Initialise as published: Xavier, biases 0, no step at first."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        for mlp in self.decoder.point_mlps:
            nn.init.zeros_(mlp[-1].weight)
