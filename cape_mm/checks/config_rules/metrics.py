# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether metrics measure what they say."""

from __future__ import annotations

from typing import Any, Iterator, NamedTuple

import numpy as np
from mmengine.evaluator import Evaluator
from mmengine.registry import METRICS
from mmengine.structures import InstanceData
from mmpose.evaluation.metrics import JhmdbPCKAccuracy, PCKAccuracy
from torch.utils.data import Dataset

from cape_mm.datasets.pipeline import spread_indices

from ..rule import CONFIG_RULES, WARNING, Message, brief
from ..training_config import TrainingConfig, is_kind, type_name

_NUM_SAMPLES = 16
#: Arguments of metrics that make them write files.
_FILES = ('dump_file', 'out_file', 'out_file_path', 'outfile_prefix')


@CONFIG_RULES.error(
    'Correct the arguments of the metrics, or what the data pass on to them.'
)
def metric_works(config: TrainingConfig) -> Iterator[str]:
    """Metrics that fail on perfect predictions."""
    probe_metrics(config)
    problem = config.problem('metrics')
    if problem is not None:
        yield f'the metrics of the validation fail: {brief(problem)}'


@CONFIG_RULES.error(
    "Use norm_item='bbox': 'torso' is the distance of keypoints 4 and 5, and "
    "'head' a length, that only certain datasets of people have."
)
def torso_of_another_schema(config: TrainingConfig) -> Iterator[str]:
    """PCK by a torso that is none."""
    table = config.table('val', uniform=True)
    torso = 'keypoints 4 and 5'
    if table is not None and len(table.visible[0]) >= 6:
        torso = f'{table.label(4)} and {table.label(5)}'
    for split in ('val', 'test'):
        for metric in config.metrics(split):
            items = metric.get('norm_item', 'bbox')
            items = [items] if isinstance(items, str) else items
            is_pck = is_kind(METRICS, metric, PCKAccuracy)
            has_torso = is_kind(METRICS, metric, JhmdbPCKAccuracy)
            if is_pck and not has_torso and 'torso' in items:
                yield (
                    f'{type_name(metric)} of {split} is normalised by the '
                    f'torso, here the distance of {torso}'
                )


@CONFIG_RULES.error(
    "Add 'spacing' to meta_keys of PackPoseInputs in the pipelines of "
    'validation and test: without it no error is given in mm.'
)
def spacing_not_packed(config: TrainingConfig) -> Iterator[str]:
    """A spacing that does not reach the metric."""
    for split, table in config.tables(('val', 'test')):
        item = config.first_sample(split)
        is_known = np.isfinite(table.spacings).all(axis=1).any()
        if item is not None and is_known:
            metainfo = getattr(item['data_samples'], 'metainfo', {})
            if 'spacing' not in metainfo:
                yield f'samples of {split} lack the spacing that the file has'


@CONFIG_RULES.error(
    'Add the spacing to the annotation file, from the file of the cephalogram '
    'or measured at its ruler: an error in mm needs it.'
)
def spacing_missing(config: TrainingConfig) -> Iterator[str | Message]:
    """Cephalograms without spacing; a warning in training."""
    for split, table in config.tables(schema=True):
        missing = int((~np.isfinite(table.spacings).all(axis=1)).sum())
        if missing:
            text = (
                f'{missing} of {len(table)} cephalograms of {split} have none'
            )
            yield text if split != 'train' else Message(text, WARNING)


class MetricProbe(NamedTuple):
    """Metrics of two predictors, on some samples of the validation."""

    #: of predictions that equal the annotations
    perfect: dict[str, float]
    #: of predictions that are blind to the image: the mean shape of the
    #: training data, or, if landmarks differ in number, the middle of the box
    constant: dict[str, float]
    #: the latter in words
    blind_to: str


def probe_metrics(config: TrainingConfig) -> MetricProbe | None:
    """Metrics of the validation; None without data, or if one fails."""
    dataset = config.built_dataset('val')
    if dataset is None or config.first_sample('val') is None:
        return None
    return config.keep(
        'metrics',
        lambda: _probe(config.metrics('val'), dataset, _mean_shape(config)),
    )


def _probe(
    metrics: list[dict], dataset: Dataset, shape_norm: np.ndarray | None
) -> MetricProbe:
    """Metrics of perfect predictions and of a shape (K, 2) by image size."""
    indices = spread_indices(len(dataset), _NUM_SAMPLES)
    blind_to = 'the mean shape of the training data'
    if shape_norm is None:
        blind_to = 'the middle of the box'
    fileless = [
        {k: v for k, v in metric.items() if k not in _FILES}
        for metric in metrics
    ]

    def score(is_perfect: bool) -> dict[str, float]:
        evaluator = Evaluator(fileless)
        evaluator.dataset_meta = getattr(dataset, 'metainfo', None)
        for index in indices:
            data = dataset[index]
            sample = data['data_samples']
            # queries of an episode, or the sample itself
            for member in getattr(sample, 'queries', [sample]):
                keypoints = np.array(member.gt_instances.keypoints, np.float32)
                if not is_perfect:
                    keypoints[:] = _blind_keypoints(member, shape_norm)
                _predict(member, keypoints)
            evaluator.process([sample], data)
        return {
            key: float(value)
            for key, value in evaluator.evaluate(len(indices)).items()
            if np.isscalar(value) or getattr(value, 'size', 0) == 1
        }

    return MetricProbe(score(True), score(False), blind_to)


def _predict(sample: Any, keypoints: np.ndarray) -> None:
    """Make keypoints (N, K, 2), in original pixels, the predictions."""
    made_up = InstanceData(
        keypoints=keypoints,
        keypoint_scores=np.ones(keypoints.shape[:2], dtype=np.float32),
        bboxes=np.array(sample.gt_instances.bboxes),
        bbox_scores=np.ones(len(keypoints), dtype=np.float32),
    )
    sample.pred_instances = made_up
    sample.teacher_forced_instances = made_up


def _blind_keypoints(sample: Any, shape_norm: np.ndarray | None) -> np.ndarray:
    """The shape (K, 2) in original pixels, or the middle (2,) of the box."""
    if shape_norm is None:
        box = np.asarray(sample.gt_instances.bboxes, dtype=np.float32)[0]
        return (box[:2] + box[2:]) / 2
    height, width = sample.metainfo['ori_shape'][:2]
    return shape_norm * (width, height)


def _mean_shape(config: TrainingConfig) -> np.ndarray | None:
    """Mean shape (K, 2) of the training data by image size; None without."""
    table = config.table('train', uniform=True)
    if table is None:
        return None
    keypoints_norm = table.points_px / table.sizes_px[:, None]
    if not np.isfinite(keypoints_norm).any(axis=0).all():
        return None
    return np.nanmean(keypoints_norm, axis=0)
