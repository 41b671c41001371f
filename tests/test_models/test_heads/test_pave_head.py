# Copyright (c) cape_mm contributors. All rights reserved.
"""What detect and track queries are to each other in the pose decoder."""

from __future__ import annotations

import pytest
import torch
from support.tiny_pavenet import LAYERS, C, K, build_model, collate, make_clip

from cape_mm.structures import TrackQueryState


def make_tracks(count):
    generator = torch.Generator().manual_seed(1)
    return TrackQueryState(
        content=torch.randn(1, count, C, generator=generator),
        reference=torch.rand(1, count, K, 2, generator=generator),
        track_ids=torch.arange(count)[None],
        valid=torch.ones(1, count, dtype=torch.bool),
    )


def decode(model, tracks):
    data = model.data_preprocessor(collate(make_clip(0, 1)))
    with torch.no_grad():
        memory = model.encode(data['inputs'])
        window = memory.gather(data['inputs']['frame_index'][:, 0])
        return model.head._decode(window, model.head(window), tracks)


@pytest.mark.parametrize('count', [0, 1, 20])
def test_tracks_take_no_place_from_detect_queries(count):
    model = build_model().eval()
    given = []
    model.head.decoder.register_forward_pre_hook(
        lambda _, inputs: given.append(inputs[0])
    )
    queries = decode(model, make_tracks(count))
    assert (~queries.is_track & queries.valid).sum() == model.head.num_queries
    # Nor do they change which learned embedding belongs to which proposal.
    decode(model, make_tracks(0))
    assert torch.equal(given[0][:, count:], given[1])


def test_the_position_of_a_track_is_that_of_its_pose():
    """Queries carry their position, also without attention to frames."""
    model = build_model(decoder=dict(num_layers=1, **LAYERS)).eval()
    for parameter in model.head.decoder.layers[
        0
    ].cross_attention.out.parameters():
        torch.nn.init.zeros_(parameter)
    tracks = make_tracks(1)
    before = decode(model, tracks).content
    tracks.reference[:] = 1 - tracks.reference
    after = decode(model, tracks).content
    assert not torch.allclose(before[:, 0], after[:, 0], atol=1e-4)
