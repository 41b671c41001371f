# Copyright (c) cape_mm contributors. All rights reserved.
"""Networks for heatmaps as ONNX files; decoding stays outside of them.

Needs onnx, and onnxruntime for the comparison: ``pip install onnx
onnxruntime``. They are imported only here, when they are needed.
"""

from __future__ import annotations

import inspect
import json
import os
import warnings
from contextlib import contextmanager
from copy import deepcopy
from typing import Iterable, Iterator

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmpose.codecs.base import BaseKeypointCodec
from torch import Tensor, nn

from cape_mm.errors import UnsuitableCheckpointError, import_extra
from cape_mm.models.pose_estimators import (
    AveragedViewsEstimator,
    CoarseToFineEstimator,
)

from ..base_inferencer import PathLike
from ..cephalometric_inferencer import CephalometricInferencer
from ..inputs.images import Image

#: Names of the graph's input and output.
INPUT, OUTPUT = 'image', 'heatmaps'
_PACKAGES = 'onnx onnxruntime'


class HeatmapNetwork(nn.Module):
    """Network from images (B, 3, H, W), BGR in 0..255, to (B, K, h, w).

    It shares its weights with the inferencer, in evaluation mode. The views
    of :class:`AveragedViewsEstimator` are left to the caller.
    """

    def __init__(self, inferencer: CephalometricInferencer) -> None:
        cfg = inferencer.cfg.model
        if (cfg.get('test_cfg') or {}).get('flip_test', False):
            raise UnsuitableCheckpointError(
                'the model averages over the mirrored image, which a graph '
                'for one image cannot: set model.test_cfg.flip_test=False'
            )
        if isinstance(inferencer.model, CoarseToFineEstimator):
            raise UnsuitableCheckpointError(
                'the model samples patches around its first landmarks, which '
                'a graph from image to heatmaps cannot: train and export a '
                'model of one stage, such as that of '
                'unet_lite0_isbi2015-512x640.py'
            )
        super().__init__()
        self.model = inferencer.model
        self.swap_channels = cfg.data_preprocessor.get('bgr_to_rgb', False)
        self.eval()

    def forward(self, image: Tensor) -> Tensor:
        """Map images to heatmaps."""
        if self.swap_channels:
            image = image.flip(1)
        preprocessor = self.model.data_preprocessor
        if hasattr(preprocessor, 'mean'):
            image = (image - preprocessor.mean) / preprocessor.std
        return self.model.head(self.model.extract_feat(image))


def export_onnx(
    inferencer: CephalometricInferencer, path: PathLike, opset: int = 17
) -> None:
    """Write the network as an ONNX file.

    The graph takes ``image`` (B, 3, H, W) float32 from 0 to 255, BGR, and
    gives ``heatmaps`` (B, K, h, w); B is free, normalisation is part of it.
    The file's metadata hold, as JSON, the ``schema``, the codes of the
    ``landmarks`` in the order of the heatmaps, the ``codec`` that decodes
    them, and the ``pipeline`` that makes the input.

    Args:
        inferencer (CephalometricInferencer): Inferencer of a trained model.
        path (str | Path): File to write.
        opset (int): Version of ONNX's operators. Defaults to 17.

    Raises:
        ImportError: If onnx is missing.
        UnsuitableCheckpointError: If the model averages over mirrored images.
    """
    onnx = import_extra('onnx', _PACKAGES, 'the export')
    # a copy: the inferencer stays on its device
    network = deepcopy(HeatmapNetwork(inferencer)).cpu()
    codec = dict(inferencer.cfg.model.head.decoder)
    width, height = codec['input_size']
    options = {}
    if 'dynamo' in inspect.signature(torch.onnx.export).parameters:
        # the other exporter needs onnxscript, too
        options['dynamo'] = False
    with warnings.catch_warnings():
        # sizes become constants: there is one size of input
        warnings.simplefilter('ignore', torch.jit.TracerWarning)
        warnings.simplefilter('ignore', DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(2, 3, height, width),),
            os.fspath(path),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: 'batch'}, OUTPUT: {0: 'batch'}},
            opset_version=opset,
            **options,
        )
    graph = onnx.load(os.fspath(path))
    onnx.helper.set_model_props(
        graph,
        dict(
            schema=inferencer.schema.name,
            landmarks=json.dumps(inferencer.schema.codes),
            codec=json.dumps(codec),
            pipeline=json.dumps(list(inferencer.test_dataset['pipeline'])),
        ),
    )
    onnx.checker.check_model(graph)
    onnx.save(graph, os.fspath(path))


def compare_onnx(
    inferencer: CephalometricInferencer,
    path: PathLike,
    cephalograms: Iterable[Image],
) -> dict[str, float]:
    """Compare an exported network, and decoding outside of it, with PyTorch.

    Args:
        inferencer (CephalometricInferencer): Inferencer of the exported model.
        path (str | Path): The ONNX file.
        cephalograms (Iterable): Image files, DICOM files or arrays.

    Returns:
        dict[str, float]: Largest differences over all cephalograms:
        ``heatmaps`` (absolute), ``landmarks_px`` (in pixels of the
        cephalogram), ``scores``.

    Raises:
        ImportError: If onnxruntime is missing.
    """
    runtime = import_extra('onnxruntime', _PACKAGES, 'the comparison')
    session = runtime.InferenceSession(
        os.fspath(path), providers=['CPUExecutionProvider']
    )
    network = HeatmapNetwork(inferencer)
    device = next(network.parameters()).device
    codec = inferencer.model.head.decoder
    largest = dict(heatmaps=0.0, landmarks_px=0.0, scores=0.0)
    for cephalogram in cephalograms:
        packed = inferencer.loader.load(cephalogram)
        image = packed['inputs'][None].float()
        (maps,) = session.run([OUTPUT], {INPUT: image.numpy()})
        with torch.no_grad():
            expected = network(image.to(device)).cpu().numpy()
        info = packed['data_samples'].metainfo
        points, scores = decode_heatmaps(
            maps[0], codec, info['input_center'], info['input_scale']
        )
        with torch.no_grad(), _one_view(inferencer.model):
            (result,) = inferencer.model.test_step(pseudo_collate([packed]))
        landmarks = result.pred_instances
        for key, difference in dict(
            heatmaps=maps - expected,
            landmarks_px=points - landmarks.keypoints[0],
            scores=scores - landmarks.keypoint_scores[0],
        ).items():
            largest[key] = max(largest[key], float(np.abs(difference).max()))
    return largest


@contextmanager
def _one_view(model: nn.Module) -> Iterator[None]:
    """Let a model predict the image itself only, as the graph does."""
    if not isinstance(model, AveragedViewsEstimator):
        yield
        return
    views, model.views = model.views, ()
    try:
        yield
    finally:
        model.views = views


def decode_heatmaps(
    heatmaps: np.ndarray,
    codec: BaseKeypointCodec,
    input_center: np.ndarray,
    input_scale: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Decode heatmaps in NumPy as MMPose's estimator does.

    For networks that run elsewhere, such as in ONNX Runtime.

    Args:
        heatmaps (np.ndarray): (K, h, w) float32.
        codec (BaseKeypointCodec): Codec ``model.head.decoder``.
        input_center (np.ndarray): Centre (2,) of the input's crop, original
            pixels; in the metainfo of the data sample.
        input_scale (np.ndarray): Width and height (2,) of the crop, original
            pixels.

    Returns:
        tuple[np.ndarray, np.ndarray]: Landmarks (K, 2), original pixels, and
        heights of the maxima (K,).
    """
    points, scores = codec.decode(heatmaps)
    size = np.asarray(codec.input_size)
    center, scale = np.asarray(input_center), np.asarray(input_scale)
    return points[0] / size * scale + center - 0.5 * scale, scores[0]
