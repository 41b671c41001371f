# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
from typing import Callable, Iterable, Iterator, Sequence, Union

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.models import TopdownPoseEstimator
from mmpose.structures import PoseDataSample

from cape_mm.datasets.formats.cephalometric import is_dicom, read_dicom
from cape_mm.datasets.formats.image_check import read_image
from cape_mm.errors import (
    DataError,
    UnsuitableCheckpointError,
    refuse_nonfinite,
)
from cape_mm.evaluation.functional.cephalometric_measurements import measure
from cape_mm.evaluation.functional.landmark_radii import heatmap_spreads
from cape_mm.structures import LandmarkSchema, get_schema

from .base_inferencer import BaseInferencer, PathLike, read_checkpoint
from .checkpoint_config import nested_datasets
from .inputs.arguments import require
from .inputs.images import Image, ImageLoader
from .radius_calibration import RadiusCalibration, calibration_path

#: What to do without a checkpoint.
NO_CHECKPOINT = (
    'no checkpoint of cephalograms is given, and none is shipped: train one '
    'on real cephalograms in less than 45 minutes on two CPU cores with '
    '`CEPH_DATA_ROOT=data/isbi2015 python tools/train.py '
    'configs/cephalometric/unet_lite0_small_isbi2015-256x320.py`, after '
    '`python tools/dataset_converters/convert_cephalograms.py isbi DOWNLOAD '
    '--out-dir data/isbi2015 --annotator senior --max-side 640 --val-share '
    '0.1` of the ISBI 2015 challenge, or, to try it, on synthetic '
    'cephalograms in ten minutes with `python tools/train.py '
    'configs/cephalometric/hrnetv2_w18_small_synthetic-cephalograms.py`'
)
_MIRRORED = (
    'mirrored for the model: the face looks the other way than those of the '
    'training'
)
#: Millimetres per pixel: one number, or one along x and one along y.
Spacing = Union[float, Sequence[float]]


class CephalometricInferencer(BaseInferencer):
    """Find the landmarks of lateral X-rays of the head, and measure them.

    Example:
        >>> inferencer = CephalometricInferencer('checkpoint.pth')
        >>> for result in inferencer(['a.dcm', 'b.png'], spacing=0.1):
        ...     print(result.pred_instances.keypoints)
        ...     print(result.measurements['SNA'])

    Which landmarks they are is read from the checkpoint. The whole image
    has to be the cephalogram. Nothing here is a medical device: a model knows
    the cephalograms it was trained on.

    Args:
        checkpoint (str | Path): Checkpoint file or URL. None is shipped: the
            error of ``CephalometricInferencer()`` says how to train one.
        config (Config | str | Path, optional): See :class:`BaseInferencer`.
        device (str | torch.device, optional): See :class:`BaseInferencer`.
        min_score (float): Least confidence (exclusive) of landmarks to
            measure with; others are only given. Defaults to 0.
        radii (str | Path, optional): File of
            ``tools/analysis_tools/calibrate_radii.py`` for this checkpoint.
            Defaults to the one beside the checkpoint, if there is one.
        find_mirrored (bool): Whether each cephalogram is also predicted
            mirrored, and the one with the higher mean score taken: that of a
            face that looks the other way than those of the training. Defaults
            to True.
        allowed_types (Iterable[str]): See :class:`BaseInferencer`.

    Attributes:
        schema (LandmarkSchema): The K landmarks, in order.
        calibration (RadiusCalibration | None): What makes radii of spreads.
        loader (CephalogramLoader): Prepares cephalograms for the model.

    Raises:
        UnsuitableCheckpointError: If nothing says which landmarks the model
            finds, besides the errors of :class:`BaseInferencer`.
    """

    kinds = (TopdownPoseEstimator,)
    purpose = 'cephalograms'

    def __init__(
        self,
        checkpoint: PathLike | None = None,
        config: Config | PathLike | None = None,
        device: str | torch.device | None = None,
        min_score: float = 0.0,
        radii: PathLike | None = None,
        find_mirrored: bool = True,
        allowed_types: Iterable[str] = (),
    ) -> None:
        if checkpoint is None:
            raise UnsuitableCheckpointError(NO_CHECKPOINT)
        require('number', min_score=min_score)
        super().__init__(checkpoint, config, device, allowed_types)
        self.checkpoint = checkpoint
        self.schema = _find_schema(self.cfg, checkpoint)
        self.min_score = min_score
        self.find_mirrored = find_mirrored
        # for their spread; the heatmaps themselves are not kept
        self.model.test_cfg = dict(
            self.model.test_cfg or {}, output_heatmaps=True
        )
        self.calibration: RadiusCalibration | None = None
        if radii is not None or calibration_path(checkpoint).is_file():
            self.calibration = RadiusCalibration.read(
                radii or calibration_path(checkpoint),
                self.schema.name,
                checkpoint,
            )
        self.loader = CephalogramLoader(
            self.test_dataset['pipeline'], len(self.schema)
        )

    def __call__(
        self,
        cephalograms: Image | Iterable[Image],
        spacing: Spacing | None = None,
        batch_size: int = 4,
    ) -> Iterator[PoseDataSample]:
        """Predict cephalograms, lazily.

        Args:
            cephalograms (str | Path | np.ndarray | Iterable): One cephalogram
                or any number of them: image files, DICOM files, or arrays
                (uint8, BGR, BGRA or grey).
            spacing (float | Sequence[float], optional): Millimetres per pixel
                of all cephalograms, one number or one along x and one along y.
                Defaults to what the file says, which only DICOM files do.
            batch_size (int): Cephalograms that are predicted together.
                Defaults to 4.

        Returns:
            Iterator[PoseDataSample]: One result per cephalogram, in order.

            * ``pred_instances``: ``keypoints`` (1, K, 2) in pixels of the
              cephalogram, ``keypoint_scores`` (1, K), and, if the spacing is
              known, ``keypoints_mm`` (1, K, 2) from the centre of the upper
              left pixel. A score is the height of the maximum of the heatmap,
              near 1 where the model is certain; it is no probability.
              ``keypoint_spreads`` (1, K): root mean square distance of the
              heatmap from its maximum, in mm, without spacing in pixels.
              ``keypoint_radii`` (1, K), in the same unit, only with a
              calibration: 95 % of all landmarks are expected within.
            * ``measurements``: name -> :class:`Measurement`; in millimetres
              only if the spacing is known, with ``margin`` only with a
              calibration.
            * ``mirrored``: whether the cephalogram was predicted mirrored;
              the landmarks are in pixels of the cephalogram all the same.
            * ``schema`` (its name), ``landmark_codes`` (K codes),
              ``img_path``, ``spacing`` ((2,) float32 or None),
              ``spacing_source``, ``device``, ``notes``.

        Raises:
            FileNotFoundError: If a file does not exist, when its turn comes.
            ImportError: If reading DICOM needs pydicom.
            DataError: If a cephalogram or the spacing cannot be used.
        """
        if isinstance(cephalograms, (str, os.PathLike, np.ndarray)):
            cephalograms = [cephalograms]
        require('list', cephalograms=cephalograms)
        return self._predict(self._batches(cephalograms, batch_size), spacing)

    @torch.no_grad()
    def _predict(
        self, batches: Iterator[list[Image]], spacing: Spacing | None
    ) -> Iterator[PoseDataSample]:
        """Predict batch by batch."""
        for batch in batches:
            packed = [self.loader.load(image, spacing) for image in batch]
            if self.find_mirrored:
                packed += [self.loader.load(i, spacing, True) for i in batch]
            results = self.model.test_step(pseudo_collate(packed))
            for index in range(len(batch)):
                # the first of equal ones, which is as it was given
                result = max(results[index :: len(batch)], key=_mean_score)
                found = result.pred_instances
                refuse_nonfinite(
                    result.img_path or 'cephalogram without a file',
                    self.schema.codes,
                    found.keypoints[0],
                    found.keypoint_scores[0],
                )
                _add_spreads(result)
                if result.mirrored:
                    _mirror_back(result)
                yield self.measure(result)

    def measure(self, result: PoseDataSample) -> PoseDataSample:
        """Measure with the landmarks of a result, also corrected ones.

        Args:
            result (PoseDataSample): Result of this inferencer; changed in
                place: ``keypoints_mm``, ``keypoint_radii`` and
                ``measurements`` follow from ``keypoints`` and
                ``keypoint_spreads``.

        Returns:
            PoseDataSample: The same result.
        """
        landmarks, spacing = result.pred_instances, result.spacing
        if spacing is not None:
            landmarks.keypoints_mm = landmarks.keypoints * spacing
        radii = None
        if self.calibration is not None and 'keypoint_spreads' in landmarks:
            radii = landmarks.keypoint_spreads * self.calibration.factors
            landmarks.keypoint_radii = radii
            radii = radii[0] * self.calibration.measurement_factor
        usable = landmarks.keypoint_scores[0] > self.min_score
        # neither angles nor lengths without the shape of the pixels
        usable &= result.get('spacing_source') != 'not_square'
        measurements = measure(
            landmarks.keypoints[0],
            usable,
            self.schema,
            spacing,
            radii,
        )
        result.set_metainfo(
            dict(
                schema=self.schema.name,
                landmark_codes=self.schema.codes,
                measurements=measurements,
            )
        )
        return result


def _mean_score(result: PoseDataSample) -> float:
    """Mean height of the maxima of the heatmaps."""
    return float(result.pred_instances.keypoint_scores.mean())


def _add_spreads(result: PoseDataSample) -> None:
    """Put the spread of the heatmaps in place of the heatmaps."""
    if 'pred_fields' not in result:
        return
    heatmaps = result.pred_fields.heatmaps.cpu().numpy()
    cell = np.asarray(result.input_scale) / heatmaps.shape[:0:-1]
    if result.spacing is not None:
        cell = cell * result.spacing
    landmarks = result.pred_instances
    landmarks.keypoint_spreads = heatmap_spreads(heatmaps, cell)[None]
    del result.pred_fields


def _mirror_back(result: PoseDataSample) -> None:
    """Landmarks of a mirrored cephalogram in the one that was given."""
    landmarks = result.pred_instances
    points = np.array(landmarks.keypoints)
    points[..., 0] = result.ori_shape[1] - 1 - points[..., 0]
    landmarks.keypoints = points
    result.set_metainfo(dict(notes=(*result.notes, _MIRRORED)))


def _find_schema(cfg: Config, checkpoint: PathLike) -> LandmarkSchema:
    """Schema of a model's channels, by the checkpoint, else by the config."""
    meta = read_checkpoint(checkpoint).get('meta') or {}
    meta = meta.get('dataset_meta') or {}
    datasets = nested_datasets(cfg, 'test', 'val', 'train')
    stored = meta.get('schema')
    configured = next((d['schema'] for d in datasets if d.get('schema')), None)
    if stored is None and configured is None:
        raise UnsuitableCheckpointError(
            f"neither '{checkpoint}' nor the config says which landmarks the "
            'model finds: give a config whose test_dataloader.dataset has a '
            'schema'
        )
    if stored is not None and configured is not None and stored != configured:
        raise UnsuitableCheckpointError(
            f"'{checkpoint}' was trained on the landmarks of schema "
            f'{stored!r}, the config is for {configured!r}: give the '
            'config of the training, or none'
        )
    try:
        schema = get_schema(stored or configured)
    except KeyError as error:
        raise UnsuitableCheckpointError(
            f"'{checkpoint}': {error.args[0]}"
        ) from None
    stored_names = meta.get('keypoint_id2name') or {}
    names = [stored_names[key] for key in sorted(stored_names, key=int)]
    if stored is not None and names and names != list(schema.names):
        raise UnsuitableCheckpointError(
            f"'{checkpoint}' has the landmarks {', '.join(names)}, in this "
            f'order; those of schema {stored!r} are {", ".join(schema.names)}'
        )
    channels = (cfg.model.get('head') or {}).get('out_channels', len(schema))
    if channels != len(schema):
        raise UnsuitableCheckpointError(
            f'the head has {channels} channels, schema {schema.name!r} has '
            f'{len(schema)} landmarks'
        )
    return schema


class CephalogramLoader:
    """A config's test pipeline for cephalograms that belong to no dataset."""

    def __init__(
        self, pipeline: Sequence[dict | Callable], num_landmarks: int
    ) -> None:
        self._loader = ImageLoader(pipeline)
        self.num_landmarks = num_landmarks

    def load(
        self,
        cephalogram: Image,
        spacing: Spacing | None = None,
        mirrored: bool = False,
    ) -> dict:
        """Inputs and data sample of one cephalogram; its box is the image."""
        require('image', cephalograms=cephalogram)
        given = None if spacing is None else _parse_spacing(spacing)
        info = dict(
            img_path=None,
            spacing=given,
            spacing_source='unknown' if given is None else 'user',
            device='',
            notes=(),
            mirrored=mirrored,
        )
        image: Image = cephalogram
        if not isinstance(cephalogram, np.ndarray):
            path = os.path.expanduser(os.fspath(cephalogram))
            info['img_path'] = path
            if is_dicom(path):
                content = read_dicom(path)
                image = content.image
                info.update(device=content.device, notes=content.notes)
                if given is None and content.spacing is not None:
                    info['spacing'] = np.float32(content.spacing)
                if given is None:
                    info['spacing_source'] = content.spacing_source
            else:
                notes: list[str] = []
                image = read_image(path, notes=notes)
                info['notes'] = tuple(notes)
        if mirrored:
            image = np.ascontiguousarray(self._loader.read(image)[:, ::-1])
        packed = self._loader.load_query(image, self.num_landmarks, None)
        # for models that are tested mirrored: no landmark has a partner
        info['flip_indices'] = list(range(self.num_landmarks))
        packed['data_samples'].set_metainfo(info)
        return packed


def read_cephalogram(cephalogram: Image) -> np.ndarray:
    """Read a cephalogram to draw on, with the pixels that landmarks count.

    Args:
        cephalogram (str | Path | np.ndarray): See
            :meth:`CephalogramLoader.load`.

    Returns:
        np.ndarray: (H, W) or (H, W, C) uint8; colours are BGR.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it cannot be read.
    """
    if isinstance(cephalogram, np.ndarray):
        return cephalogram
    path = os.path.expanduser(os.fspath(cephalogram))
    if is_dicom(path):
        return read_dicom(path).image
    return read_image(path)


def _parse_spacing(spacing: Spacing) -> np.ndarray:
    """Bring a spacing into one form, (2,) float32 along x and y."""
    values: tuple[float, ...] = tuple(np.ravel(spacing).tolist())
    for value in values:
        require('number', spacing=value)
    values = values * 2 if len(values) == 1 else values
    if len(values) != 2 or not all(0 < v < float('inf') for v in values):
        raise DataError(
            f'spacing is {spacing}, must be one or two positive numbers: '
            'millimetres per pixel (along x and y)'
        )
    return np.float32(values)
