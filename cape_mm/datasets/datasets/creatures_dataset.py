# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from cape_mm.registry import DATASETS

from ..synthetic import ensure_creatures
from .embedded_data import draw_on_first_use
from .mp100_dataset import MP100Dataset


@DATASETS.register_module()
class CreaturesDataset(MP100Dataset):
    """MP-100 data, by default the embedded one, which is drawn on first use.

    If ``data_root`` is ``embedded_root``, the creatures are written there
    when the folder is missing; a folder of that name with other content is
    refused and left alone. Any other ``data_root`` is only read, as by
    :class:`MP100Dataset`: so a config whose ``data_root`` can be changed from
    outside works with both.

    Args:
        ann_file (str): Annotation file, relative to ``data_root``.
        data_root (str): Folder of the dataset. Defaults to
            ``'data/creatures'``.
        embedded_root (str): Folder of the embedded data, by default relative
            to the working directory. Defaults to ``'data/creatures'``.
        **kwargs: Other arguments of :class:`MP100Dataset`.

    Raises:
        FileExistsError: If ``embedded_root`` holds something else, or
            another version of the embedded data.
    """

    def __init__(
        self,
        ann_file: str,
        data_root: str = 'data/creatures',
        embedded_root: str = 'data/creatures',
        **kwargs,
    ) -> None:
        self.embedded_root = embedded_root
        super().__init__(ann_file=ann_file, data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Write the embedded data if need be, and load all instances.

        Returns:
            List[dict]: One dictionary per instance.
        """
        draw_on_first_use(self.data_root, self.embedded_root, ensure_creatures)
        return super().load_data_list()
