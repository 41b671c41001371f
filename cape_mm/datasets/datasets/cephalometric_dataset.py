# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
from collections import OrderedDict
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np
from mmengine.logging import print_log
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from cape_mm.datasets.formats.annotation_report import (
    IMPLAUSIBLE,
    AnnotationReport,
)
from cape_mm.datasets.formats.cephalometric.coco_check import (
    compare_names,
    describe,
)
from cape_mm.datasets.formats.cephalometric.coco_file import load_coco
from cape_mm.datasets.formats.image_check import STATES, check_images
from cape_mm.datasets.formats.image_paths import check_image_names
from cape_mm.datasets.formats.json_values import as_keypoints
from cape_mm.datasets.formats.plausibility import (
    PlacedInstance,
    check_plausibility,
)
from cape_mm.errors import DataError
from cape_mm.registry import DATASETS
from cape_mm.structures import LandmarkSchema, get_schema

from ..pipeline import build_transforms

_PROBLEMS = OrderedDict(
    no_annotation='cephalograms without annotation (skipped)',
    no_landmark='cephalograms without labelled landmark (skipped)',
    **IMPLAUSIBLE,
    no_spacing=(
        'cephalograms without spacing: no millimetres can be given for them'
    ),
)


@DATASETS.register_module()
class CephalometricDataset(BaseCocoStyleDataset):
    """Lateral cephalograms with named landmarks; an instance is an image.

    Landmarks are matched by name, never by position. If ``info.schema`` of
    the file is another schema, they are matched by their codes, and those
    that ``schema`` lacks are left out.

    ``get_data_info`` gives what MMPose's datasets give, and ``spacing``
    ((2,) float32, millimetres per pixel of the original image along x and
    y, or None where unknown), ``spacing_source``, ``device``, ``subject``
    (empty where not given) and ``class_labels``. Metrics need the first four:
    list them in the ``meta_keys`` of ``PackPoseInputs``.

    ``metainfo['schema']`` is the name of the schema.

    Args:
        ann_file (str): Annotation file, relative to ``data_root``.
        schema (str): Name of the landmarks and their order, one of
            :func:`cape_mm.structures.available_schemas`.
        data_root (str): Folder of the dataset. Defaults to ''.
        data_prefix (dict): Folder of the images, relative to ``data_root``.
            Defaults to ``dict(img='images/')``.
        landmark_weights (dict[str, float], optional): Weights in the loss by
            the codes of the landmarks, 1 for the others. Without effect unless
            ``GenerateTarget`` gets ``use_dataset_keypoint_weights=True``.
        pipeline (Sequence[dict | Callable]): Transforms of MMPose. Defaults
            to none.
        allow_outside (bool): Whether annotations may name images outside of
            the folder of the images, by absolute paths, ``..`` or links; only
            for files that you trust. Defaults to False.
        **kwargs: Other arguments of MMPose's ``BaseCocoStyleDataset``, but
            neither ``bbox_file``, ``metainfo`` nor ``data_mode``.

    Raises:
        FileNotFoundError: If the annotation file or an image is missing.
        KeyError: If there is no such schema or landmark.
        DataError: If the file is wrong, has other landmarks than those of
            the schema, or contradicts an image.
    """

    def __init__(
        self,
        ann_file: str,
        schema: str,
        data_root: str = '',
        data_prefix: dict | None = None,
        landmark_weights: dict[str, float] | None = None,
        pipeline: Sequence[dict | Callable] = (),
        allow_outside: bool = False,
        **kwargs,
    ) -> None:
        refused = {'bbox_file', 'metainfo', 'data_mode'} & kwargs.keys()
        if refused:
            raise ValueError(
                f'{type(self).__name__} takes no {", ".join(sorted(refused))}'
            )
        self.schema: LandmarkSchema = get_schema(schema)
        self.allow_outside = allow_outside
        metainfo = self.schema.metainfo()
        for code, weight in (landmark_weights or {}).items():
            index = self.schema.index_of(code)
            metainfo['joint_weights'][index] = float(weight)
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=data_prefix or dict(img='images/'),
            metainfo=metainfo,
            pipeline=build_transforms(pipeline),
            **kwargs,
        )

    @classmethod
    def from_file(
        cls,
        ann_file: str | Path,
        schema: str,
        image_dir: str | Path | None = None,
        **kwargs: Any,
    ) -> CephalometricDataset:
        """Open an annotation file by its path, outside of any config.

        Args:
            ann_file (str | Path): Annotation file.
            schema (str): Name of the landmarks.
            image_dir (str | Path, optional): Folder of the images. Defaults
                to ``images`` beside the folder of the annotation file.
            **kwargs: Further arguments of the class.

        Returns:
            CephalometricDataset: The labelled cephalograms.
        """
        path = Path(ann_file).resolve()
        prefix = dict(img=str(image_dir or path.parents[1] / 'images'))
        return cls(str(path), schema, data_prefix=prefix, **kwargs)

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        """Parse the meta information, and keep the schema's name."""
        parsed = super()._load_metainfo(metainfo)
        if 'dataset_name' in parsed:
            parsed['schema'] = parsed['dataset_name']
        return parsed

    def load_data_list(self) -> list[dict]:
        """Load all cephalograms that have landmarks and report the others.

        Returns:
            list[dict]: One dictionary per cephalogram.
        """
        self._report = AnnotationReport(self.ann_file, problems=_PROBLEMS)
        content = load_coco(self.ann_file)
        # Index in the file of each landmark.
        self._order, dropped = self._match_landmarks(content)
        self._num_given = len(content['categories'][0]['keypoints'])
        self._content, self._placed = content, []
        annotated = {entry['image_id'] for entry in content['annotations']}
        for image in content['images']:
            if image['id'] not in annotated:
                self._report.add('no_annotation', describe(image))
        self._check_images(content['images'])

        cephalograms = super().load_data_list()
        check_plausibility(self._placed, self._report, tolerance=0.5)
        del self._content, self._placed
        if self._report:
            print_log(
                str(self._report), logger='current', level=logging.WARNING
            )
        if not cephalograms:
            raise DataError(
                f'{self.ann_file} has no usable cephalogram. {self._report}'
            )
        print_log(
            f'{self.ann_file}: {len(cephalograms)} cephalograms, '
            f'{len(self.schema)} landmarks of schema {self.schema.name!r}'
            + (f', without {", ".join(dropped)}' if dropped else ''),
            logger='current',
        )
        return cephalograms

    def parse_data_info(self, raw_data_info: dict) -> dict | None:
        """Read one cephalogram.

        Args:
            raw_data_info (dict): Entries ``raw_ann_info`` and
                ``raw_img_info`` of the file.

        Returns:
            dict | None: The cephalogram; None if it has no labelled landmark.
        """
        image = raw_data_info['raw_img_info']
        points = as_keypoints(
            raw_data_info['raw_ann_info']['keypoints'],
            describe(image),
            self._num_given,
        )[self._order]
        if not (points[:, 2] > 0).any():
            self._report.add('no_landmark', describe(image))
            return None
        size = (image['width'], image['height'])
        x, y, width, height = raw_data_info['raw_ann_info']['bbox']
        box, codes = np.array([x, y, x + width, y + height]), self.schema.codes
        self._placed.append(
            PlacedInstance(describe(image), points, size, box, codes)
        )
        spacing = image.get('spacing')
        if spacing is None:
            self._report.add('no_spacing', describe(image))
        annotation = dict(
            raw_data_info['raw_ann_info'],
            keypoints=points.ravel().tolist(),
            num_keypoints=int((points[:, 2] > 0).sum()),
        )
        info = super().parse_data_info(
            dict(raw_ann_info=annotation, raw_img_info=image)
        )
        info.update(
            spacing=None if spacing is None else np.float32(spacing),
            spacing_source=image.get('spacing_source', 'unknown'),
            device=image.get('device', ''),
            subject=str(image.get('subject', '')),
            class_labels=image.get('class_labels', {}),
        )
        return info

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        """Cephalograms and images, from what has been read and checked."""
        annotations = {
            entry['image_id']: entry for entry in self._content['annotations']
        }
        self._metainfo['CLASSES'] = self._content['categories']
        cephalograms, images = [], []
        for number, image in enumerate(self._content['images']):
            if number % self.sample_interval:
                continue
            path = Path(self.data_prefix['img'], image['file_name'])
            image = dict(image, img_id=image['id'], img_path=str(path))
            images.append(image)
            if image['id'] in annotations:
                entry = {'category_id': 1, **annotations[image['id']]}
                raw = dict(raw_ann_info=entry, raw_img_info=image)
                cephalograms.append(self.parse_data_info(raw))
        return [one for one in cephalograms if one is not None], images

    def _get_topdown_data_infos(self, instance_list: list[dict]) -> list[dict]:
        """All of them: what is not usable has been reported and skipped."""
        return instance_list

    def _match_landmarks(self, content: dict) -> tuple[list[int], list[str]]:
        """Indices (K,) in the file, and codes of unused landmarks."""
        names = content['categories'][0]['keypoints']
        found = (content.get('info') or {}).get('schema') or self.schema.name
        theirs = get_schema(found)
        problem = compare_names(names, theirs.names)
        if problem:
            raise DataError(
                f'{self.ann_file} has not the landmarks of schema '
                f'{found!r}: {problem}. Correct schema in the '
                "config, or 'keypoints' in the file"
            )
        missing = [c for c in self.schema.codes if c not in theirs.codes]
        if missing:
            raise DataError(
                f'{self.ann_file} has landmarks of schema {found!r}, which '
                f'lacks {", ".join(missing)} of schema '
                f'{self.schema.name!r}: correct schema in the config'
            )
        order = [
            names.index(theirs.names[theirs.index_of(code)])
            for code in self.schema.codes
        ]
        return order, [c for c in theirs.codes if c not in self.schema.codes]

    def _check_images(self, images: list[dict]) -> None:
        """Refuse missing, unreadable and exchanged images."""
        root = Path(self.data_prefix['img'])
        names = (image['file_name'] for image in images)
        check_image_names(names, root, self.ann_file, self.allow_outside)
        states = check_images(images, root)
        for state, meaning in STATES.items():
            bad = [i for i in images if states[i['file_name']] == state]
            if not bad or state == 'ok':
                continue
            examples = ', '.join(
                f'{describe(image)}, {image["width"]} x {image["height"]}'
                for image in bad[:3]
            )
            kind = FileNotFoundError if state == 'missing' else DataError
            raise kind(
                f'{self.ann_file}: {len(bad)} of {len(images)} images in '
                f'{root} are {state} ({meaning}), e.g. {examples}. Put the '
                'right images there, correct data_root or data_prefix, or '
                'write the annotations anew from the images: landmarks of '
                'another image or size are wrong'
            )
