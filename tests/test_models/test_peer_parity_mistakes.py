# Copyright (c) cape_mm contributors. All rights reserved.
"""The parity test catches the mistakes that a re-implementation makes.

Each of them is planted here; results, losses or gradients must then be
further from the official ones than the parity test allows.
"""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
import torch.nn.functional as F
from support.peer_heads import build_head, excess, run_small
from support.peer_parity import PeerFixture

from cape_mm.models.layers import grid_points, sample_features
from cape_mm.models.layers.cape import Refinement, sine_points

LAYERS = 'cape_mm.models.layers.cape'
HEAD = import_module('cape_mm.models.heads.matching_refinement_head')
DECODER = import_module(f'{LAYERS}.refinement_decoder')
MATCHING = import_module(f'{LAYERS}.gated_matching')
SINE = import_module(f'{LAYERS}.sine_position')
LOSS = import_module('cape_mm.models.losses.similarity_mse_loss')


def detach_first_position(patch, head):
    forward = head.decoder.forward
    patch.setattr(
        head.decoder,
        'forward',
        lambda tokens, start, *rest: forward(tokens, start.detach(), *rest),
    )


def detach_reported_start(patch, head):
    logit = DECODER._logit
    patch.setattr(DECODER, '_logit', lambda points: logit(points.detach()))


def report_inner_points(patch, head):
    forward = head.decoder.forward

    def report(*inputs):
        inner = forward(*inputs).inner
        return Refinement(inner, inner[1:])

    patch.setattr(head.decoder, 'forward', report)


def put_grid_codes_at_cell_centres(patch, head):
    def code(height, width, embed_dims, device):
        centres = grid_points(height, width, device, torch.float32)
        return sine_points(centres, embed_dims)

    patch.setattr(HEAD, 'sine_grid', code)


def put_x_before_y(patch, head):
    code = SINE.sine_code
    patch.setattr(SINE, 'sine_code', lambda y, x, dims: code(x, y, dims))


def add_position_to_queries_and_keys_alone(patch, head):
    def forward(cells, tokens, cell_position, token_position, valid):
        x = torch.cat([cells, tokens], dim=1)
        position = torch.cat([cell_position, token_position])
        everywhere = valid.new_ones(cells.shape[:2])
        hidden = ~torch.cat([everywhere, valid], dim=1)
        for layer in head.encoder.layers:
            placed = x + position
            attended = layer.self_attn(
                placed, placed, x, key_padding_mask=hidden
            )[0]
            x = layer.norm1(x + attended)
            hidden_layer = F.relu(layer.linear1(x))
            x = layer.norm2(x + layer.linear2(hidden_layer))
        return x[:, : cells.shape[1]], x[:, cells.shape[1] :]

    patch.setattr(head.encoder, 'forward', forward)


def count_100_slots(patch, head):
    patch.setattr(head, 'num_slots', 100)


def read_peaks_in_a_window_of_five(patch, head):
    read = MATCHING.read_peaks
    patch.setattr(
        MATCHING, 'read_peaks', lambda maps, window: read(maps, window=2)
    )


def start_from_the_whole_map(patch, head):
    forward = head.matching.forward

    def match(*inputs):
        found = forward(*inputs)
        return found._replace(points=found.expectation)

    patch.setattr(head.matching, 'forward', match)


def divide_similarity_by_the_root_of_the_channels(patch, head):
    patch.setattr(
        MATCHING, 'at_least_float32', lambda x: x / head.embed_dims**0.5
    )


def let_absent_keypoints_speak(patch, head):
    guidance = head._guidance

    def all_valid(*inputs):
        found = guidance(*inputs)
        return found._replace(valid=torch.ones_like(found.valid))

    patch.setattr(head, '_guidance', all_valid)


def align_corners_of_targets(patch, head):
    def resized(heatmaps, map_size):
        rows, columns = (
            F.interpolate(x, size=size, mode='linear', align_corners=True)
            for x, size in zip(heatmaps, map_size)
        )
        maps = (rows.unsqueeze(-1) * columns.unsqueeze(-2)).flatten(2)
        return maps / (maps.amax(-1, keepdim=True) + 1e-10)

    patch.setattr(LOSS, 'resized_heatmaps', resized)


def sample_instead_of_pooling(patch, head):
    def sample(feature_map, points, valid, heatmap_size, sigma):
        found = sample_features(feature_map, points.flatten(0, 1))
        return found.unflatten(0, valid.shape[:2]).mean(dim=1)

    patch.setattr(HEAD, 'pool_supports', sample)


def clamp_logits_later(patch, head):
    patch.setattr(DECODER, '_EPS', 1e-5)


def normalize_edges_by_the_receiver(patch, head):
    for layer in head.decoder.layers:
        patch.setattr(layer.ffn.first, 'normalized_by', 'receiver')


BOTH = ('capeformer', 'shot1'), ('graphcape', 'shot1')
MISTAKES = {
    detach_first_position: BOTH,
    detach_reported_start: BOTH,
    report_inner_points: BOTH,
    put_grid_codes_at_cell_centres: BOTH,
    put_x_before_y: BOTH,
    add_position_to_queries_and_keys_alone: BOTH,
    count_100_slots: BOTH[:1],
    read_peaks_in_a_window_of_five: BOTH,
    start_from_the_whole_map: BOTH,
    divide_similarity_by_the_root_of_the_channels: BOTH,
    let_absent_keypoints_speak: BOTH,
    align_corners_of_targets: BOTH,
    sample_instead_of_pooling: BOTH,
    clamp_logits_later: (('capeformer', 'clamp'),),
    normalize_edges_by_the_receiver: BOTH[1:],
}


@pytest.mark.parametrize(
    'mistake, method, case',
    [
        pytest.param(mistake, *where, id=f'{where[0]}-{mistake.__name__}')
        for mistake, places in MISTAKES.items()
        for where in places
    ],
)
def test_parity_is_lost_by(peer_parity, monkeypatch, mistake, method, case):
    fixture = PeerFixture(peer_parity / f'{method}_small.npz')
    head = build_head(method)
    mistake(monkeypatch, head)
    found = excess(run_small(method, head, fixture, case), fixture, case)
    assert max(found.values()) > 5
