# Copyright (c) cape_mm contributors. All rights reserved.
"""How images are cut out and resized."""

from __future__ import annotations

from typing import Iterator

import numpy as np

from ..rule import CONFIG_RULES
from ..training_config import SPLITS, TrainingConfig, type_name

#: Random transforms without 'Random' in their name.
_RANDOM = ('Albumentation', 'PhotometricDistortion')
#: Share of the input that may be empty because of its shape.
_WASTE = 0.15


@CONFIG_RULES.error(
    'Give GetBBoxCenterScale the same padding in training, validation and '
    'test: otherwise everything has another size there.'
)
def padding_differs(config: TrainingConfig) -> Iterator[str]:
    """Another padding of the box in validation."""
    paddings = {
        split: float(transform.get('padding', 1.25))
        for split, transform in config.transforms('GetBBoxCenterScale')
    }
    if len(set(paddings.values())) > 1:
        listed = ', '.join(f'{s} {value:g}' for s, value in paddings.items())
        yield f'padding of GetBBoxCenterScale: {listed}'


@CONFIG_RULES.warning(
    'Set padding=1.0 in GetBBoxCenterScale of all pipelines; the default of '
    '1.25 is for boxes around people.'
)
def padding_whole_cephalogram(config: TrainingConfig) -> Iterator[str]:
    """Padding around a box that is the whole image."""
    transform = config.transform('train', 'GetBBoxCenterScale')
    table = config.table('train')
    if transform is None or table is None:
        return
    padding = float(transform.get('padding', 1.25))
    sides = table.boxes_px[:, 2:] - table.boxes_px[:, :2]
    # MMPose clips boxes to width - 1 and height - 1
    whole = np.all(sides >= table.sizes_px - 1.5, axis=1)
    if padding > 1.05 and whole.mean() > 0.9:
        yield (
            f'boxes are whole images, and padding {padding:g} leaves '
            f'{1 - padding**-2:.0%} of the input empty'
        )


@CONFIG_RULES.warning(
    'Give the input the shape of the images: TopdownAffine keeps the aspect '
    'ratio and fills up the rest.'
)
def input_aspect(config: TrainingConfig) -> Iterator[str]:
    """An input of another shape than the cephalograms."""
    affine = config.transform('train', 'TopdownAffine')
    table = config.table('train', schema=True)
    if affine is None or table is None:
        return
    sides = table.boxes_px[:, 2:] - table.boxes_px[:, :2]
    aspect = float(np.nanmedian(sides[:, 0] / sides[:, 1]))
    width, height = affine['input_size']
    ratio = (width / height) / aspect
    waste = 1 - min(ratio, 1 / ratio)
    if waste > _WASTE:
        yield (
            f'the input is {width} x {height}, the boxes are typically '
            f'{aspect:.2f} times as wide as high: {waste:.0%} of the input '
            'stay empty'
        )


@CONFIG_RULES.error(
    'Remove the Resize, or set keep_ratio=True: angles and lengths are wrong '
    'in a distorted image.'
)
def aspect_distorted(config: TrainingConfig) -> Iterator[str]:
    """A ``Resize`` that squeezes."""
    for split in SPLITS:
        for transform in config.pipeline(split):
            for part in [transform, *(transform.get('transforms') or [])]:
                is_resize = type_name(part) == 'Resize'
                if is_resize and not part.get('keep_ratio', False):
                    yield f'the pipeline of {split} has a Resize without ratio'


@CONFIG_RULES.error(
    'Remove the transform from the pipeline: what is measured must not depend '
    'on chance.'
)
def random_validation(config: TrainingConfig) -> Iterator[str]:
    """Augmentation in validation or test."""
    for split in ('val', 'test'):
        for transform in config.pipeline(split):
            name = type_name(transform)
            if 'Random' in name or name in _RANDOM:
                yield f'the pipeline of {split} has {name}'


@CONFIG_RULES.warning(
    'Set model.test_cfg.flip_test=False, or add RandomFlip to the training '
    'pipeline: the model was never trained on a mirrored image.'
)
def flip_test_untrained(config: TrainingConfig) -> Iterator[str]:
    """A mirrored test after training without."""
    flips = (config.model.get('test_cfg') or {}).get('flip_test', False)
    names = [type_name(t) for t in config.pipeline('train')]
    if flips and names and 'RandomFlip' not in names:
        yield 'the test averages over the mirrored image'
