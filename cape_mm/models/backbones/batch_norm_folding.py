# Copyright (c) cape_mm contributors. All rights reserved.
"""Batch normalisation inside the weights of convolutions, for inference."""

from __future__ import annotations

import copy
from typing import Any, Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


@torch.inference_mode(False)  # the copy is for other modes, too
@torch.no_grad()
def fold_batch_norm(
    network: nn.Module, run: Callable[[nn.Module], Any]
) -> nn.Module:
    """Copy a network, with batch normalisation folded into convolutions.

    With fixed statistics, batch normalisation is a factor and a shift of
    every channel, which its convolution can have in its weights and bias.

    Args:
        network (nn.Module): Network of timm in evaluation mode; it is not
            changed.
        run (Callable): Forward of a network on any input, which shows what
            normalises the output of which convolution.

    Returns:
        nn.Module: The copy, for inference only: it has other parameters. The
        network itself if it has no batch normalisation.
    """
    from timm.layers import Conv2dSame

    if not any(isinstance(m, nn.BatchNorm2d) for m in network.modules()):
        return network
    folded = copy.deepcopy(network)
    last: list = [None, None]  # the last convolution and its output
    pairs: list[tuple[nn.Module, nn.Module]] = []

    def after_convolution(module: nn.Module, _: Any, output: Tensor) -> None:
        last[:] = module, output

    def after_norm(module: nn.Module, inputs: tuple, _: Tensor) -> None:
        if inputs[0] is last[1]:
            pairs.append((last[0], module))

    hooks = []
    for module in folded.modules():
        # others may change their weights before they use them
        if type(module) in (nn.Conv2d, Conv2dSame):
            hooks.append(module.register_forward_hook(after_convolution))
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_hook(after_norm))
    run(folded)
    for hook in hooks:
        hook.remove()

    rest = {}
    for convolution, norm in pairs:
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
    for parent in list(folded.modules()):
        for name, child in parent.named_children():
            if child in rest:
                setattr(parent, name, rest[child])
    return folded.requires_grad_(False)


def state_version(network: nn.Module) -> list[tuple[int, int]]:
    """What differs after a change of a parameter or buffer.

    A change through ``.data`` is not noticed.
    """
    tensors = (*network.parameters(), *network.buffers())
    return [
        (x.data_ptr(), 0 if x.is_inference() else x._version) for x in tensors
    ]
