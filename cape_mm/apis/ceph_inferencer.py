# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
from itertools import islice
from typing import Iterable, Iterator

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.structures import PoseDataSample

from cape_mm.evaluation.functional.cephalometric_measurements import measure

from .cephalogram_loader import CephalogramLoader, Spacing
from .checkpoint_config import test_pipeline
from .landmark_metadata import find_schema
from .member_loader import Image
from .model_loading import load_config, load_estimator


class CephInferencer:
    """Find the landmarks of lateral X-rays of the head, and measure them.

    Example:
        >>> inferencer = CephInferencer('checkpoint.pth')
        >>> for result in inferencer(['a.dcm', 'b.png'], spacing=0.1):
        ...     print(result.pred_instances.keypoints)
        ...     print(result.measurements['SNA'])

    Which landmarks they are is read from the checkpoint. The whole image
    has to be the cephalogram. Nothing here is a medical device: a model knows
    the cephalograms it was trained on.

    Args:
        checkpoint (str | Path): Checkpoint file or URL. All weights of the
            model have to be in it.
        config (Config | str | Path, optional): Config of the model. Defaults
            to the one that is stored in the checkpoint, which is read as
            data, not run.
        device (str | torch.device, optional): Defaults to the best one.
        min_score (float): Landmarks whose confidence is not above this are
            given, but not measured with. Defaults to 0.

    Attributes:
        schema (LandmarkSchema): The landmarks, in order.
        loader (CephalogramLoader): Prepares cephalograms for the model.

    Raises:
        FileNotFoundError: If a file does not exist.
        UnsafeCheckpointError: If reading the checkpoint would run code.
        UnsuitableCheckpointError: If config and checkpoint do not fit
            together, or do not say which landmarks these are.
    """

    def __init__(
        self,
        checkpoint: str | os.PathLike[str],
        config: Config | str | os.PathLike[str] | None = None,
        device: str | torch.device | None = None,
        min_score: float = 0.0,
    ) -> None:
        self.cfg = load_config(config, checkpoint)
        self.schema = find_schema(self.cfg, checkpoint)
        self.model = load_estimator(self.cfg, checkpoint, device)
        self.min_score = min_score
        self.loader = CephalogramLoader(
            test_pipeline(self.cfg), len(self.schema)
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
            * ``measurements``: name -> :class:`Measurement`; in millimetres
              only if the spacing is known.
            * ``schema`` (its name), ``landmark_codes`` (K codes),
              ``img_path``, ``spacing`` ((2,) float32 or None),
              ``spacing_source``, ``device``, ``notes``.

        Raises:
            FileNotFoundError: If a file does not exist, when its turn comes.
            ImportError: If reading DICOM needs pydicom.
            DataError: If a cephalogram or the spacing cannot be used.
        """
        if batch_size < 1:
            raise ValueError(f'batch_size is {batch_size}, must be >= 1')
        if isinstance(cephalograms, (str, os.PathLike, np.ndarray)):
            cephalograms = [cephalograms]
        return self._predict(iter(cephalograms), spacing, batch_size)

    @torch.no_grad()
    def _predict(
        self,
        cephalograms: Iterator[Image],
        spacing: Spacing | None,
        batch_size: int,
    ) -> Iterator[PoseDataSample]:
        """Predict batch by batch."""
        while True:
            batch: list[dict] = [
                self.loader.load(cephalogram, spacing)
                for cephalogram in islice(cephalograms, batch_size)
            ]
            if not batch:
                return
            for result in self.model.test_step(pseudo_collate(batch)):
                self._complete(result)
                yield result

    def _complete(self, result: PoseDataSample) -> None:
        """Add millimetres and measurements to a prediction."""
        landmarks = result.pred_instances
        spacing = result.metainfo['spacing']
        if spacing is not None:
            landmarks.keypoints_mm = landmarks.keypoints * spacing
        result.set_metainfo(
            dict(
                schema=self.schema.name,
                landmark_codes=self.schema.codes,
                measurements=measure(
                    landmarks.keypoints[0],
                    landmarks.keypoint_scores[0] > self.min_score,
                    self.schema,
                    spacing,
                ),
            )
        )
