# Copyright (c) cape_mm contributors. All rights reserved.
"""Batch normalisation inside the weights of convolutions, for inference."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from typing import Any, Callable, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

Run = Callable[[nn.Module], Any]


class FoldedNetwork(NamedTuple):
    """A network for inference, made of another one.

    Attributes:
        network (nn.Module): Network with weights of its own.
        sources (list[Tensor]): Parameters and buffers of the other one.
        states (list[tuple]): Place and version of each of them.
    """

    network: nn.Module
    sources: list
    states: list

    def is_current(self) -> bool:
        """Whether the sources are unchanged, other than through ``.data``."""
        return self.states == list(map(_state, self.sources))


@torch.inference_mode(False)  # the copy is for other modes, too
@torch.no_grad()
def fold_batch_norm(network: nn.Module, run: Run) -> FoldedNetwork:
    """Copy a network, with batch normalisation folded into convolutions.

    With fixed statistics, batch normalisation is a factor and a shift of
    every channel, which its convolution can have in its weights and bias.

    Args:
        network (nn.Module): Network of timm in evaluation mode; it is not
            changed.
        run (Callable): Forward of a network on any input, which shows what
            normalises the output of which convolution.

    Returns:
        FoldedNetwork: The copy; the network itself if it has no batch
        normalisation.
    """
    sources = [*network.parameters(), *network.buffers()]
    states = list(map(_state, sources))
    if not any(isinstance(m, nn.BatchNorm2d) for m in network.modules()):
        return FoldedNetwork(network, sources, states)
    network = copy.deepcopy(network)
    rest = {}
    for convolution, norm in _find_pairs(network, run):
        convolution.weight, convolution.bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        # timm's BatchNormAct2d goes on with dropout and the activation
        rest[norm] = nn.Sequential(*norm.children())
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if child in rest:
                setattr(parent, name, rest[child])
    return FoldedNetwork(network.requires_grad_(False), sources, states)


def _find_pairs(
    network: nn.Module, run: Run
) -> list[tuple[nn.Module, nn.Module]]:
    """Convolutions, and what normalises their outputs."""
    from timm.layers import Conv2dSame

    last: list = [None, None]  # the last convolution and its output
    pairs = []

    def after_convolution(module: nn.Module, _: Any, output: Tensor) -> None:
        last[:] = module, output

    def after_norm(module: nn.Module, inputs: tuple, _: Tensor) -> None:
        if inputs[0] is last[1]:
            pairs.append((last[0], module))

    with ExitStack() as hooks:
        for module in network.modules():
            # other convolutions may change their weights before they use them
            if type(module) in (nn.Conv2d, Conv2dSame):
                hook = module.register_forward_hook(after_convolution)
            elif isinstance(module, nn.BatchNorm2d):
                hook = module.register_forward_hook(after_norm)
            else:
                continue
            hooks.enter_context(hook)
        run(network)
    return pairs


def _state(tensor: Tensor) -> tuple[int, int]:
    """What differs after a change: where the values are, and their version."""
    return tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version
