# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
from typing import Callable, Sequence, Union

import mmcv
import numpy as np

from cape_mm.datasets.formats.cephalometric import is_dicom, read_dicom
from cape_mm.errors import DataError

from .member_loader import Image, MemberLoader

#: Millimetres per pixel: one number, or one along x and one along y.
Spacing = Union[float, Sequence[float]]


class CephalogramLoader:
    """Run a config's test pipeline on cephalograms that belong to no dataset.

    Args:
        pipeline (Sequence[dict | Callable]): MMPose transforms from
            ``LoadImage`` to ``PackPoseInputs``.
        num_landmarks (int): K.

    Raises:
        ValueError: If the pipeline does not begin with ``LoadImage``.
    """

    def __init__(
        self, pipeline: Sequence[dict | Callable], num_landmarks: int
    ) -> None:
        self._loader = MemberLoader(pipeline)
        self.num_landmarks = num_landmarks

    def load(self, cephalogram: Image, spacing: Spacing | None = None) -> dict:
        """Prepare one cephalogram; all of it is looked at.

        Args:
            cephalogram (str | Path | np.ndarray): Image file, DICOM file, or
                array (uint8, BGR, BGRA or grey).
            spacing (float | Sequence[float], optional): Millimetres per
                pixel. Defaults to that of the file, which only DICOM has.

        Returns:
            dict: ``inputs`` and ``data_samples`` of MMPose; the latter's meta
            information has ``img_path``, ``spacing`` ((2,) float32 along x
            and y, or None), ``spacing_source``, ``device`` (X-ray device,
            empty where unknown) and ``notes`` (remarks for the user).

        Raises:
            FileNotFoundError: If there is no such file.
            ImportError: If reading DICOM needs pydicom.
            DataError: If cephalogram or spacing cannot be used.
        """
        given = None if spacing is None else check_spacing(spacing)
        info = dict(
            img_path=None,
            spacing=given,
            spacing_source='unknown' if given is None else 'user',
            device='',
            notes=(),
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
                    info.update(
                        spacing=np.float32(content.spacing),
                        spacing_source=content.spacing_source,
                    )
        packed = self._loader.load_query(image, self.num_landmarks, None)
        # no landmark has a partner, for models that are tested mirrored, too
        info['flip_indices'] = list(range(self.num_landmarks))
        packed['data_samples'].set_metainfo(info)
        return packed


def read_image(cephalogram: Image) -> np.ndarray:
    """Read a cephalogram to draw on, with the pixels that landmarks count.

    Args:
        cephalogram (str | Path | np.ndarray): See
            :meth:`CephalogramLoader.load`.

    Returns:
        np.ndarray: (H, W) or (H, W, C) uint8; colours are BGR.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if isinstance(cephalogram, np.ndarray):
        return cephalogram
    path = os.path.expanduser(os.fspath(cephalogram))
    return read_dicom(path).image if is_dicom(path) else mmcv.imread(path)


def check_spacing(spacing: Spacing) -> np.ndarray:
    """Bring a spacing into one form.

    Args:
        spacing (float | Sequence[float]): Millimetres per pixel, one number
            or one along x and one along y.

    Returns:
        np.ndarray: (2,) float32 along x and y.

    Raises:
        DataError: If it is anything else, or not positive.
    """
    values: tuple[float, ...] = tuple(np.ravel(spacing).tolist())
    values = values * 2 if len(values) == 1 else values
    if len(values) != 2 or not all(0 < v < float('inf') for v in values):
        raise DataError(
            f'spacing is {spacing}, must be one or two positive numbers: '
            'millimetres per pixel (along x and y)'
        )
    return np.float32(values)
