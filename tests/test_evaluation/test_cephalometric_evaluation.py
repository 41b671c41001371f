# Copyright (c) cape_mm contributors. All rights reserved.
"""From annotation files through the pipeline and the evaluator to metrics."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from support.golden_face import POINTS

from cape_mm.datasets.formats.cephalometric import (
    CephalometricRecord,
    write_coco,
)
from cape_mm.registry import DATASETS
from cape_mm.structures import get_schema

SCHEMA = get_schema('cephalogram23')
META_KEYS = (
    'id', 'img_id', 'img_path', 'category_id', 'ori_shape', 'img_shape',
    'input_size', 'input_center', 'input_scale', 'spacing', 'spacing_source',
    'device', 'subject',
)  # fmt: skip


def write_cephalograms(root, name, spacings, seed):
    """Cephalograms of the golden face that differ in place, size and "
    "spacing."""
    rng = np.random.default_rng(seed)
    face = np.array([POINTS[code] for code in SCHEMA.codes], dtype=float)
    records = []
    for number, spacing in enumerate(spacings):
        place = [60.0, 40.0] + rng.uniform(-8, 8, 2)
        face_mm = face * rng.uniform(0.9, 1.1) + place
        scale = 1.0 if spacing is None else spacing
        records.append(
            CephalometricRecord(
                image_path=f'{name}_{number}.png',
                image=np.full((320, 256), 90, np.uint8),
                keypoints_px=face_mm / scale,
                visible=np.full(23, 2),
                spacing=None if spacing is None else (spacing, spacing),
                spacing_source='unknown' if spacing is None else 'file',
                device='AB'[number % 2],
                subject=f'{name}{number}',
            )
        )
    write_coco(records, SCHEMA, root / f'{name}.json', root / 'images')
    return root / f'{name}.json'


def evaluate(root, error_mm=0.0, evaluator=None, schema='cephalogram23'):
    """Metrics of predictions whose errors point down."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        dataset = DATASETS.build(
            dict(
                type='cape_mm.CephalometricDataset',
                schema=schema,
                data_root=str(root),
                ann_file='test.json',
                test_mode=True,
                pipeline=[
                    dict(type='LoadImage'),
                    dict(type='GetBBoxCenterScale', padding=1.0),
                    dict(type='TopdownAffine', input_size=(128, 160)),
                    dict(type='PackPoseInputs', meta_keys=META_KEYS),
                ],
            )
        )
        evaluator = Evaluator(evaluator)
    evaluator.dataset_meta = dataset.metainfo
    for start in range(0, len(dataset), 2):
        items = [
            dataset[i] for i in range(start, min(start + 2, len(dataset)))
        ]
        batch = pseudo_collate(copy.deepcopy(items))
        samples = batch['data_samples']
        for sample in samples:
            spacing = sample.metainfo['spacing']
            step = error_mm / (1.0 if spacing is None else spacing[1])
            truth = sample.gt_instances.keypoints
            sample.pred_instances = InstanceData(
                keypoints=truth + np.float32([0, step]),
                keypoint_scores=np.full(truth.shape[:2], 0.8),
            )
        evaluator.process(data_batch=batch, data_samples=samples)
    return evaluator.evaluate(len(dataset))


BOTH = [
    dict(type='cape_mm.CephalometricMetric'),
    dict(type='cape_mm.CephalometricMeasurementMetric'),
]


def test_millimetres_of_cephalograms_with_different_spacing(tmp_path):
    write_cephalograms(tmp_path, 'test', [0.75, 0.9, 0.8, 0.75, 1.0], 1)
    train = write_cephalograms(tmp_path, 'train', [0.75] * 8, 2)
    metrics = [dict(BOTH[0], train_ann_file=str(train)), BOTH[1]]
    found = evaluate(tmp_path, 2.2, copy.deepcopy(metrics))
    assert found['MRE_mm'] == pytest.approx(2.2, rel=1e-5)
    assert found['SDR_2mm'] == 0 and found['SDR_2.5mm'] == 100
    assert found['corr'] > 0.99 and found['peak'] == pytest.approx(0.8)
    assert 0 < found['skill'] < 1
    # trained on the same cephalograms as are tested: it is their own mean
    # shape
    (tmp_path / 'same.json').write_text((tmp_path / 'test.json').read_text())
    metrics[0]['train_ann_file'] = str(tmp_path / 'same.json')
    same = evaluate(tmp_path, 2.2, copy.deepcopy(metrics[:1]))['skill']
    own = evaluate(tmp_path, 2.2, copy.deepcopy(BOTH[:1]))['skill']
    assert same == pytest.approx(own, abs=1e-5)
    # the face has only moved
    assert found['angle_error'] == pytest.approx(0, abs=1e-3)
    assert found['isbi_SCR'] == 100


def test_cephalograms_without_spacing(tmp_path):
    write_cephalograms(tmp_path, 'test', [0.75, None, 0.8], 1)
    found = evaluate(tmp_path, 1.0, copy.deepcopy(BOTH))
    assert 'MRE' in found and 'angle_error' in found
    assert not [key for key in found if 'mm' in key or key == 'length_error']


def test_part_of_the_landmarks(tmp_path):
    write_cephalograms(tmp_path, 'test', [0.75] * 3, 1)
    found = evaluate(tmp_path, 1.0, copy.deepcopy(BOTH), schema='document19')
    assert found['MRE_mm'] == pytest.approx(1, rel=1e-5)
    assert 'SNA_error' in found and 'FMA_error' not in found


def test_metrics_beside_pck_of_mmpose(tmp_path):
    write_cephalograms(tmp_path, 'test', [0.75] * 3, 1)
    pck = dict(type='PCKAccuracy', thr=0.05, norm_item='bbox')
    mine = dict(BOTH[0], pck_threshold=None)
    theirs = evaluate(
        tmp_path, 11.5, [copy.deepcopy(mine), copy.deepcopy(pck)]
    )
    ours = evaluate(tmp_path, 11.5, copy.deepcopy(BOTH[:1]))
    assert theirs['PCK'] == ours['PCK']
    with pytest.raises(ValueError, match='multiple evaluation results'):
        evaluate(tmp_path, 1.0, copy.deepcopy([BOTH[0], pck]))
