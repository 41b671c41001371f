# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether the model can be built, and fits the targets and the landmarks."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Iterator

import torch
from mmengine.registry import MODELS
from mmpose.models.heads import HeatmapHead
from torch import nn

from ..rule import CONFIG_RULES, brief
from ..training_config import SPLITS, TrainingConfig, is_kind, type_name

#: Taken away from MMPose's heads in 1.0.0.
_REMOVED = ('input_transform', 'input_index', 'align_corners')


@CONFIG_RULES.error(
    'Correct the named argument or type; the class lists what it takes.'
)
def model_builds(config: TrainingConfig) -> Iterator[str]:
    """A model that cannot be built."""
    dry_model(config)
    problem = config.problem('model')
    if problem is not None:
        yield f'the model cannot be built: {brief(problem)}'


@CONFIG_RULES.error(
    'Merge the branches with neck=dict(type="FeatureMapProcessor", '
    'concat=True) and remove the argument, which heads no longer take since '
    'MMPose 1.0.'
)
def head_arguments(config: TrainingConfig) -> Iterator[str]:
    """Arguments that heads have lost in MMPose 1.0."""
    found = [key for key in _REMOVED if key in config.head]
    if found and _is_heatmap_head(config):
        yield (
            f'model.head ({type_name(config.head)}) is given '
            f'{", ".join(found)}'
        )


@CONFIG_RULES.error(
    'Set deconv_out_channels=None in model.head (the default is three '
    'upsampling layers), or give the codec the size that the head puts out.'
)
def heatmap_size(config: TrainingConfig) -> Iterator[str]:
    """Output and target of different size."""
    codec, model = config.decoder or {}, dry_model(config)
    has_size = codec.get('heatmap_size') and _is_heatmap_head(config)
    if not has_size or model is None:
        return
    input_size = tuple(codec['input_size'])
    try:
        actual = model.heatmap_size(input_size)
    except Exception as error:
        yield f'an input of {input_size} does not pass: {brief(error)}'
        return
    expected = tuple(codec['heatmap_size'])
    if actual is not None and actual != expected:
        yield (
            f'the head puts out {actual[0]} x {actual[1]} cells for an input '
            f'of {input_size[0]} x {input_size[1]}, the codec works with '
            f'{expected[0]} x {expected[1]}'
        )


@CONFIG_RULES.error(
    "Set the head's number of channels to the number of landmarks."
)
def head_channels(config: TrainingConfig) -> Iterator[str]:
    """Another number of channels than of landmarks."""
    channels = config.head.get('out_channels')
    if channels is None or not _is_heatmap_head(config):
        return
    for _, table in config.tables(['train'], uniform=True):
        count = len(table.keypoints_px[0])
        if channels != count:
            yield (
                f'model.head.out_channels is {channels}, the training data '
                f'have {count} landmarks'
            )


@CONFIG_RULES.error(
    'Normalise in model.data_preprocessor only, and remove the transform.'
)
def normalised_twice(config: TrainingConfig) -> Iterator[str]:
    """Mean and standard deviation taken off twice."""
    if not (config.model.get('data_preprocessor') or {}).get('mean'):
        return
    for split in SPLITS:
        for transform in config.pipeline(split):
            parts = [transform, *(transform.get('transforms') or [])]
            names = [type_name(part) for part in parts]
            found = [name for name in names if 'normalize' in name.lower()]
            if found:
                yield (
                    f'the pipeline of {split} has {found[0]}, and '
                    'model.data_preprocessor has a mean'
                )


def dry_model(config: TrainingConfig) -> DryModel | None:
    """The model, or None if there is none or it cannot be built."""
    if not config.model:
        return None
    return config.keep('model', lambda: DryModel(config.model))


class DryModel:
    """A model on PyTorch's ``meta`` device, without weights: its shapes."""

    def __init__(self, config: dict[str, Any]) -> None:
        with torch.device('meta'):
            self.module = MODELS.build(_without_weights(deepcopy(config)))
        self.module.eval()
        for part in self.module.modules():
            if isinstance(part, nn.ConvTranspose2d):
                part.register_forward_pre_hook(_check_channels)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each entry of the state."""
        state = self.module.state_dict().items()
        return {key: tuple(value.shape) for key, value in state}

    @torch.no_grad()
    def heatmap_size(
        self, input_size: tuple[int, int]
    ) -> tuple[int, int] | None:
        """(W, H) of the head's heatmaps, if any; fails if parts do not fit."""
        width, height = input_size
        inputs = torch.empty(1, 3, height, width, device='meta')
        output = self.module.head(self.module.extract_feat(inputs))
        if not isinstance(output, torch.Tensor) or output.ndim != 4:
            return None
        return output.shape[3], output.shape[2]


def _check_channels(layer: nn.ConvTranspose2d, inputs: tuple) -> None:
    """Check that PyTorch lacks on the ``meta`` device."""
    channels = inputs[0].shape[1]
    if channels != layer.in_channels:
        raise ValueError(
            f'a transposed convolution of {layer.in_channels} channels gets '
            f'{channels}'
        )


def _without_weights(config: Any) -> Any:
    """The config, changed in place, without ``init_cfg``, ``pretrained``."""
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


def _is_heatmap_head(config: TrainingConfig) -> bool:
    return is_kind(MODELS, config.head, HeatmapHead)
