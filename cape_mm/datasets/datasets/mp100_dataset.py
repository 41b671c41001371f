# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
import os.path as osp
from collections import Counter
from typing import Callable, Sequence

from mmengine.dataset import BaseDataset, force_full_init
from mmengine.fileio import join_path
from mmengine.logging import print_log

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.image_check import find_missing
from cape_mm.datasets.formats.image_paths import check_image_names
from cape_mm.datasets.formats.mp100.annotation_file import (
    Category,
    load_annotation_file,
    parse_categories,
    parse_instances,
)
from cape_mm.datasets.formats.mp100.pair_list import protocol_instances
from cape_mm.errors import DataError
from cape_mm.registry import DATASETS

from ..pipeline import build_transforms


@DATASETS.register_module()
class MP100Dataset(BaseDataset):
    """MP-100 or own data in its layout; one sample is one instance.

    The number of keypoints K is that of the instance's category. Instances
    keep the order of the file: images as listed, then the annotations of an
    image as listed. What is not usable is skipped by the rules of all
    MP-100 loaders and reported once, with counts and examples; an annotation
    without labelled keypoints never becomes data.

    ``get_data_info`` gives ``img_path``, ``img_id``, ``annotated_size``
    (width, height), ``id``, ``category_id``,
    ``category_name``, ``bbox`` (1, 4) xyxy, ``bbox_score`` (1,),
    ``keypoints`` (1, K, 2), both float32 in original pixels,
    ``keypoints_visible`` (1, K) float32, 1 where labelled, ``num_keypoints``
    (K), ``keypoint_names``, ``skeleton`` (0-based pairs), ``flip_pairs``
    (likewise, None where not given), ``dataset_name``.

    Args:
        ann_file (str): Annotation file, relative to ``data_root``.
        data_root (str): Folder of the dataset. Defaults to ''.
        data_prefix (dict): Folder of the images, relative to ``data_root``.
            Defaults to ``dict(img='images/')``.
        pipeline (Sequence[dict | Callable]): MMPose transforms, applied to
            one instance. Defaults to none.
        missing_images (str): ``'error'``, or ``'drop'`` to go on without the
            instances whose image is missing. Results are then not
            comparable with those of the whole dataset. Defaults to
            ``'error'``.
        allow_outside (bool): Whether annotations may name images outside of
            the folder of the images, by absolute paths, ``..`` or links; only
            for files that you trust. Defaults to False.
        **kwargs: Other arguments of MMEngine's ``BaseDataset``.

    Raises:
        FileNotFoundError: If the annotation file or an image is missing.
        DataError: If the annotation file is broken, or nothing in it is
            usable.
    """

    METAINFO: dict = dict(dataset_name='mp100')

    def __init__(
        self,
        ann_file: str,
        data_root: str = '',
        data_prefix: dict | None = None,
        pipeline: Sequence[dict | Callable] = (),
        missing_images: str = 'error',
        allow_outside: bool = False,
        **kwargs,
    ) -> None:
        if missing_images not in ('error', 'drop'):
            raise ValueError(
                f"missing_images is 'error' or 'drop', not {missing_images!r}"
            )
        self.missing_images = missing_images
        self.allow_outside = allow_outside
        self._categories: dict[int, Category] = {}
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=data_prefix or dict(img='images/'),
            pipeline=build_transforms(pipeline),
            **kwargs,
        )

    @property
    @force_full_init
    def categories(self) -> dict[int, Category]:
        """dict[int, Category]: All categories of the file, in its order."""
        return self._categories

    @property
    @force_full_init
    def indices_by_category(self) -> dict[int, list[int]]:
        """dict[int, list[int]]: Indices of each category's instances."""
        table: dict[int, list[int]] = {key: [] for key in self._categories}
        for index in range(len(self)):
            info = super().get_data_info(index)
            table[info['category_id']].append(index)
        return table

    @property
    def protocol_instances(self) -> dict[int, list[int]]:
        """dict[int, list[int]]: Annotation ids by category.

        Those that the published loaders count, in their order, whether they
        are usable here or not. ``DataError`` if they cannot be counted.
        """
        return protocol_instances(load_annotation_file(self.ann_file))

    def load_data_list(self) -> list[dict]:
        """Load all usable instances and report the others.

        Returns:
            list[dict]: One dictionary per instance.
        """
        report = AnnotationReport(self.ann_file)
        content = load_annotation_file(self.ann_file)
        self._categories = parse_categories(content, report)
        instances = parse_instances(content, self._categories, report)
        check_image_names(
            (instance['img_path'] for instance in instances),
            self.data_prefix['img'],
            self.ann_file,
            self.allow_outside,
        )
        for instance in instances:
            instance['img_path'] = join_path(
                self.data_prefix['img'], instance['img_path']
            )
        instances = self._drop_missing(instances, report)
        if report:
            print_log(str(report), logger='current', level=logging.WARNING)
        if not instances:
            raise DataError(
                f'{self.ann_file} has no usable instance. {report}'
            )
        print_log(
            f'{self.ann_file}: {len(instances)} instances, '
            f'{len(self._categories)} categories',
            logger='current',
        )
        return instances

    def get_data_info(self, idx: int) -> dict:
        """Get one instance.

        Args:
            idx (int): Index of the instance.

        Returns:
            dict: See the description of the class.
        """
        info = super().get_data_info(idx)
        # Kept once per category, not once per instance.
        category = self._categories[info['category_id']]
        info['keypoint_names'] = list(category.keypoint_names)
        info['skeleton'] = [list(edge) for edge in category.skeleton]
        info['flip_pairs'] = category.flip_pairs
        return info

    def get_cat_ids(self, idx: int) -> list[int]:
        """Category of one instance, for MMEngine's wrappers."""
        return [self.get_data_info(idx)['category_id']]

    def find_instance(self, category_id: int, position: int) -> int:
        """Find one instance by its category and its position in it.

        Args:
            category_id (int): Id of the category.
            position (int): Number of the instance among those of the
                category, from 0, in the order of the file.

        Returns:
            int: Index for ``get_data_info``.

        Raises:
            DataError: If there is no such category, or it has no such
                instance.
        """
        indices = self.indices_by_category.get(category_id)
        if not indices:
            lines = [
                f'  {self.categories[key]}: {len(found)} instances'
                for key, found in self.indices_by_category.items()
                if found
            ]
            raise DataError(
                f'no instance of category {category_id!r} in '
                f'{self.ann_file}; it has\n' + '\n'.join(lines)
            )
        if not (isinstance(position, int) and 0 <= position < len(indices)):
            infos = [self.get_data_info(index) for index in indices[:10]]
            lines = [
                f'  {number}: {info["img_path"]}, annotation {info["id"]}'
                for number, info in enumerate(infos)
            ]
            if len(indices) > len(infos):
                lines.append(f'  ... up to {len(indices) - 1}')
            raise DataError(
                f'category {self.categories[category_id]} of {self.ann_file} '
                f'has no instance {position}; it has 0 to '
                f'{len(indices) - 1}:\n' + '\n'.join(lines)
            )
        return indices[position]

    def _drop_missing(
        self, instances: list[dict], report: AnnotationReport
    ) -> list[dict]:
        """Refuse or drop instances without image."""
        paths = {instance['img_path'] for instance in instances}
        missing = find_missing(paths)
        if missing and self.missing_images == 'error':
            raise FileNotFoundError(self._describe_missing(paths, missing))
        for instance in instances:
            if instance['img_path'] in missing:
                report.add(
                    'missing_image',
                    f'annotation {instance["id"]} ({instance["img_path"]})',
                )
        return [i for i in instances if i['img_path'] not in missing]

    def _describe_missing(self, paths: set[str], missing: set[str]) -> str:
        """Missing images by folder, and the remedy."""
        totals = Counter(map(osp.dirname, paths))
        absent = Counter(map(osp.dirname, missing))
        lines = [
            f'  {folder}: {count} of {totals[folder]}'
            for folder, count in sorted(absent.items())
        ]
        if len(lines) > 10:
            lines[10:] = [f'  ... and {len(lines) - 10} more folders']
        examples = ', '.join(sorted(missing)[:3])
        return (
            f'{len(missing)} of {len(paths)} images of {self.ann_file} are '
            f'missing, e.g. {examples}; by folder:\n'
            + '\n'.join(lines)
            + '\nPut them there, correct data_root or data_prefix, or set '
            "missing_images='drop' to go on without their instances"
        )
