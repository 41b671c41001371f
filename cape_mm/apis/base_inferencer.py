# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import Any, Iterable, Iterator, Union

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import CheckpointLoader, load_checkpoint

from cape_mm.engine.checkpoint_loading import (
    check_checkpoint_is_safe,
    refuse_nonfinite_weights,
)
from cape_mm.engine.checkpoints import refuse_trained_parameters
from cape_mm.errors import DataError, UnsuitableCheckpointError

from .checkpoint_config import config_from_text, find_test_dataset
from .inputs.arguments import require

PathLike = Union[str, 'os.PathLike[str]']

_PACKAGE = Path(__file__).resolve().parents[1]
#: The checkout, or what an installed package carries of it.
HOME = next(
    folder
    for folder in (_PACKAGE.parent, _PACKAGE / '.mim')
    if (folder / 'tools' / 'train.py').is_file()
)


class BaseInferencer:
    """A trained model that is ready for images that belong to no dataset.

    Subclasses prepare their inputs with the test pipeline of the config, so
    that they are those of training, validation and test.

    Args:
        checkpoint (str | Path, optional): Checkpoint file or URL. All weights
            of the model have to be in it. Not needed for a config of which
            nothing is trained.
        config (Config | str | Path, optional): Config of the model. Defaults
            to the one that is stored in the checkpoint, which is read as
            data, not run.
        device (str | torch.device, optional): Device. Defaults to the GPU
            if there is one, else the CPU.
        allowed_types (Iterable[str]): Types that a stored config may name
            beside those of our recipes, such as ``'mmpose.ViPNASHead'``; their
            constructors get whatever the file says. Defaults to none.

    Attributes:
        cfg (Config): Whole config.
        model (BaseModel): Model in evaluation mode.
        test_dataset (dict): Config of the dataset of the test.

    Raises:
        FileNotFoundError: If a file does not exist.
        UnsafeCheckpointError: If reading the checkpoint would run code.
        UnsuitableCheckpointError: If config and checkpoint do not fit
            together.
    """

    #: Estimators that a subclass can use, and what they do.
    kinds: tuple[type, ...] = (BaseModel,)
    purpose = 'inference'

    def __init__(
        self,
        checkpoint: PathLike | None = None,
        config: Config | PathLike | None = None,
        device: str | torch.device | None = None,
        allowed_types: Iterable[str] = (),
    ) -> None:
        self.cfg = load_config(config, checkpoint, allowed_types)
        self.model = load_estimator(self.cfg, checkpoint, device)
        if not isinstance(self.model, self.kinds):
            expected = ' or '.join(kind.__name__ for kind in self.kinds)
            raise UnsuitableCheckpointError(
                f"'{checkpoint or self.cfg.filename}' is a "
                f'{type(self.model).__name__}, not for {self.purpose}: give '
                f'that of a {expected}'
            )
        self.test_dataset = find_test_dataset(self.cfg)

    @staticmethod
    def _batches(inputs: Iterable, batch_size: int) -> Iterator[list[Any]]:
        """Group inputs lazily; a wrong size is refused at once."""
        require('count', batch_size=batch_size)
        inputs = iter(inputs)
        return iter(lambda: list(islice(inputs, batch_size)), [])


def read_checkpoint(checkpoint: PathLike) -> dict:
    """Content of a checkpoint on the CPU, read without running its code."""
    require('path', checkpoint=checkpoint)
    checkpoint = os.path.expanduser(os.fspath(checkpoint))
    check_checkpoint_is_safe(checkpoint)
    return CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')


def load_config(
    config: Config | PathLike | None,
    checkpoint: PathLike | None,
    allowed_types: Iterable[str] = (),
) -> Config:
    """Get the config of a model.

    Args:
        config (Config | str | Path, optional): Config or its file; without
            it the config that is stored in the checkpoint.
        checkpoint (str | Path, optional): Checkpoint file or URL.
        allowed_types (Iterable[str]): Types beside
            :data:`~.checkpoint_config.ALLOWED_TYPES` that a stored config may
            name, such as ``'mmpose.ViPNASHead'``.

    Returns:
        Config: The config.

    Raises:
        FileNotFoundError: If one of the files does not exist.
        UnsuitableCheckpointError: If the checkpoint holds no config, or one
            that is more than data.
        UnsafeCheckpointError: If reading the checkpoint would run code.
    """
    require('list', allowed_types=allowed_types)
    if isinstance(config, Config):
        return config
    if config is not None:
        require('path', config=config)
        return Config.fromfile(os.path.expanduser(os.fspath(config)))
    if checkpoint is None:
        raise UnsuitableCheckpointError(
            'there is neither a checkpoint nor a config: give one of them'
        )
    text = (read_checkpoint(checkpoint).get('meta') or {}).get('cfg')
    if not isinstance(text, str):
        raise UnsuitableCheckpointError(
            f"'{checkpoint}' holds no config: give the config file, too"
        )
    try:
        return config_from_text(text, allowed_types)
    except ValueError as error:
        raise UnsuitableCheckpointError(f"'{checkpoint}': {error}") from None


def find_device(device: str | torch.device | None = None) -> torch.device:
    """Device of a name; without one the GPU if there is one, else the CPU.

    Raises:
        DataError: If there is no such device.
    """
    try:
        found = torch.device(device or get_device())
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).splitlines()[0][:90]
        raise DataError(
            f'the device {device!r} cannot be used ({reason}): choose cpu, or '
            'one that PyTorch finds'
        ) from None
    return found


def load_estimator(
    cfg: Config,
    checkpoint: PathLike | None,
    device: str | torch.device | None = None,
) -> BaseModel:
    """Build the model of a config and load its weights, all of them.

    Args:
        cfg (Config): Whole config.
        checkpoint (str | Path, optional): Checkpoint file or URL; None if
            nothing of the model is trained.
        device (str | torch.device, optional): Device. Defaults to the GPU
            if there is one, else the CPU.

    Returns:
        BaseModel: Model in evaluation mode.

    Raises:
        FileNotFoundError: If there is no such file.
        UnsafeCheckpointError: If reading the checkpoint would run code.
        UnsuitableCheckpointError: If the weights do not fit the model, or
            are not finite.
    """
    scope = cfg.get('default_scope') or 'mmpose'
    if not cfg.get('model'):
        raise UnsuitableCheckpointError(
            f"'{cfg.filename}' has no `model`: give another config"
        )
    with DefaultScope.overwrite_default_scope(scope):
        # Weights are not initialised: the checkpoint has all of them.
        model = MODELS.build(cfg.model)
    model = model.to(find_device(device)).eval()
    if checkpoint is None:
        refuse_trained_parameters(model, cfg.filename)
        return model
    require('path', checkpoint=checkpoint)
    checkpoint = os.path.expanduser(os.fspath(checkpoint))
    check_checkpoint_is_safe(checkpoint)
    try:
        load_checkpoint(model, checkpoint, map_location='cpu', strict=True)
    except RuntimeError as error:
        lines = [line[:100] for line in str(error).splitlines()[1:4] if line]
        raise UnsuitableCheckpointError(
            f"the weights in '{checkpoint}' are not those of the config's "
            f'model ({" ...; ".join(lines)} ...): give the config of its '
            'training, or another checkpoint'
        ) from None
    refuse_nonfinite_weights(model.state_dict(), checkpoint)
    return model
