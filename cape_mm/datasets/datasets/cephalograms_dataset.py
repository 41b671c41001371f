# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from cape_mm.registry import DATASETS

from ..synthetic import ensure_cephalograms
from .cephalometric_dataset import CephalometricDataset
from .embedded_data import draw_on_first_use


@DATASETS.register_module()
class CephalogramsDataset(CephalometricDataset):
    """Cephalograms, by default the embedded ones, drawn on first use.

    If ``data_root`` is ``embedded_root``, the cephalograms are written there
    when the folder is missing; a folder of that name with other content is
    refused and left alone. Any other ``data_root`` is only read, as by
    :class:`CephalometricDataset`.

    Args:
        ann_file (str): Annotation file, relative to ``data_root``.
        schema (str): Which landmarks to give. Those of ``'document19'`` and
            of ``'isbi2015'`` are all on the embedded cephalograms. Defaults to
            ``'cephalogram23'``.
        data_root (str): Folder of the dataset. Defaults to
            ``'data/cephalograms'``.
        embedded_root (str): Folder of the embedded data, by default relative
            to the working directory. Defaults to ``'data/cephalograms'``.
        **kwargs: Other arguments of :class:`CephalometricDataset`.

    Raises:
        FileExistsError: If ``embedded_root`` holds something else, or
            another version of the embedded data.
    """

    def __init__(
        self,
        ann_file: str,
        schema: str = 'cephalogram23',
        data_root: str = 'data/cephalograms',
        embedded_root: str = 'data/cephalograms',
        **kwargs,
    ) -> None:
        self.embedded_root = embedded_root
        super().__init__(
            ann_file=ann_file, schema=schema, data_root=data_root, **kwargs
        )

    def load_data_list(self) -> list[dict]:
        """Write the embedded data if need be, and load all cephalograms.

        Returns:
            List[dict]: One dictionary per cephalogram.
        """
        draw_on_first_use(
            self.data_root, self.embedded_root, ensure_cephalograms
        )
        return super().load_data_list()
