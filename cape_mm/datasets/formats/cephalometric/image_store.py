# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport

from .coco_file import CephalometricRecord
from .image_size import MAX_MEGAPIXELS, check_image, check_pixels

_COPY_CHUNK = 1 << 22


class ImageStore:
    """Brings the images of cephalograms into one folder, and never overwrites.

    Args:
        source_root (Path): Folder that the paths of the cephalograms are
            relative to.
        image_root (Path): Folder to bring them to.
        report (AnnotationReport): Counts what is made smaller.
        link (bool): Make symbolic links instead of copies. Defaults to False.
        max_side (int, optional): Make images with a longer side smaller,
            together with landmarks and spacing. By default none.
        max_megapixels (float): Larger images are refused before they are
            decoded. Defaults to 150.
    """

    def __init__(
        self,
        source_root: Path,
        image_root: Path,
        report: AnnotationReport,
        link: bool = False,
        max_side: int | None = None,
        max_megapixels: float = MAX_MEGAPIXELS,
    ) -> None:
        self.source_root = source_root
        self.image_root = image_root
        self.report = report
        self.link = link
        self.max_side = max_side
        self.max_megapixels = max_megapixels

    def add(
        self, record: CephalometricRecord
    ) -> tuple[CephalometricRecord, str, tuple[int, int]]:
        """Bring one image.

        Args:
            record (CephalometricRecord): The cephalogram, with or without
                image.

        Returns:
            tuple:
            - record (CephalometricRecord): The cephalogram without its image,
              which is there now; landmarks and spacing are those of it.
            - digest (str): Hash of the image's file.
            - size (Tuple[int, int]): Its width and height in pixels.

        Raises:
            FileNotFoundError: If there is no such image.
            FileExistsError: If another image has its name.
            ValueError: If it is no image, or too large.
        """
        source = self.source_root / record.image_path
        if record.image is not None:
            height, width = record.image.shape[:2]
            check_pixels(width, height, str(source), self.max_megapixels)
        elif source.is_file():
            width, height = check_image(source, self.max_megapixels)
        else:
            raise FileNotFoundError(
                f'there is no image {source}: put it there, correct its '
                'name, or leave such cephalograms out with --skip-missing'
            )
        if self.max_side is not None and max(width, height) > self.max_side:
            record = self._shrink(record, source)
            height, width = record.image.shape[:2]
        target = self.image_root / record.image_path
        target.parent.mkdir(parents=True, exist_ok=True)
        if record.image is not None:
            data = cv2.imencode('.png', record.image)[1].tobytes()
            digest = hashlib.sha256(data).hexdigest()
            self._check_target(target, digest)
            target.write_bytes(data)
            return replace(record, image=None), digest, (width, height)
        digest = _digest(source)
        if self._check_target(target, digest):
            return record, digest, (width, height)
        if self.link:
            target.symlink_to(source.resolve())
        else:
            with open(source, 'rb') as old, open(target, 'wb') as new:
                for chunk in iter(lambda: old.read(_COPY_CHUNK), b''):
                    new.write(chunk)
        return record, digest, (width, height)

    def _check_target(self, target: Path, digest: str) -> bool:
        """Whether the same image is there already; another is refused."""
        if not target.exists():
            return False
        if _digest(target) != digest:
            raise FileExistsError(
                f'{target} is another image: move it away, or choose '
                'another --out-dir'
            )
        return True

    def _shrink(
        self, record: CephalometricRecord, source: Path
    ) -> CephalometricRecord:
        """The cephalogram with a smaller grey image."""
        image = record.image
        if image is None:
            image = cv2.imread(str(source), cv2.IMREAD_GRAYSCALE)
            if image is None:
                raise ValueError(
                    f'{source} cannot be decoded: convert it to PNG'
                )
        old = np.array(image.shape[1::-1], np.float64)
        new = np.maximum(np.rint(old * self.max_side / old.max()), 1)
        scale = new / old
        image = cv2.resize(
            image, tuple(map(int, new)), interpolation=cv2.INTER_AREA
        )
        self.report.add(
            'shrunk',
            f'{record.image_path}: {old[0]:g} x {old[1]:g} to '
            f'{new[0]:g} x {new[1]:g}',
        )
        spacing = record.spacing
        if spacing is not None:
            spacing = tuple((np.asarray(spacing) / scale).tolist())
        return replace(
            record,
            # The centre of a pixel has whole coordinates.
            keypoints_px=(record.keypoints_px + 0.5) * scale - 0.5,
            spacing=spacing,
            image=image,
            image_path=Path(record.image_path).with_suffix('.png').as_posix(),
        )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for chunk in iter(lambda: file.read(_COPY_CHUNK), b''):
            digest.update(chunk)
    return digest.hexdigest()
