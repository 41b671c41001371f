# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from mmengine.registry import MODELS
from torch import nn


class DryModel:
    """A model without memory for its weights, for questions of shape.

    It is built on PyTorch's ``meta`` device; nothing is loaded.

    Args:
        config (dict): Config of the model. Is not changed.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        with torch.device('meta'):
            self.module = MODELS.build(_without_weights(deepcopy(config)))
        self.module.eval()
        for part in self.module.modules():
            if isinstance(part, nn.ConvTranspose2d):
                part.register_forward_pre_hook(_check_channels)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Dict[str, Tuple[int, ...]]: Shape of each entry of the state."""
        return {
            key: tuple(value.shape)
            for key, value in self.module.state_dict().items()
        }

    @torch.no_grad()
    def heatmap_size(
        self, input_size: tuple[int, int]
    ) -> tuple[int, int] | None:
        """Size of the heatmaps that the head puts out.

        Args:
            input_size (Tuple[int, int]): Width and height of the input.

        Returns:
            Tuple[int, int] | None: Width and height in cells; None if the
            head puts out something else.

        Raises:
            Exception: Of any kind, if the parts do not fit each other.
        """
        width, height = input_size
        inputs = torch.empty(1, 3, height, width, device='meta')
        output = self.module.head(self.module.extract_feat(inputs))
        if not isinstance(output, torch.Tensor) or output.ndim != 4:
            return None
        return output.shape[3], output.shape[2]


def _check_channels(layer: nn.ConvTranspose2d, inputs: tuple) -> None:
    """What PyTorch forgets on the ``meta`` device."""
    channels = inputs[0].shape[1]
    if channels != layer.in_channels:
        raise ValueError(
            f'a transposed convolution of {layer.in_channels} channels gets '
            f'{channels}'
        )


def _without_weights(config: Any) -> Any:
    """Take all ``init_cfg`` and ``pretrained`` away."""
    if isinstance(config, dict):
        for key in list(config):
            if key in ('init_cfg', 'pretrained'):
                config[key] = None
            else:
                _without_weights(config[key])
    elif isinstance(config, (list, tuple)):
        for part in config:
            _without_weights(part)
    return config
