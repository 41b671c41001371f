# Copyright (c) cape_mm contributors. All rights reserved.
"""Outputs of the official code of CAPE methods, to be compared with ours.

``shared/data/peer_parity`` holds numbers that the official heads computed
with weights and inputs of a formula. Parameters are filled under their
official names, so that the name maps of the converter are tested as well.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from cape_mm.engine.checkpoint_names import NameMap
from cape_mm.structures import EpisodeBatch
from cape_mm.structures.coordinates import pixels_to_norm

INPUT_SIZE = 256


def unit(name: str, count: int) -> np.ndarray:
    """Numbers (count,), float64, in [0, 1), that depend on the name alone."""
    x = np.arange(count, dtype=np.uint64) * np.uint64(2654435761)
    mask = np.uint64(2**32 - 1)
    x = (x + np.uint64(zlib.crc32(name.encode()))) & mask
    for shift, factor in ((16, 2246822507), (13, 3266489909), (16, 1)):
        x ^= x >> np.uint64(shift)
        x = (x * np.uint64(factor)) & mask
    return x / 2.0**32


def parameter(name: str, shape: tuple[int, ...]) -> Tensor:
    """Value of an official parameter, float32."""
    size = int(np.prod(shape))
    u = unit(name, size)
    centred = 2 * u - 1
    if name.endswith('running_var'):
        value = 1 + 0.5 * u
    elif len(shape) >= 2:
        value = np.sqrt(3 * shape[0] / size) * centred
    elif len(shape) == 1 and name.endswith('.weight'):
        value = 1 + 0.25 * centred
    else:
        value = 0.1 * centred
    return torch.from_numpy(value.astype(np.float32)).reshape(shape)


def feature(name: str, shape: tuple[int, ...]) -> Tensor:
    """Input of a network, float32."""
    value = np.sqrt(3) * (2 * unit(name, int(np.prod(shape))) - 1)
    return torch.from_numpy(value.astype(np.float32)).reshape(shape)


class PeerFixture:
    """Numbers of one official head.

    ``fixture['shot1/out/points']`` is a tensor; inputs that a case does not
    have are those of the first case with the same number of shots.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as arrays:
            self._arrays = dict(arrays)

    def __contains__(self, key: str) -> bool:
        return key in self._arrays

    def __getitem__(self, key: str) -> Tensor:
        return torch.from_numpy(self._arrays[key])

    def json(self, name: str) -> Any:
        return json.loads(str(self._arrays[f'{name}_json']))

    def names(self, key: str) -> list[str]:
        """A list of strings, without empty ones."""
        return [str(name) for name in self._arrays[key] if str(name)]

    def losses(self, case: str) -> dict[str, Tensor]:
        """Losses of a case by their official names."""
        start = f'{case}/loss/'
        return {
            key[len(start) :]: self[key]
            for key in self._arrays
            if key.startswith(start)
        }

    def inputs(self, case: str) -> str:
        """Case that holds the inputs of a case."""
        if f'{case}/in/joints_s' in self:
            return case
        shots = 'shot2' if 'shot2' in case else 'shot1'
        cases = [
            key[: -len('/in/joints_s')]
            for key in self._arrays
            if key.endswith('/in/joints_s')
        ]
        # CapeX's cases do not tell their shots
        return next((one for one in cases if one.endswith(shots)), cases[0])

    @property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Shape of each official parameter."""
        return {
            name: tuple(shape)
            for name, shape in self.json('parameters').items()
        }


def official_weights(fixture: PeerFixture, case: str) -> dict[str, Tensor]:
    """Parameters by official name, ready for gradients.

    A case may have parameters of its own, and values of its own for some.
    """
    # EdgeCape's stages have parameters, given with the first of their cases
    stage = f'{case.split("_")[0]}_shot1'
    shapes = fixture.json('parameters')
    for name in (f'{stage}/parameters', f'{case}/parameters'):
        if f'{name}_json' in fixture:
            shapes = fixture.json(name)
    overrides = {}
    for name in ('all/overrides', f'{case}/overrides'):
        if f'{name}_json' in fixture:
            overrides.update(fixture.json(name))
    weights = {}
    for name, shape in shapes.items():
        value = parameter(name, tuple(shape))
        if name in overrides:
            override = torch.tensor(overrides[name], dtype=torch.float32)
            value = override.expand(shape).clone()
        weights[name] = value.requires_grad_()
    return weights


def fill(
    module: nn.Module, fixture: PeerFixture, names: NameMap, case: str = ''
) -> None:
    """Fill a module by official names; every parameter must get a value."""
    official = official_weights(fixture, case)
    groups = names.group(official)
    fill_from(
        module,
        {ours: official[name].detach() for ours, (name,) in groups.items()},
    )


def fill_from(module: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Load values; those of a convolution of size 1 may fill a Linear."""
    state = module.state_dict()
    counters = [name for name in state if name.endswith('_tracked')]
    assert set(state) - set(counters) == set(values)
    for name, value in values.items():
        assert value.numel() == state[name].numel(), name
        state[name] = value.reshape(state[name].shape)
    module.load_state_dict(state)


def make_batch(
    fixture: PeerFixture,
    case: str,
    samples: slice = slice(None),
    input_size: int = INPUT_SIZE,
) -> EpisodeBatch:
    """Labels of a case, as the pipeline makes them: one query an episode."""
    case = fixture.inputs(case)

    def points(name: str) -> Tensor:
        joints = fixture[f'{case}/in/joints_{name}']
        return pixels_to_norm(joints, (input_size, input_size))

    def valid(name: str) -> Tensor:
        return fixture[f'{case}/in/target_weight_{name}'][..., 0] > 0

    support_points = points('s').transpose(0, 1)[samples]  # (B, S, K, 2)
    num_keypoints = support_points.shape[2]
    batch_size = len(support_points)
    skeletons = fixture.json('skeleton')[samples][:batch_size]
    return EpisodeBatch(
        support_points,
        valid('s').transpose(0, 1)[samples],
        points('q').unsqueeze(1)[samples],
        valid('q').unsqueeze(1)[samples],
        adjacency_of(skeletons, num_keypoints),
        torch.arange(num_keypoints).repeat(batch_size, 1),
    )


def adjacency_of(skeletons: list, num_keypoints: int) -> Tensor:
    """Adjacency (B, K, K) of edge lists, without self loops."""
    adjacency = torch.zeros(
        len(skeletons), num_keypoints, num_keypoints, dtype=torch.bool
    )
    for i, skeleton in enumerate(skeletons):
        for one, other in skeleton:
            adjacency[i, one, other] = adjacency[i, other, one] = True
    adjacency.diagonal(dim1=1, dim2=2).fill_(False)
    return adjacency


def official_points(points: Tensor, input_size: int = INPUT_SIZE) -> Tensor:
    """Our normalised points (..., 2) in the official frame, pixels / side."""
    return points - 0.5 / input_size


def flat_supports(features: Tensor, samples: slice = slice(None)) -> Tensor:
    """Supports (S, B, C, H, W) as a head takes them, (B * S, C, H, W)."""
    return features.transpose(0, 1)[samples].flatten(0, 1)


def digest(gradient: Tensor) -> Tensor:
    """Norm, sum and a fixed dot product (3,) of a gradient, float64."""
    value = gradient.detach().double().flatten()
    direction = torch.from_numpy(2 * unit('digest', len(value)) - 1)
    return torch.stack([value.norm(), value.sum(), value @ direction])


def assert_gradients(
    fixture: PeerFixture,
    case: str,
    gradients: Mapping[str, Tensor | None],
    rtol: float = 1e-4,
    least: float = 1e-4,
) -> None:
    """Compare norm, sum and a dot product of gradients, by official name.

    Gradients whose official norm is below ``least`` are rounding alone.
    """
    names = fixture.names(f'{case}/grad/names')
    digests = fixture[f'{case}/grad/digest']
    compared = 0
    for name, official in zip(names, digests):
        if name not in gradients or official[0] < least:
            continue
        value = gradients[name]
        assert value is not None, f'{name} has no gradient'
        assert_close(
            digest(value) / official[0],
            official / official[0],
            atol=rtol,
            rtol=rtol,
            msg=lambda text, name=name: f'{name}: {text}',
        )
        compared += 1
    assert compared


def named_gradients(
    module: nn.Module, fixture: PeerFixture, names: NameMap
) -> dict[str, Tensor | None]:
    """Gradients of a module's parameters by official name."""
    own = dict(module.named_parameters())
    renamed = {name: names.rename(name) for name in fixture.parameters}
    return {
        name: own[ours].grad for name, ours in renamed.items() if ours in own
    }
