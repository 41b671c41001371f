# Copyright (c) cape_mm contributors. All rights reserved.
"""Name maps of foreign checkpoints as data, and the function that applies one.

A method is a tuple of :class:`Source`, one for each prefix of its official
checkpoint. The :class:`Rule` of a source are tried in order on a key without
its prefix; the first whose pattern matches the whole key decides.
"""

from __future__ import annotations

import re
from typing import Mapping, NamedTuple, Sequence

import torch
from torch import Tensor

from cape_mm.errors import DataError


class Rule(NamedTuple):
    """What becomes of the official keys that match a pattern.

    Attributes:
        official (str): Regular expression of the whole key, no prefix.
        ours (str): Template of our key, with groups as ``\\1``; empty if the
            tensor is dropped.
        reason (str): Why it is dropped.
        drop_last_axis (bool): Whether the last axis, of length 1, goes.
        part (tuple[int, int], optional): Index and number of parts, if our
            tensor is several official ones, joined along the first axis.
        zero_parts (tuple[int, ...]): Parts that the official checkpoint does
            not store because they are 0.
    """

    official: str
    ours: str = ''
    reason: str = ''
    drop_last_axis: bool = False
    part: tuple[int, int] | None = None
    zero_parts: tuple[int, ...] = ()


class Source(NamedTuple):
    """Keys of one prefix of an official checkpoint.

    Attributes:
        prefix (str): Prefix of the official keys, with its dot.
        target (str): Prefix of our keys, with its dot.
        rules (tuple[Rule, ...]): Rules of the keys without prefix.
        copy_of (str): Prefix that must hold the same tensors, if the official
            code saves one module twice. No rules then.
        reason (str): Why the whole prefix is dropped. No rules then.
    """

    prefix: str
    target: str = ''
    rules: tuple[Rule, ...] = ()
    copy_of: str = ''
    reason: str = ''


class Renamed(NamedTuple):
    """Tensors under our names, and what was left out."""

    state_dict: dict[str, Tensor]
    dropped: dict[str, str]  # official key without prefix -> reason


def rename(state_dict: Mapping[str, Tensor], rules: Sequence[Rule]) -> Renamed:
    """Rename and reshape the tensors of one source.

    Differentiable: results are views of the given tensors, or made of them.

    Args:
        state_dict (Mapping[str, Tensor]): Official tensors, no prefix.
        rules (Sequence[Rule]): Rules, see above.

    Returns:
        Renamed: Our tensors, and every other key with its reason.

    Raises:
        DataError: If no rule knows a key, two keys claim the same place, or
            a part is missing.
    """
    dropped: dict[str, str] = {}
    found: dict[str, dict[int, Tensor]] = {}
    numbers: dict[str, tuple[int, tuple[int, ...]]] = {}
    for key, tensor in state_dict.items():
        rule, name = _resolve(key, rules)
        if not name:
            dropped[key] = rule.reason
            continue
        index, number = rule.part or (0, 1)
        parts = found.setdefault(name, {})
        if index in parts:
            raise DataError(f'{key}: {name} is already taken by another key')
        parts[index] = tensor.squeeze(-1) if rule.drop_last_axis else tensor
        zeros = numbers.get(name, (0, ()))[1] + rule.zero_parts
        numbers[name] = number, zeros
    joined = {
        name: _join(name, parts, *numbers[name])
        for name, parts in found.items()
    }
    return Renamed(joined, dropped)


def _resolve(key: str, rules: Sequence[Rule]) -> tuple[Rule, str]:
    """Find the rule of a key, and our name by it."""
    for rule in rules:
        match = re.fullmatch(rule.official, key)
        if match:
            return rule, match.expand(rule.ours)
    raise DataError(
        f'{key}: the method has no such tensor. Is the checkpoint of another '
        'method, or trained with another configuration?'
    )


def _join(
    name: str,
    parts: dict[int, Tensor],
    number: int,
    zero_parts: tuple[int, ...],
) -> Tensor:
    """Join the parts of a tensor along the first axis."""
    for index in zero_parts:
        parts.setdefault(index, torch.zeros_like(next(iter(parts.values()))))
    if len(parts) < number:
        raise DataError(f'{name}: {number - len(parts)} of its parts missing')
    if number == 1:
        return parts[0]
    return torch.cat([parts[index] for index in range(number)])
