# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether targets say what is to be learnt, and can be read back."""

from __future__ import annotations

from typing import Iterator

import numpy as np
from mmengine.dataset import Compose
from mmpose.registry import KEYPOINT_CODECS

from cape_mm.datasets.pipeline import spread_indices

from ..cephalogram_table import CephalogramTable
from ..rule import CONFIG_RULES
from ..training_config import TrainingConfig, type_name

#: Settings that the decoder must share with the encoder.
_SHARED = ('input_size', 'heatmap_size', 'unbiased', 'sigma', 'heatmap_type')

#: Two Gaussian targets are alike above this (their correlation).
_ALIKE = 0.95
#: A target of +-3 sigma covers more than this share of the map's side.
_WIDE = 0.3
#: Half of the 2 mm that clinicians accept is lost by decoding alone.
_FLOOR_MM = 1.0
#: Cephalograms that distances, and decoding, are measured on.
_NUM_CEPHALOGRAMS, _NUM_DECODED = 64, 8


@CONFIG_RULES.error(
    'Use one variable, codec = dict(...), for the encoder of GenerateTarget '
    'and for model.head.decoder.'
)
def encoder_decoder(config: TrainingConfig) -> Iterator[str]:
    """Targets read in another way than they are made."""
    encoder, decoder = config.encoder, config.decoder
    if not encoder or not decoder:
        return
    if type_name(encoder) != type_name(decoder):
        yield (
            f'targets are made by {type_name(encoder)} and read by '
            f'{type_name(decoder)}'
        )
    for key in _SHARED:
        if key in encoder and key in decoder:
            ours, theirs = encoder[key], decoder[key]
            # a list may equal a tuple
            if not np.array_equal(ours, theirs):
                yield (
                    f'{key} is {ours} in the encoder and {theirs} in '
                    'model.head.decoder'
                )


@CONFIG_RULES.error(
    'Give TopdownAffine of all pipelines and the codec the same input_size.'
)
def codec_input_size(config: TrainingConfig) -> Iterator[str]:
    """A crop of another size than the codec expects."""
    codec = config.encoder or config.decoder or {}
    expected = codec.get('input_size')
    if expected is None:
        return
    for split, affine in config.transforms('TopdownAffine'):
        actual = affine.get('input_size')
        if actual is not None and tuple(actual) != tuple(expected):
            yield (
                f'TopdownAffine of {split} makes {tuple(actual)}, the codec '
                f'expects {tuple(expected)}'
            )


@CONFIG_RULES.warning(
    'Set use_udp=True in TopdownAffine of all pipelines with UDPHeatmap, and '
    'only with it.'
)
def udp_pairing(config: TrainingConfig) -> Iterator[str]:
    """UDP in the codec or in the affine only."""
    codec = config.encoder or config.decoder or {}
    if not codec.get('heatmap_size'):
        return
    is_udp = type_name(codec) == 'UDPHeatmap'
    for split, affine in config.transforms('TopdownAffine'):
        if bool(affine.get('use_udp', False)) != is_udp:
            yield (
                f'the codec is {type_name(codec)}, and TopdownAffine of '
                f'{split} has use_udp={not is_udp}: points are off by up to '
                'half an input pixel per cell'
            )


@CONFIG_RULES.warning(
    'Use a smaller sigma or a larger heatmap, so that neighbouring landmarks '
    'have different targets.'
)
def sigma_overlap(config: TrainingConfig) -> Iterator[str]:
    """Neighbouring landmarks with nearly the same target."""
    codec = config.encoder or {}
    table = config.table('train', uniform=True)
    has_maps = codec.get('sigma') and codec.get('heatmap_size')
    if not has_maps or table is None:
        return
    indices = spread_indices(len(table), _NUM_CEPHALOGRAMS)
    cropped = _crop(config, table, indices)
    if not cropped:
        return
    points = np.stack([crop['transformed_keypoints'][0] for crop in cropped])
    visible = np.stack([crop['keypoints_visible'][0] for crop in cropped])
    cells = points / np.divide(codec['input_size'], codec['heatmap_size'])
    cells[visible <= 0] = np.nan
    first, second = np.triu_indices(cells.shape[1], k=1)
    gaps = np.linalg.norm(cells[:, first] - cells[:, second], axis=-1)
    counts = np.isfinite(gaps).sum(axis=0)
    if not counts.any():
        return
    median = np.full(len(first), np.inf)
    median[counts > 0] = np.nanmedian(gaps[:, counts > 0], axis=0)
    nearest = int(median.argmin())
    sigma = float(np.max(codec['sigma']))
    alike = np.exp(-((median[nearest] / (2 * sigma)) ** 2))
    if alike > _ALIKE:
        pair = [table.label(i[nearest]) for i in (first, second)]
        yield (
            f'{pair[0]} and {pair[1]} are {median[nearest]:.1f} cells apart, '
            f'with sigma {sigma:g} their targets are {alike:.0%} alike'
        )


@CONFIG_RULES.warning(
    'Use a smaller sigma or a larger heatmap: a target that covers much of '
    'the map says little about the place.'
)
def sigma_spread(config: TrainingConfig) -> Iterator[str]:
    """A target as wide as much of the map."""
    codec = config.encoder or {}
    if not codec.get('sigma') or not codec.get('heatmap_size'):
        return
    sigma, side = float(np.max(codec['sigma'])), min(codec['heatmap_size'])
    if 6 * sigma > _WIDE * side:
        yield (
            f'sigma {sigma:g} spans +-{3 * sigma:g} cells, '
            f'{6 * sigma / side:.0%} of the {side} cells of the heatmap'
        )


@CONFIG_RULES.warning(
    'Use a sigma of at least one cell, 1.5 with unbiased=True: below that '
    'the place between the cells is lost.'
)
def sigma_narrow(config: TrainingConfig) -> Iterator[str]:
    """A target narrower than a cell."""
    codec = config.encoder or {}
    if not codec.get('sigma') or not codec.get('heatmap_size'):
        return
    sigma = float(np.min(codec['sigma']))
    least = 1.5 if codec.get('unbiased') else 1.0
    if sigma < least:
        yield f'sigma is {sigma:g} cells'


@CONFIG_RULES.warning(
    'Use a larger input, unbiased=True or UDPHeatmap, and a box without '
    'padding: no training gets below this error.'
)
def decoding_floor(config: TrainingConfig) -> Iterator[str]:
    """More than 1 mm lost by decoding perfect maps."""
    codec = config.encoder or {}
    table = config.table('train', uniform=True)
    is_read = codec.get('heatmap_size') and config.decoder
    if not is_read or table is None:
        return
    known = np.flatnonzero(np.isfinite(table.spacings).all(axis=1))
    indices = known[spread_indices(len(known), _NUM_DECODED)].tolist()
    encoder = KEYPOINT_CODECS.build(dict(codec))
    decoder = KEYPOINT_CODECS.build(dict(config.decoder))
    cell = np.divide(codec['input_size'], codec['heatmap_size'])
    errors, cells = [], []
    for index, crop in zip(indices, _crop(config, table, indices)):
        encoded = encoder.encode(
            crop['transformed_keypoints'], crop['keypoints_visible']
        )
        if 'heatmaps' not in encoded:
            return
        decoded, _ = decoder.decode(encoded['heatmaps'])
        # as TopdownPoseEstimator does it; of the input, UDP's codec and affine
        # have different ideas
        scale = crop['input_scale'] / crop['input_size']
        corner = crop['input_center'] - crop['input_scale'] / 2
        counts = encoded['keypoint_weights'][0] > 0
        points_px, spacing = decoded[0] * scale + corner, table.spacings[index]
        offsets_mm = (points_px - table.keypoints_px[index]) * spacing
        errors += np.linalg.norm(offsets_mm[counts], axis=-1).tolist()
        # mm per pixel of the input
        cells.append(np.mean(cell * (scale * spacing)))
    if errors and np.mean(errors) > _FLOOR_MM:
        yield (
            f'perfect heatmaps are read with a mean error of '
            f'{np.mean(errors):.2f} mm (a cell is {np.mean(cells):.1f} mm), '
            'of 2 mm that are acceptable'
        )


@CONFIG_RULES.warning(
    'Set use_dataset_keypoint_weights=True in GenerateTarget, or remove the '
    'weights.'
)
def weights_without_effect(config: TrainingConfig) -> Iterator[str]:
    """Weights of landmarks that do not reach the loss."""
    generate = config.transform('train', 'GenerateTarget')
    if generate is None or generate.get('use_dataset_keypoint_weights'):
        return
    dataset = config.built_dataset('train')
    weights = getattr(dataset, 'metainfo', {}).get('dataset_keypoint_weights')
    if weights is not None and len(set(np.ravel(weights).tolist())) > 1:
        yield (
            f'the training data weight landmarks from {np.min(weights):g} to '
            f'{np.max(weights):g}, and GenerateTarget does not use it'
        )


def _crop(
    config: TrainingConfig, table: CephalogramTable, indices: list[int]
) -> list[dict]:
    """Keypoints after box and affine of the validation; empty without."""
    kinds = ('GetBBoxCenterScale', 'TopdownAffine')
    transforms = [config.transform('val', kind) for kind in kinds]
    boxes = table.boxes_px[indices]
    if None in transforms or not np.isfinite(boxes).all():
        return []
    steps = Compose([dict(transform) for transform in transforms])

    def one_float32(values: np.ndarray) -> np.ndarray:
        return values[None].astype(np.float32)

    return [
        steps(
            dict(
                img=np.zeros((2, 2, 3), np.uint8),  # only keypoints matter
                bbox=one_float32(box),
                keypoints=one_float32(table.keypoints_px[index]),
                keypoints_visible=one_float32(table.visible[index]),
            )
        )
        for index, box in zip(indices, boxes)
    ]
