# Copyright (c) cape_mm contributors. All rights reserved.
"""Synthetic datasets, written on first use and then read as any other."""

from __future__ import annotations

import os.path as osp
from typing import Callable

from mmengine.logging import print_log

from cape_mm.registry import DATASETS

from ..synthetic import (
    write_cephalograms,
    write_creatures,
    write_stick_figures,
)
from .cephalometric_dataset import CephalometricDataset
from .mp100_dataset import MP100Dataset
from .posetrack_clip_dataset import PoseTrackClipDataset


class _WrittenOnFirstUse:
    """Mixin before a dataset class: writes the synthetic data that it reads.

    If ``data_root`` is ``synthetic_root``, the data are written there when
    the folder is missing; a folder of that name with other content is refused
    and left alone. Any other ``data_root`` is only read: so a config whose
    ``data_root`` can be changed from outside works with both.
    """

    default_root: str  # folder of the synthetic data in configs
    write: Callable[[str], bool]  # into a folder, unless they are there

    def __init__(
        self,
        ann_file: str,
        data_root: str | None = None,
        synthetic_root: str | None = None,
        **kwargs,
    ) -> None:
        self.synthetic_root = synthetic_root or self.default_root
        data_root = self.default_root if data_root is None else data_root
        super().__init__(ann_file=ann_file, data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Write the synthetic data if need be, and load the annotations."""
        root = osp.abspath(self.data_root)
        if root == osp.abspath(self.synthetic_root):
            if not osp.exists(root):
                print_log(
                    f'Writing the synthetic dataset into {root} '
                    '(some seconds, once)',
                    logger='current',
                )
            self.write(self.data_root)
        return super().load_data_list()


@DATASETS.register_module()
class CreaturesDataset(_WrittenOnFirstUse, MP100Dataset):
    """MP-100 data, by default synthetic creatures, written on first use.

    Arguments are those of :class:`MP100Dataset`, and ``synthetic_root``:
    Folder of the synthetic data, ``'data/creatures'`` as ``data_root``.
    """

    default_root = 'data/creatures'
    write = staticmethod(write_creatures)


@DATASETS.register_module()
class StickFiguresDataset(_WrittenOnFirstUse, PoseTrackClipDataset):
    """PoseTrack data, by default stick figures, written on first use.

    Arguments are those of :class:`PoseTrackClipDataset`, and
    ``synthetic_root``: Folder of the synthetic data,
    ``'data/stick_figures'`` as ``data_root``. There, ``ann_file`` is
    ``'annotations/train'`` or ``'annotations/val'``.
    """

    default_root = 'data/stick_figures'
    write = staticmethod(write_stick_figures)


@DATASETS.register_module()
class CephalogramsDataset(_WrittenOnFirstUse, CephalometricDataset):
    """Cephalometric data, by default synthetic, written on first use.

    Arguments are those of :class:`CephalometricDataset`, and
    ``synthetic_root``: Folder of the synthetic data,
    ``'data/cephalograms'`` as ``data_root``. The landmarks of the schemas
    ``'document19'`` and ``'isbi2015'`` are all on the synthetic cephalograms.
    """

    default_root = 'data/cephalograms'
    write = staticmethod(write_cephalograms)

    def __init__(
        self, ann_file: str, schema: str = 'cephalogram23', **kwargs
    ) -> None:
        super().__init__(ann_file=ann_file, schema=schema, **kwargs)
