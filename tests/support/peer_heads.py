# Copyright (c) cape_mm contributors. All rights reserved.
"""Our heads with official weights, and how far they are from the fixtures."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from cape_mm.engine.checkpoint_names import (
    edgecape,
    join_parts,
    lineage,
)
from cape_mm.models.heads import MatchingRefinementHead
from cape_mm.structures import DescriptionTable, EpisodeBatch
from support.peer_parity import (
    PeerFixture,
    adjacency_of,
    digest,
    feature,
    make_batch,
    official_weights,
)

SUMMED_L1 = dict(
    type='cape_mm.KeypointL1Loss', loss_weight=1.0, reduction='sum'
)
SMALL = dict(
    in_channels=24,
    input_size=(256, 256),
    embed_dims=32,
    num_heads=4,
    num_layers=2,
    feedforward_channels=48,
    num_slots=5,
)
FULL = dict(input_size=(256, 256), num_slots=100)


def heatmap_loss(sigma: float) -> dict:
    return dict(type='cape_mm.SimilarityMSELoss', sigma=sigma)


METHODS = dict(
    capeformer=dict(
        names=lineage.HEAD,
        head=dict(sigma=2.0, identifiers=True, loss_heatmap=heatmap_loss(2.0)),
        full=dict(in_channels=2048),
        map_side=8,
    ),
    graphcape=dict(
        names=lineage.HEAD,
        head=dict(sigma=1.0, graph='pre', loss_heatmap=heatmap_loss(1.0)),
        full=dict(in_channels=768, feedforward_channels=768),
        map_side=16,
    ),
    capex=dict(
        names=lineage.HEAD,
        head=dict(
            graph='pre',
            loss_heatmap=heatmap_loss(1.0),
            text_table='a table',
            text_channels=20,
        ),
    ),
    edgecape=dict(
        names=edgecape.make_head(num_predictor_layers=2),
        head=dict(
            sigma=1.0,
            graph='pre',
            edges_normalized_by='receiver',
            self_attention_position=False,
            edge_predictor=dict(num_layers=2, feedforward_channels=24),
            num_walk_steps=5,
            masked_share=0.3,
            dropout=0.0,
        ),
        full=dict(
            in_channels=384,
            input_size=(224, 224),
            feedforward_channels=384,
            edge_predictor=dict(num_layers=3, feedforward_channels=384),
        ),
        map_side=16,
    ),
)


class Outcome(NamedTuple):
    """What a head makes of a case, under the fixtures' names."""

    values: dict[str, Tensor]
    gradients: dict[str, Tensor | None]
    present: Tensor  # (B, K) bool, keypoints to compare


class _BothResults(nn.Module):
    """Results and losses of one pass each, for ``functional_call``."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, *inputs):
        return self.head(*inputs), self.head.loss(*inputs)


def build_head(method: str, **changes) -> MatchingRefinementHead:
    """A head of the size of the small fixtures, in eval mode."""
    options = dict(SMALL, loss_coords=SUMMED_L1, **METHODS[method]['head'])
    return MatchingRefinementHead(**dict(options, **changes)).eval()


def build_full_head(method: str) -> MatchingRefinementHead:
    """A head of the official size, in eval mode."""
    method = METHODS[method]
    options = dict(FULL, loss_coords=SUMMED_L1, **method['head'])
    return MatchingRefinementHead(**dict(options, **method['full'])).eval()


def our_weights(
    method: str, head: nn.Module, official: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Official weights under our names, frozen where the head freezes."""
    names = METHODS[method]['names']
    if method == 'edgecape' and head.edge_predictor is None:
        names = edgecape.HEAD_STAGE_1
    elif method == 'edgecape' and len(head.edge_predictor.layers) == 3:
        names = edgecape.HEAD
    groups = names.group(official)
    weights = join_parts(
        {name: official[name_] for name, (name_,) in groups.items()}
    )
    own = dict(head.named_parameters())
    assert set(weights) == set(own)
    return {
        name: tensor.reshape(own[name].shape)
        if own[name].requires_grad
        else tensor.detach().reshape(own[name].shape)
        for name, tensor in weights.items()
    }


def run_small(
    method: str, head: nn.Module, fixture: PeerFixture, case: str
) -> Outcome:
    """Run a case of a small fixture, forwards and backwards."""
    official = official_weights(fixture, case)
    weights = our_weights(method, head, official)
    batch = make_batch(fixture, case)
    if head.text_table:
        batch = describe(batch, fixture, head.text_table)
    shape = len(batch.adjacency), head.image_projection.in_channels, 8, 8
    query = feature('feature_q', shape).requires_grad_()
    supports = [
        feature(f'feature_s{i}', shape).requires_grad_()
        for i in range(batch.support_valid.shape[1])
    ]
    stacked = torch.stack(supports, dim=1).flatten(0, 1)
    if f'{case}/in/kept_tokens' in fixture:
        kept = fixture[f'{case}/in/kept_tokens'][..., 0] > 0
        head.train().masked_refinement._draw_kept = lambda valid: kept
    with _Recorder(head) as recorder:
        (matched, refined), losses = functional_call(
            _BothResults(head),
            {f'head.{name}': tensor for name, tensor in weights.items()},
            ((stacked,), (query,), batch),
        )
    values = {
        **recorder.values(),
        **results(matched, refined),
        **official_losses(losses),
    }
    if method == 'edgecape':
        itself = torch.diag_embed(matched.valid.float())
        values['out/adjacency'] = torch.stack(
            [itself, matched.guidance.edges], dim=1
        )
    if matched.guidance.walks is not None:
        values['out/walks'] = matched.guidance.walks.transpose(0, 1)
    sum(losses.values()).backward()
    gradients = {name: tensor.grad for name, tensor in official.items()}
    gradients['feature_q'] = query.grad
    for i, support in enumerate(supports):
        gradients[f'feature_s{i}'] = support.grad
    return Outcome(values, gradients, matched.valid)


def describe(
    batch: EpisodeBatch, fixture: PeerFixture, path: str
) -> EpisodeBatch:
    """Give every keypoint a name, and the fixture's text to it, in a file."""
    text = fixture['graph/in/text']
    names = [
        tuple(f'keypoint {k} of {b}' for k in range(text.shape[1]))
        for b in range(len(text))
    ]
    table = DescriptionTable(
        sum(names, ()), text.flatten(0, 1).numpy(), 'by formula'
    )
    table.save(path)
    return replace(batch, keypoint_names=tuple(names))


class _Recorder:
    """Results of modules during the first pass, by the fixtures' names."""

    def __init__(self, head: nn.Module) -> None:
        self.num_layers = len(head.decoder.layers)
        self.modules = {
            'tokens': head.support_projection,
            'encoded': head.encoder,
            'decoded': head.decoder.norm,
        }

    def __enter__(self):
        self.found = {name: [] for name in self.modules}
        self.handles = [
            module.register_forward_hook(
                lambda module, inputs, output, name=name: self.found[
                    name
                ].append(output)
            )
            for name, module in self.modules.items()
        ]
        return self

    def __exit__(self, *error) -> None:
        for handle in self.handles:
            handle.remove()

    def values(self) -> dict[str, Tensor]:
        memory, tokens = self.found['encoded'][0]
        return {
            'mid/support_tokens': self.found['tokens'][0],
            'mid/memory': memory,
            'mid/tokens': tokens,
            'mid/decoder_tokens': torch.stack(
                self.found['decoded'][: self.num_layers]
            ),
        }


def run_full(
    method: str, head: nn.Module, fixture: PeerFixture, case: str
) -> Outcome:
    """Run a case of a fixture of the official size, forwards."""
    weights = our_weights(method, head, official_weights(fixture, case))
    head.load_state_dict({k: v.detach() for k, v in weights.items()})
    side = head.input_size[0]
    joints = fixture[f'{case}/in/joints_s'][None, :, :17]
    valid = torch.ones(joints.shape[:3], dtype=torch.bool)
    valid[..., 5] = False
    batch = EpisodeBatch(
        (joints + 0.5) / side,
        valid,
        torch.zeros(1, 1, 17, 2),
        torch.zeros(1, 1, 17, dtype=torch.bool),
        adjacency_of(fixture.json('skeleton'), 17),
        torch.arange(17)[None],
    )
    map_side = METHODS[method]['map_side']
    shape = 1, head.image_projection.in_channels, map_side, map_side
    supports = [
        feature(f'feature_s{i}', shape) for i in range(joints.shape[1])
    ]
    with torch.no_grad():
        matched, refined = head(
            (torch.cat(supports),), (feature('feature_q', shape),), batch
        )
    # the fixture holds keypoints with a support alone
    values = results(matched, refined)
    values['out/similarity_map'] = values['out/similarity_map'].flatten(2)
    kept = valid[0, 0]
    values = {name: value[..., kept, :] for name, value in values.items()}
    values['out/similarity_map'] = values['out/similarity_map'].unflatten(
        2, matched.match.map_size
    )
    return Outcome(values, {}, torch.ones(1, 16, dtype=torch.bool))


def results(matched, refined) -> dict[str, Tensor]:
    """Results of a pass under the fixtures' names."""
    match = matched.match
    return {
        'out/similarity_map': match.logits.unflatten(2, match.map_size),
        'out/proposal_for_loss': match.expectation,
        'out/proposal_local': match.points,
        'out/points_inner': refined.inner,
        'out/points': refined.points,
    }


def official_losses(losses: dict[str, Tensor]) -> dict[str, Tensor]:
    """Losses under their official names."""
    names = dict(
        loss_heatmap='heatmap_loss',
        loss_proposal='proposal_loss',
        loss_masked='adj_reconstruct_loss',
    )
    last = sum(name.endswith('loss_coords') for name in losses) - 1
    names['loss_coords'] = f'l1_loss_layer{last}'
    for i in range(last):
        names[f'd{i}.loss_coords'] = f'l1_loss_layer{i}'
    return {f'loss/{names[name]}': loss for name, loss in losses.items()}


def excess(
    outcome: Outcome, fixture: PeerFixture, case: str, full: bool = False
) -> dict[str, float]:
    """Largest error of every quantity, as a multiple of its tolerance."""
    found = {}
    for name, value in outcome.values.items():
        if f'{case}/{name}' not in fixture:
            continue
        expected = fixture[f'{case}/{name}']
        # padded cases: slots without keypoint at the end are not computed
        expected = expected[tuple(slice(size) for size in value.shape)]
        tolerance = torch.full_like(expected, 1e-5)
        if name == 'out/similarity_map':
            tolerance = 1e-4 if full else 2e-5 + 1e-5 * expected.abs()
        error = (value.detach() - expected).abs() / tolerance
        found[name] = _select(name, error, outcome.present).max().item()
    if outcome.gradients and f'{case}/grad/names' in fixture:
        found.update(_gradient_excess(outcome.gradients, fixture, case))
    return found


def _select(name: str, error: Tensor, present: Tensor) -> Tensor:
    """Errors of keypoints of the support, and of cells of their samples."""
    if error.ndim == 0:
        return error
    if name in ('mid/memory', 'out/adjacency'):
        return error[present.any(dim=1)]
    if error.ndim == 4 and name != 'out/similarity_map':
        return error[:, present]
    return error[present]


def _gradient_excess(
    gradients: dict[str, Tensor | None], fixture: PeerFixture, case: str
) -> dict[str, float]:
    """Errors of gradient digests, as multiples of 1e-4 of the norm."""
    found = {}
    names = fixture.names(f'{case}/grad/names')
    for name, expected in zip(names, fixture[f'{case}/grad/digest']):
        gradient = gradients[name]
        if expected[0] < 1e-4:
            continue
        found[f'grad/{name}'] = np.inf
        if gradient is not None:
            error = (digest(gradient) - expected).abs().max()
            found[f'grad/{name}'] = (error / (1e-4 * expected[0])).item()
    for name in fixture.names(f'{case}/grad/none'):
        if gradients.get(name) is not None:
            found[f'grad/{name}'] = np.inf
    return found
