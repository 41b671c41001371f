# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Mapping

import torch
from torch import Tensor

from cape_mm.errors import UnsuitableCheckpointError


class UnknownNameError(UnsuitableCheckpointError):
    """A checkpoint has names that no rule knows."""


@dataclass(frozen=True)
class NameMap:
    r"""Rules that turn the names of a foreign state dict into ours.

    The first rule whose expression matches the beginning of a name counts;
    the rest of the name is kept. ``name[i/n]`` stands for the i-th of n parts
    of our tensor ``name``, see :func:`join_parts`.

    Example:
        >>> names = NameMap(
        ...     rules=((r'encoder\.(\d+)\.fc\.', r'layers.\1.linear.'),),
        ...     unused=((r'classifier\.', 'classes of ImageNet'),))
        >>> names.rename('encoder.0.fc.weight')
        'layers.0.linear.weight'
        >>> names.rename('classifier.bias') is None
        True

    Attributes:
        rules (tuple[tuple[str, str], ...]): Regular expressions of the
            beginning of foreign names, and what takes its place.
        unused (tuple[tuple[str, str], ...]): Regular expressions of the
            beginning of names without a counterpart, and the reason.
    """

    rules: tuple[tuple[str, str], ...]
    unused: tuple[tuple[str, str], ...] = ()

    def rename(self, name: str) -> str | None:
        """Our name of a foreign one, or None if it has no counterpart.

        Args:
            name (str): Name in the foreign state dict.

        Returns:
            str | None: Name in ours.

        Raises:
            UnknownNameError: If no rule matches.
        """
        for pattern, replacement in self.rules:
            match = re.match(pattern, name)
            if match:
                return match.expand(replacement) + name[match.end() :]
        if self.reason(name) is not None:
            return None
        raise UnknownNameError(f'no rule knows the parameter {name!r}')

    def reason(self, name: str) -> str | None:
        """Why a foreign name has no counterpart; None if it has one.

        Args:
            name (str): Name in the foreign state dict.

        Returns:
            str | None: The reason.
        """
        for pattern, reason in self.unused:
            if re.match(pattern, name):
                return reason
        return None

    def with_prefix(self, prefix: str, ours: str) -> NameMap:
        """The same rules for names that begin with a prefix.

        Args:
            prefix (str): Prefix of foreign names, literally.
            ours (str): Prefix of ours.

        Returns:
            NameMap: The rules.
        """
        start = re.escape(prefix)
        return NameMap(
            tuple((start + one, ours + other) for one, other in self.rules),
            tuple((start + one, reason) for one, reason in self.unused),
        )

    def __add__(self, other: NameMap) -> NameMap:
        """The rules of both, these first."""
        return NameMap(self.rules + other.rules, self.unused + other.unused)

    def group(self, names: Iterable[str]) -> Mapping[str, list[str]]:
        """Foreign names by ours; those without a counterpart are left out.

        Args:
            names (Iterable[str]): Names in the foreign state dict.

        Returns:
            Mapping[str, list[str]]: One foreign name of each of ours, more
            where a checkpoint holds copies.

        Raises:
            UnknownNameError: If no rule knows one or more of the names.
        """
        found: dict[str, list[str]] = {}
        unknown = []
        for name in names:
            try:
                ours = self.rename(name)
            except UnknownNameError:
                unknown.append(name)
                continue
            if ours is not None:
                found.setdefault(ours, []).append(name)
        if unknown:
            listed = ', '.join(unknown[:5])
            more = f' and {len(unknown) - 5} more' if len(unknown) > 5 else ''
            raise UnknownNameError(
                f'{len(unknown)} parameters are of no known method: '
                f'{listed}{more}'
            )
        return found


_PART = re.compile(r'(.+)\[(\d+)/(\d+)(~?)\]')


def join_parts(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Join tensors that are parts of one of ours along the first axis.

    ``name[i/n]`` is the i-th of n parts, from 0. With ``name[i/n~]``, parts
    that are not given are 0: some checkpoints leave zeros out.

    Args:
        tensors (Mapping[str, Tensor]): Tensors by our names, with parts.

    Returns:
        dict[str, Tensor]: Tensors by our names alone.

    Raises:
        UnsuitableCheckpointError: If a part is missing.
    """
    joined: dict[str, Tensor] = {}
    found: dict[tuple[str, int], dict[int, Tensor]] = {}
    for name, tensor in tensors.items():
        match = _PART.fullmatch(name)
        if match is None:
            joined[name] = tensor
            continue
        whole, index, count, zeros = match.groups()
        parts = found.setdefault((whole, int(count)), {})
        parts[int(index)] = tensor
        if zeros:
            for other in range(int(count)):
                parts.setdefault(other, torch.zeros_like(tensor))
    for (name, count), parts in found.items():
        if len(parts) < count:
            raise UnsuitableCheckpointError(
                f'{name}: {count - len(parts)} of {count} parts are missing'
            )
        joined[name] = torch.cat([parts[i] for i in range(count)])
    return joined
