# Copyright (c) cape_mm contributors. All rights reserved.
"""Official checkpoints of CAPE methods and backbones as ours."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import Any, Mapping

import torch
from torch import Tensor

from cape_mm.errors import UnsuitableCheckpointError

from .checkpoint_names import NameMap, join_parts


@dataclass(frozen=True)
class OfficialMethod:
    """A published method or backbone, and how its files are recognised.

    Attributes:
        title (str): Name of the method.
        names (str): Module of :mod:`cape_mm.engine.checkpoint_names` and name
            of its map.
        config (str): Pattern of our config, in ``configs``.
        sign (str): Regular expression of a name that only this method has.
        absent (str, optional): Regular expression that no name must match.
        is_backbone (bool): Whether the file holds the pretrained backbone of
            the config alone. Defaults to False.
    """

    title: str
    names: str
    config: str
    sign: str
    absent: str | None = None
    is_backbone: bool = False

    @property
    def name_map(self) -> NameMap:
        """Map of all names of a file."""
        module, _, name = self.names.partition('.')
        package = __name__.rpartition('.')[0]
        module = importlib.import_module(
            f'{package}.checkpoint_names.{module}'
        )
        return getattr(module, name)


_EDGECAPE = r'keypoint_head_module\.'
_LINEAGE = r'keypoint_head\.transformer\.proposal_generator\.'
_SWIN_V2_BLOCK = (
    r'(?:encoder\.)?layers\.{}\.blocks\.{}\.attn\.(?:cpb|rpe)_mlp\.'
)
#: Methods by the name of the command line, the more special ones first.
METHODS = {
    'metapoint': OfficialMethod(
        'MetaPoint+',
        'metapoint.CHECKPOINT',
        'metapoint/metapoint_r50',
        r'meta_point_embed\.',
    ),
    'scape': OfficialMethod(
        'SCAPE', 'scape.CHECKPOINT', 'scape/scape_r50', r'keypoint_head\.GKP\.'
    ),
    'pomnet': OfficialMethod(
        'POMNet',
        'pomnet.CHECKPOINT',
        'pomnet/pomnet_r50',
        r'keypoint_head\.relation_model\.',
    ),
    'edgecape-stage3': OfficialMethod(
        'EdgeCape, stage 3',
        'edgecape.CHECKPOINT',
        'edgecape/edgecape_dinov2-s',
        _EDGECAPE + r'.*markov_structural_mlp\.',
    ),
    'edgecape-stage2': OfficialMethod(
        'EdgeCape, stage 2',
        'edgecape.CHECKPOINT',
        'edgecape/edgecape-stage2_dinov2-s',
        _EDGECAPE,
    ),
    'edgecape-stage1': OfficialMethod(
        'EdgeCape, stage 1',
        'edgecape.CHECKPOINT_STAGE_1',
        'edgecape/edgecape-stage1_dinov2-s',
        _EDGECAPE,
    ),
    'capex-s': OfficialMethod(
        'CapeX-S',
        'lineage.CAPEX',
        'capex/capex_swinv2-s',
        r'keypoint_head\.text_proj\.',
    ),
    'capex-t': OfficialMethod(
        'CapeX-T',
        'lineage.CAPEX',
        'capex/capex_swinv2-t',
        r'keypoint_head\.text_proj\.',
    ),
    'graphcape-s': OfficialMethod(
        'GraphCape-S',
        'lineage.GRAPHCAPE',
        'graphcape/graphcape_swinv2-s',
        r'backbone\.layers\.2\.blocks\.17\.',
    ),
    'graphcape-t': OfficialMethod(
        'GraphCape-T',
        'lineage.GRAPHCAPE',
        'graphcape/graphcape_swinv2-t',
        r'backbone\.patch_embed\.',
    ),
    'capeformer': OfficialMethod(
        'CapeFormer',
        'lineage.CAPEFORMER',
        'capeformer/capeformer_r50',
        _LINEAGE,
        absent=r'backbone\.|keypoint_head_module\.',
    ),
    'dinov2-s': OfficialMethod(
        'DINOv2-S',
        'backbones.DINOV2',
        'edgecape/edgecape-stage1_dinov2-s',
        r'blocks\.\d+\.ls1\.gamma',
        is_backbone=True,
    ),
    'swinv2-s': OfficialMethod(
        'SwinV2-S',
        'backbones.SWIN_V2_PRETRAINED',
        'graphcape/graphcape_swinv2-s',
        _SWIN_V2_BLOCK.format(2, 17),
        is_backbone=True,
    ),
    'swinv2-t': OfficialMethod(
        'SwinV2-T',
        'backbones.SWIN_V2_PRETRAINED',
        'graphcape/graphcape_swinv2-t',
        _SWIN_V2_BLOCK.format(0, 0),
        is_backbone=True,
    ),
}
# counters, and what follows from the size of a window
_OWN_BUFFERS = (
    'num_batches_tracked',
    'relative_coords_table',
    'relative_position_index',
)
#: Names without size or stage, to be completed by the weights.
FAMILIES = ('edgecape', 'capex', 'graphcape')


@dataclass(frozen=True)
class Conversion:
    """Result of :func:`convert_names`, every official name accounted for.

    Attributes:
        state_dict (dict[str, Tensor]): Our names and tensors.
        converted (int): Number of official tensors that are in it.
        copies (list[str]): Official names of equal copies of one of ours.
        unused (dict[str, str]): Official names without counterpart, with the
            reason.
    """

    state_dict: dict[str, Tensor]
    converted: int
    copies: list[str]
    unused: dict[str, str]


def read_official_state(checkpoint: Any, name: str) -> dict[str, Tensor]:
    """State dict of an official checkpoint, without DDP's prefix.

    Args:
        checkpoint (Any): Content of the file.
        name (str): File, for messages.

    Returns:
        dict[str, Tensor]: Tensors by official name.

    Raises:
        UnsuitableCheckpointError: If it holds no tensors by name.
    """
    state = checkpoint
    # mmcv's files, then Microsoft's
    for key in ('state_dict', 'model'):
        if isinstance(checkpoint, Mapping) and key in checkpoint:
            state = checkpoint[key]
            break
    if (
        not isinstance(state, Mapping)
        or not state
        or not all(isinstance(value, Tensor) for value in state.values())
    ):
        raise UnsuitableCheckpointError(
            f"'{name}' holds no state dict: give a checkpoint of the authors' "
            'training or release'
        )
    return {re.sub(r'^module\.', '', key): v for key, v in state.items()}


def recognize_method(state: Mapping[str, Tensor], method: str | None) -> str:
    """Name of the method to which the weights belong.

    Args:
        state (Mapping[str, Tensor]): Official state dict.
        method (str, optional): Name of the command line, one of
            :data:`METHODS` or :data:`FAMILIES`. Defaults to any.

    Returns:
        str: Key of :data:`METHODS`.

    Raises:
        UnsuitableCheckpointError: If the weights are of no method, or of
            another one than ``method``.
    """
    found = _recognize(state)
    if found is None:
        raise UnsuitableCheckpointError(
            'the weights are of none of the known methods '
            f'({", ".join(METHODS)}); the first name is '
            f'{next(iter(state))!r}'
        )
    family = found.rpartition('-')[0] or found
    if method in (None, found, family):
        return found
    # the first two stages have the same names
    if {method, found} == {'edgecape-stage1', 'edgecape-stage2'}:
        return method
    raise UnsuitableCheckpointError(
        f'the weights are those of {METHODS[found].title}, not of {method}'
    )


def _recognize(state: Mapping[str, Tensor]) -> str | None:
    def has(pattern: str) -> bool:
        return any(re.match(pattern, name) for name in state)

    deep = has(METHODS['graphcape-s'].sign)
    for name, method in METHODS.items():
        if not has(method.sign) or (method.absent and has(method.absent)):
            continue
        if name == 'capex-s' and not deep:
            return 'capex-t'
        if name == 'edgecape-stage2' and _graph_is_given(state):
            return 'edgecape-stage1'
        return name
    return None


def _graph_is_given(state: Mapping[str, Tensor]) -> bool:
    """Whether the weight of predicted edges is still at its start, 0."""
    weights = [v for name, v in state.items() if '.zero_conv.' in name]
    return not any(value.any() for value in weights)


def graph_variant(state: Mapping[str, Tensor]) -> str | None:
    """Where the decoder of a lineage checkpoint convolves along the graph.

    Args:
        state (Mapping[str, Tensor]): Official state dict.

    Returns:
        str | None: ``'pre'``, ``'post'``, ``'both'`` or None.
    """
    first, second = (
        any(
            re.search(rf'decoder\.layers\.0\.ffn{i}\.conv\.', n) for n in state
        )
        for i in (1, 2)
    )
    if first and second:
        return 'both'
    return 'pre' if first else 'post' if second else None


def convert_names(
    state: Mapping[str, Tensor],
    names: NameMap,
    target: Mapping[str, Tensor],
) -> Conversion:
    """Turn an official state dict into ours.

    Args:
        state (Mapping[str, Tensor]): Official state dict.
        names (NameMap): Map of its names.
        target (Mapping[str, Tensor]): State dict of our model, for shapes.

    Returns:
        Conversion: A state dict with all names of ``target``, and an account
        of all names of ``state``.

    Raises:
        UnsuitableCheckpointError: If a name is unknown, copies differ, one of
            ours is missing, or a shape does not fit.
    """
    groups = names.group(state)
    copies = []
    parts = {}
    for ours, (first, *others) in groups.items():
        parts[ours] = state[first].detach().clone()
        for other in others:
            if not torch.equal(state[first], state[other]):
                raise UnsuitableCheckpointError(
                    f'{first} and {other} should be copies of one another, '
                    'but differ: the weights are not of this method'
                )
            copies.append(other)
    joined = join_parts(parts)
    own = {name for name in target if name.endswith(_OWN_BUFFERS)}
    for name in own - set(joined):
        joined[name] = target[name].clone()
    missing = sorted(set(target) - set(joined))
    surplus = sorted(set(joined) - set(target))
    if missing or surplus:
        raise UnsuitableCheckpointError(
            f'{len(missing)} parameters of our model are not in the '
            f'checkpoint ({", ".join(missing[:3]) or "--"}), and '
            f'{len(surplus)} of the checkpoint are not in our model '
            f'({", ".join(surplus[:3]) or "--"})'
        )
    return Conversion(
        {name: _reshape(name, joined[name], target[name]) for name in target},
        converted=len(state) - len(copies) - _count_unused(state, names),
        copies=copies,
        unused={
            name: names.reason(name)
            for name in state
            if names.rename(name) is None
        },
    )


def _count_unused(state: Mapping[str, Tensor], names: NameMap) -> int:
    return sum(names.rename(name) is None for name in state)


def _reshape(name: str, value: Tensor, target: Tensor) -> Tensor:
    """A tensor with the axes of length 1 of the target."""
    shapes = [
        [size for size in tensor.shape if size != 1]
        for tensor in (value, target)
    ]
    if shapes[0] != shapes[1]:
        raise UnsuitableCheckpointError(
            f'{name} has the shape {tuple(value.shape)} in the checkpoint and '
            f'{tuple(target.shape)} in our model: another size of the method'
        )
    return value.reshape(target.shape).to(target.dtype)
