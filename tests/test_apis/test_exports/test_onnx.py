# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import KEYPOINT_CODECS, TRANSFORMS
from support.tiny_ceph import write_tiny_ceph

from cape_mm.apis import (
    CephalometricInferencer,
    compare_onnx,
    decode_heatmaps,
    export_onnx,
)
from cape_mm.apis.exports.onnx import HeatmapNetwork
from cape_mm.errors import UnsuitableCheckpointError
from cape_mm.models.pose_estimators import CoarseToFineEstimator

SIZE = dict(input_size=(128, 160), heatmap_size=(64, 80))


@pytest.fixture(scope='module')
def tiny_ceph(tmp_path_factory):
    return write_tiny_ceph(tmp_path_factory.mktemp('tiny_ceph'))


@pytest.fixture(scope='module')
def inferencer(tiny_ceph):
    return CephalometricInferencer(
        tiny_ceph.checkpoint, device='cpu', find_mirrored=False
    )


@pytest.fixture(scope='module')
def exported(inferencer, tmp_path_factory):
    pytest.importorskip('onnx')
    path = tmp_path_factory.mktemp('onnx') / 'model.onnx'
    export_onnx(inferencer, path)
    return path


def test_network_and_decoding_make_the_inferencer(tiny_ceph, inferencer):
    """Normalisation, network and codec, each outside of MMPose's model."""
    network = HeatmapNetwork(inferencer)
    (result,) = inferencer(tiny_ceph.cephalograms[1])
    packed = inferencer.loader.load(tiny_ceph.cephalograms[1])
    with torch.no_grad():
        maps = network(packed['inputs'][None].float())[0].numpy()
    info = packed['data_samples'].metainfo
    points, scores = decode_heatmaps(
        maps,
        inferencer.model.head.decoder,
        info['input_center'],
        info['input_scale'],
    )
    landmarks = result.pred_instances
    assert np.allclose(scores, landmarks.keypoint_scores[0], atol=1e-4)
    # not all: rounding may choose another one of two maxima
    distance = np.linalg.norm(points - landmarks.keypoints[0], axis=-1)
    assert np.median(distance) < 1e-3


def test_a_model_of_two_stages_is_refused_with_one_that_is_not():
    model = CoarseToFineEstimator.__new__(CoarseToFineEstimator)
    inferencer = SimpleNamespace(cfg=Config(dict(model={})), model=model)
    with pytest.raises(UnsuitableCheckpointError) as error:
        HeatmapNetwork(inferencer)
    name = str(error.value).split()[-1]
    configs = Path(__file__).resolve().parents[3] / 'configs'
    config = Config.fromfile(configs / 'cephalometric' / name)
    assert config.model.type != 'cape_mm.CoarseToFineEstimator'


def test_the_inferencer_stays_where_it_is(inferencer, tmp_path, monkeypatch):
    pytest.importorskip('onnx')
    given = []

    def stop(network, *args, **kwargs):
        given.append(network)
        raise InterruptedError

    monkeypatch.setattr(torch.onnx, 'export', stop)
    with pytest.raises(InterruptedError):
        export_onnx(inferencer, tmp_path / 'model.onnx')
    theirs = {id(p) for p in inferencer.model.parameters()}
    assert not theirs & {id(p) for p in given[0].parameters()}


def test_onnx_runtime_makes_the_same_maps(tiny_ceph, inferencer, exported):
    pytest.importorskip('onnxruntime')
    found = compare_onnx(inferencer, exported, tiny_ceph.cephalograms)
    # Not their places: which of two maxima of random weights is higher, and
    # to which side the map is steeper, depends on rounding.
    assert found['heatmaps'] < 1e-4
    assert found['scores'] < 1e-4


def test_the_same_maps_have_the_same_landmarks(
    tiny_ceph, inferencer, monkeypatch
):
    class Session:
        """Runs PyTorch; what differs then is the decoding."""

        shift = 0

        def __init__(self, *args, **kwargs):
            self.network = HeatmapNetwork(inferencer)

        def run(self, outputs, inputs):
            with torch.no_grad():
                maps = self.network(torch.from_numpy(inputs['image']))
            return [maps.roll(self.shift, dims=-1).numpy()]

    runtime = SimpleNamespace(InferenceSession=Session)
    monkeypatch.setitem(sys.modules, 'onnxruntime', runtime)
    found = compare_onnx(inferencer, 'model.onnx', tiny_ceph.cephalograms)
    assert found['heatmaps'] == 0
    assert found['landmarks_px'] < 1e-3
    Session.shift = 1
    found = compare_onnx(inferencer, 'model.onnx', tiny_ceph.cephalograms)
    assert found['landmarks_px'] > 0.5


def test_comparison_notices_other_weights(tiny_ceph, inferencer, exported):
    pytest.importorskip('onnxruntime')
    other = CephalometricInferencer(tiny_ceph.checkpoint, device='cpu')
    with torch.no_grad():
        other.model.head.final_layer.bias.add_(1.0)
    found = compare_onnx(other, exported, tiny_ceph.cephalograms[:1])
    assert found['heatmaps'] == pytest.approx(1.0, abs=1e-3)


def test_any_number_of_cephalograms_at_once(inferencer, exported):
    runtime = pytest.importorskip('onnxruntime')
    session = runtime.InferenceSession(
        str(exported), providers=['CPUExecutionProvider']
    )
    images = torch.rand(3, 3, 160, 128) * 255
    (maps,) = session.run(None, {'image': images.numpy()})
    with torch.no_grad():
        expected = HeatmapNetwork(inferencer)(images).numpy()
    assert maps.shape == (3, 23, 80, 64)
    assert np.allclose(maps, expected, atol=1e-4)


def test_file_says_what_its_maps_are(inferencer, exported):
    onnx = pytest.importorskip('onnx')
    graph = onnx.load(str(exported))
    props = {entry.key: entry.value for entry in graph.metadata_props}
    assert props['schema'] == 'cephalogram23'
    assert json.loads(props['landmarks']) == list(inferencer.schema.codes)
    assert json.loads(props['codec'])['type'] == 'MSRAHeatmap'
    steps = [step['type'] for step in json.loads(props['pipeline'])]
    assert steps[0] == 'LoadImage'


def test_mirrored_tests_are_refused(tiny_ceph, tmp_path):
    cfg = Config.fromfile(str(tiny_ceph.config))
    cfg.model.test_cfg.flip_test = True
    inferencer = CephalometricInferencer(tiny_ceph.checkpoint, cfg, 'cpu')
    with pytest.raises(ValueError, match='flip_test'):
        HeatmapNetwork(inferencer)


def test_a_second_stage_is_refused(tiny_ceph):
    cfg = Config.fromfile(str(tiny_ceph.config))
    cfg.model.type = 'cape_mm.CoarseToFineEstimator'
    cfg.model.data_preprocessor.type = 'mmpose.PoseDataPreprocessor'
    inferencer = CephalometricInferencer(tiny_ceph.checkpoint, cfg, 'cpu')
    with pytest.raises(ValueError, match='model of one stage'):
        HeatmapNetwork(inferencer)


def test_the_comparison_is_that_of_one_view(tiny_ceph, tmp_path):
    pytest.importorskip('onnxruntime')
    cfg = Config.fromfile(str(tiny_ceph.config))
    cfg.model.update(
        type='cape_mm.AveragedViewsEstimator', views=[(30, 1.5, 1.0)]
    )
    inferencer = CephalometricInferencer(tiny_ceph.checkpoint, cfg, 'cpu')
    export_onnx(inferencer, tmp_path / 'model.onnx')
    differences = compare_onnx(
        inferencer, tmp_path / 'model.onnx', tiny_ceph.cephalograms[:1]
    )
    assert differences['scores'] < 1e-3
    assert inferencer.model.views == ((30, 1.5, 1.0),), 'and comes back'


def test_a_missing_package_is_named_with_its_command(
    inferencer, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, 'onnx', None)
    with pytest.raises(ImportError, match='pip install onnx'):
        export_onnx(inferencer, tmp_path / 'model.onnx')
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    'codec',
    [
        dict(type='UDPHeatmap', sigma=1.5, blur_kernel_size=7, **SIZE),
        dict(type='MSRAHeatmap', sigma=2.0, unbiased=True, **SIZE),
    ],
    ids=lambda codec: codec['type'],
)
def test_landmarks_of_an_image_are_found_again(codec):
    """Through box, affine and targets, and back: at most a tenth of a cell."""
    truth_px = np.random.default_rng(0).uniform(40, 260, (1, 23, 2))
    item = dict(
        img=np.zeros((400, 300, 3), np.uint8),
        bbox=np.float32([[0, 0, 299, 399]]),
        keypoints=truth_px.astype(np.float32),
        keypoints_visible=np.ones((1, 23), np.float32),
    )
    use_udp = codec['type'] == 'UDPHeatmap'
    with DefaultScope.overwrite_default_scope('mmpose'):
        codec = KEYPOINT_CODECS.build(codec)
        for step in (
            dict(type='GetBBoxCenterScale', padding=1.0),
            dict(type='TopdownAffine', input_size=(128, 160), use_udp=use_udp),
        ):
            item = TRANSFORMS.build(step)(item)
    maps = codec.encode(item['transformed_keypoints'])['heatmaps']
    points, scores = decode_heatmaps(
        maps, codec, item['input_center'], item['input_scale']
    )
    cell_px = 399 / 80
    assert points.shape == (23, 2) and scores.shape == (23,)
    assert np.abs(points - truth_px[0]).max() < 0.1 * cell_px
    assert scores.min() > 0.8
