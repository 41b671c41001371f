# Copyright (c) cape_mm contributors. All rights reserved.
"""Fitting of a cephalometric checkpoint to some cephalograms of one's own."""

from __future__ import annotations

import copy
import json
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from cape_mm.datasets.datasets import CephalometricDataset
from cape_mm.engine.checkpoints import write_checkpoint
from cape_mm.errors import DataError, UsageError
from cape_mm.evaluation.functional.radial_error import (
    detection_rate,
    mean_radial_error,
    radial_errors,
)
from cape_mm.evaluation.metrics.result_tables import without_nan

from .base_inferencer import PathLike
from .cephalometric_inferencer import CephalometricInferencer
from .inputs.arguments import require

#: Fewest labelled cephalograms, and those of them that are held out.
_MIN_LABELLED = 5
_HELD_OUT_SHARE = 0.2
_MAX_EPOCHS = 30
_BATCH = 4
_LEARNING_RATE = 5e-4
#: Between the box and the warp, and after the warp, of a training pipeline.
_MOVES = dict(
    type='RandomBBoxTransform',
    shift_factor=0.05,
    shift_prob=1.0,
    rotate_factor=15,
    rotate_prob=1.0,
    scale_factor=(0.85, 1.15),
)
_LOOK = dict(type='cape_mm.RandomCephalogramLook')


@dataclass
class CephalogramFit:
    """A cephalometric model, fitted to labelled cephalograms or as it was.

    Attributes:
        cfg (Config): Config of the model.
        weights (dict[str, Tensor]): Its state dict.
        schema (str): Name of its landmarks.
        keypoint_names (list[str]): Their names, in order.
        fitted (bool): Whether the weights are fitted ones.
        reason (str): Why that is so, a sentence.
        rows (dict): ``before`` and ``after``: ``MRE``, and in mm ``SDR_2mm``
            in percent, on held-out cephalograms.
        unit (str): Unit of the errors, ``'mm'``, or ``'px'`` if a spacing is
            not known.
        num_labelled (int): Number of labelled cephalograms.
        num_held_out (int): Number of those that were held out.
        seconds (float): CPU time of this process, all threads.
    """

    cfg: Config
    weights: dict[str, Tensor]
    schema: str
    keypoint_names: list[str]
    fitted: bool
    reason: str
    rows: dict[str, dict[str, float]]
    unit: str
    num_labelled: int
    num_held_out: int
    seconds: float


def fit_cephalograms(
    ann_file: PathLike,
    checkpoint: PathLike,
    image_dir: PathLike | None = None,
    minutes: float = 3.0,
    seed: int = 0,
    device: str | torch.device | None = None,
    config: Config | PathLike | None = None,
) -> CephalogramFit:
    """Fit a cephalometric model to cephalograms of one's own, if that helps.

    The whole model is trained on all of them but a fifth, with moved and
    changed images, its batch normalisation as it is. Where its error on that
    fifth is less than before, it is trained anew, as long, on all of them,
    else the weights stay what they were. The fifth chooses nothing else, so
    that its error is that of unknown cephalograms of the same source.

    Args:
        ann_file (str | Path): Annotation file of labelled cephalograms with
            the landmarks of the checkpoint, five or more.
        checkpoint (str | Path): Checkpoint of a cephalometric model.
        image_dir (str | Path, optional): Folder of the images. Defaults to
            ``images`` beside the folder of the annotation file.
        minutes (float): Limit of the fitting. Defaults to 3.
        seed (int): Seed of the split and of the changes. Defaults to 0.
        device (str | torch.device, optional): Device. Defaults to the GPU
            if there is one, else the CPU.
        config (Config | str | Path, optional): Config of the model. Defaults
            to the one that is stored in the checkpoint.

    Returns:
        CephalogramFit: The model, fitted or not.

    Raises:
        DataError: If the cephalograms cannot be used, or are too few.
        UsageError: If there is no time.
        UnsuitableCheckpointError: If the checkpoint is no cephalometric one.
    """
    require('path', ann_file=ann_file, checkpoint=checkpoint)
    require('number', minutes=minutes)
    require('seed', seed=seed)
    if not 0 < minutes < math.inf:
        raise UsageError(f'--minutes is {minutes}, must be > 0')
    start = time.process_time()
    with _own_randomness(seed):
        inferencer = CephalometricInferencer(
            checkpoint, config, device, find_mirrored=False
        )
        dataset = _open(ann_file, image_dir, inferencer)
        count = len(dataset)
        if count < _MIN_LABELLED:
            raise DataError(
                f'{ann_file} has {count} labelled cephalogram(s), too few to '
                f'fit and to check: label at least {_MIN_LABELLED}'
            )
        order = np.random.permutation(count).tolist()
        num_held_out = max(1, round(_HELD_OUT_SHARE * count))
        held_out, train = order[:num_held_out], order[num_held_out:]
        model = inferencer.model
        original = copy.deepcopy(model.state_dict())
        before, unit = _score(inferencer, dataset, held_out)
        share = len(train) / (len(train) + count)
        _fit(inferencer, dataset, train, 60 * minutes * share)
        after, _ = _score(inferencer, dataset, held_out)
        fitted = after['MRE'] < before['MRE']
        model.load_state_dict(original)
        if fitted:
            seconds = 60 * minutes * (1 - share)
            _fit(inferencer, dataset, list(range(count)), seconds)
    reason = (
        'kept the fitted model: its error on held-out cephalograms is less'
        if fitted
        else 'kept the checkpoint: the fitted model is not better on held-out '
        'cephalograms'
    )
    return CephalogramFit(
        inferencer.cfg,
        model.state_dict(),
        inferencer.schema.name,
        list(inferencer.schema.names),
        fitted,
        reason,
        dict(before=before, after=after),
        unit,
        count,
        num_held_out,
        time.process_time() - start,
    )


def write_cephalogram_fit(fit: CephalogramFit, out_dir: Path) -> None:
    """Write ``finetuned.pth`` and ``results.json``.

    Args:
        fit (CephalogramFit): The model.
        out_dir (Path): Folder to write to.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    names = dict(enumerate(fit.keypoint_names))
    meta = dict(
        cfg=fit.cfg.pretty_text,
        dataset_meta=dict(schema=fit.schema, keypoint_id2name=names),
        plain_format=1,
        epoch=0,
        iter=0,
    )
    content = dict(meta=meta, state_dict=fit.weights)
    write_checkpoint(content, out_dir / 'finetuned.pth')
    results = dict(
        fitted=fit.fitted,
        reason=fit.reason,
        num_labelled=fit.num_labelled,
        num_held_out=fit.num_held_out,
        cpu_seconds=round(fit.seconds, 1),
        unit=fit.unit,
        held_out=fit.rows,
    )
    path = out_dir / 'results.json'
    path.write_text(json.dumps(without_nan(results), indent=2) + '\n', 'utf-8')


def _open(
    ann_file: PathLike,
    image_dir: PathLike | None,
    inferencer: CephalometricInferencer,
) -> CephalometricDataset:
    """The labelled cephalograms, with a pipeline for the training."""
    if not Path(ann_file).is_file():
        raise FileNotFoundError(
            f'there is no annotation file {ann_file}: tables and datasets of '
            'other formats are converted by '
            'tools/dataset_converters/convert_cephalograms.py'
        )
    return CephalometricDataset.from_file(
        ann_file,
        inferencer.schema.name,
        image_dir,
        pipeline=_training_pipeline(
            inferencer.test_dataset['pipeline'],
            inferencer.cfg.model.head.decoder,
        ),
    )


def _training_pipeline(
    pipeline: Sequence[dict], codec: dict
) -> list[dict[str, Any]]:
    """Pipeline that changes images as the recipes do, from that of the test.

    A checkpoint's own one for the training is not on the list of what may be
    built from a file.
    """
    steps: list[dict[str, Any]] = []
    for step in pipeline[:-1]:
        is_warp = step['type'] == 'TopdownAffine'
        steps += [_MOVES, step, _LOOK] if is_warp else [step]
    return [
        *steps,
        dict(type='GenerateTarget', encoder=dict(codec)),
        dict(type='PackPoseInputs'),
    ]


def _score(
    inferencer: CephalometricInferencer,
    dataset: CephalometricDataset,
    chosen: Sequence[int],
) -> tuple[dict[str, float], str]:
    """Errors on some of the cephalograms, and their unit."""
    inferencer.model.eval()
    infos = [dataset.get_data_info(index) for index in chosen]
    unit = 'px' if any(info['spacing'] is None for info in infos) else 'mm'
    rows, labelled = [], []
    for info in infos:
        (result,) = inferencer(info['img_path'])
        scale = 1.0 if unit == 'px' else info['spacing']
        offsets = result.pred_instances.keypoints[0] - info['keypoints'][0]
        rows.append(radial_errors(offsets * scale))
        labelled.append(info['keypoints_visible'][0] > 0)
    errors, valid = np.stack(rows), np.stack(labelled)
    scores = dict(MRE=mean_radial_error(errors, valid))
    if unit == 'mm':
        scores['SDR_2mm'] = detection_rate(errors, valid, 2.0)
    return scores, unit


def _fit(
    inferencer: CephalometricInferencer,
    dataset: CephalometricDataset,
    chosen: Sequence[int],
    seconds: float,
) -> None:
    """Train on some of the cephalograms, at a rate that falls to 0 in time."""
    model = inferencer.model
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()  # a few images have no statistics
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=_LEARNING_RATE)
    per_epoch = math.ceil(len(chosen) / _BATCH)
    total, start, step = _MAX_EPOCHS * per_epoch, time.monotonic(), 0
    while True:
        order = np.random.permutation(chosen).tolist()
        for first in range(0, len(order), _BATCH):
            spent = (time.monotonic() - start) / seconds
            done = max(step / total, spent)
            if done >= 1:
                model.eval()
                return
            # a warm-up of one epoch, then a cosine
            rate = min(1, (step + 1) / per_epoch) * math.cos(
                math.pi / 2 * done
            )
            for group in optimizer.param_groups:
                group['lr'] = _LEARNING_RATE * rate
            batch = [dataset[i] for i in order[first : first + _BATCH]]
            data = model.data_preprocessor(pseudo_collate(batch), True)
            losses = model(**data, mode='loss')
            optimizer.zero_grad()
            model.parse_losses(losses)[0].backward()
            nn.utils.clip_grad_norm_(parameters, 5.0)
            optimizer.step()
            step += 1


@contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Seed what transforms draw from, and restore it afterwards."""
    states = np.random.get_state(), torch.get_rng_state()
    np.random.seed(seed)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        np.random.set_state(states[0])
        torch.set_rng_state(states[1])
