# Copyright (c) cape_mm contributors. All rights reserved.
"""MMPose's own inferencers take a checkpoint of a training of ours."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.apis import MMPoseInferencer
from mmpose.apis.inferencers import Pose2DInferencer
from support.tiny_ceph import write_tiny_ceph

from cape_mm.apis import CephalometricInferencer

FOLDER = Path(__file__).resolve().parents[2] / 'configs/cephalometric'
#: Configs, and the median difference in pixels to our inferencer.
CONFIGS = {
    # the box of an image ends with its width in MMPose, here with its last
    # pixel
    'hrnetv2_w18_small_synthetic-cephalograms.py': 1,
    # after one step the maxima are anywhere
    'unet_lite0_small_isbi2015-256x320.py': 64,
}


@pytest.fixture(scope='module', params=CONFIGS)
def trained(request, tmp_path_factory):
    """Config file, checkpoint of one epoch, a cephalogram, a tolerance."""
    folder = tmp_path_factory.mktemp('trained')
    tiny = write_tiny_ceph(folder)
    config = folder / 'config.py'
    names = {
        f'CEPH_{part.upper()}_FILE': f'annotations/cephalograms_{part}.json'
        for part in ('train', 'val', 'test')
    }
    names.update(CEPH_DATA_ROOT=str(tiny.root), CEPH_SCHEMA='cephalogram23')
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setenv(name, value)
        cfg = Config.fromfile(str(FOLDER / request.param))
    cfg.work_dir = str(folder / 'work')
    cfg.model.backbone.pop('init_cfg', None)
    cfg.train_cfg.max_epochs = 1
    cfg.custom_hooks = []
    cfg.dump(str(config))
    runner = Runner.from_cfg(cfg)
    runner.train()
    (checkpoint,) = (folder / 'work').glob('epoch_1.pth')
    return config, checkpoint, tiny.cephalograms[0], CONFIGS[request.param]


def check_json(path, checkpoint, image, tolerance):
    """Landmarks of MMPose are those of our inferencer."""
    ours = CephalometricInferencer(
        checkpoint, device='cpu', find_mirrored=False
    )
    (result,) = ours(image)
    (person,) = json.loads(path.read_text())
    places = np.array(person['keypoints'])
    errors = np.abs(places - result.pred_instances.keypoints[0])
    assert places.shape == (23, 2) and np.median(errors) <= tolerance
    assert np.isfinite(person['keypoint_scores']).all()


@pytest.mark.slow
def test_inferencers_of_mmpose_draw_and_write_json(trained, tmp_path):
    config, checkpoint, image, tolerance = trained
    checkpoint = str(checkpoint)
    for name, inferencer in (
        # with the config, and with the one that is stored
        ('given', MMPoseInferencer(str(config), checkpoint, device='cpu')),
        ('stored', Pose2DInferencer(None, checkpoint, device='cpu')),
    ):
        out = tmp_path / name
        list(inferencer(str(image), out_dir=str(out), kpt_thr=-1))
        drawn = cv2.imread(str(out / 'visualizations' / image.name))
        original = cv2.imread(str(image))
        assert drawn.shape == original.shape
        assert (drawn != original).any(axis=-1).sum() > 50
        path = out / 'predictions' / f'{image.stem}.json'
        check_json(path, checkpoint, image, tolerance)


@pytest.mark.slow
def test_dataset_meta_is_lists_that_load_safely(trained):
    content = torch.load(trained[1], map_location='cpu', weights_only=True)
    meta = content['meta']['dataset_meta']
    assert isinstance(meta['keypoint_colors'], list)
    assert len(meta['flip_indices']) == len(meta['keypoint_colors'])
    assert '__plain__' not in repr(meta)
