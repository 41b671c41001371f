# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator

import numpy as np
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from torch.utils.data import Dataset

from cape_mm.datasets.pipeline import spread_indices

_NUM_ITEMS = 16
#: Arguments of metrics that make them write files.
_FILES = ('dump_file', 'out_file', 'out_file_path', 'outfile_prefix')


@dataclass(frozen=True)
class MetricProbe:
    """What the metrics give for two predictors, on some items.

    Attributes:
        perfect (Dict[str, float]): Predictions that equal the annotations.
        constant (Dict[str, float]): Predictions that are blind to the
            image: the mean shape of the training data, or, if the number
            of landmarks differs, the middle of the box.
        blind_to (str): What the latter is, for messages.
    """

    perfect: dict[str, float]
    constant: dict[str, float]
    blind_to: str


def probe_metrics(
    metrics: list[dict],
    dataset: Dataset,
    mean_shape_norm: np.ndarray | None = None,
) -> MetricProbe:
    """Run the metrics on made-up predictions.

    Args:
        metrics (List[dict]): Their configs.
        dataset (Dataset): Of the validation.
        mean_shape_norm (np.ndarray, optional): (K, 2) by image size.

    Returns:
        MetricProbe: The values.
    """
    indices = spread_indices(len(dataset), _NUM_ITEMS)
    blind_to = 'the mean shape of the training data'
    if mean_shape_norm is None:
        blind_to = 'the middle of the box'

    def score(is_perfect: bool) -> dict[str, float]:
        evaluator = Evaluator([_without_files(m) for m in metrics])
        evaluator.dataset_meta = getattr(dataset, 'metainfo', None)
        for index in indices:
            item = dataset[index]
            sample = item['data_samples']
            for member in _members(sample):
                _predict(
                    member, None if is_perfect else mean_shape_norm, is_perfect
                )
            evaluator.process([sample], item)
        return {
            key: float(value)
            for key, value in evaluator.evaluate(len(indices)).items()
            if np.isscalar(value) or getattr(value, 'size', 0) == 1
        }

    return MetricProbe(score(True), score(False), blind_to)


def _members(sample: Any) -> Iterator[Any]:
    """The samples that carry predictions: queries of an episode, or itself."""
    yield from getattr(sample, 'queries', [sample])


def _predict(
    sample: Any, shape_norm: np.ndarray | None, is_perfect: bool
) -> None:
    truth = sample.gt_instances
    keypoints = np.array(truth.keypoints, dtype=np.float32)
    if not is_perfect:
        keypoints[:] = _blind_points(sample, shape_norm)
    made_up = InstanceData(
        keypoints=keypoints,
        keypoint_scores=np.ones(keypoints.shape[:2], dtype=np.float32),
        bboxes=np.array(truth.bboxes),
        bbox_scores=np.ones(len(keypoints), dtype=np.float32),
    )
    sample.pred_instances = made_up
    sample.teacher_forced_instances = made_up


def _blind_points(sample: Any, shape_norm: np.ndarray | None) -> np.ndarray:
    if shape_norm is None:
        box = np.asarray(sample.gt_instances.bboxes, dtype=np.float32)[0]
        return (box[:2] + box[2:]) / 2
    height, width = sample.metainfo['ori_shape'][:2]
    return shape_norm * (width, height)


def _without_files(metric: dict) -> dict:
    return {k: v for k, v in dict(metric).items() if k not in _FILES}
