# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from cape_mm.registry import DATASETS

from ..synthetic import ensure_stick_figures
from .embedded_data import draw_on_first_use
from .posetrack_clip_dataset import PoseTrackClipDataset


@DATASETS.register_module()
class StickFiguresDataset(PoseTrackClipDataset):
    """PoseTrack data, by default the embedded stick figures.

    If ``data_root`` is ``embedded_root``, the videos are drawn there when the
    folder is missing; a folder of that name with other content is refused and
    left alone. Any other ``data_root`` is only read, as by
    :class:`PoseTrackClipDataset`.

    Args:
        ann_file (str): Annotation file or folder, relative to ``data_root``:
            ``'annotations/train'`` or ``'annotations/val'``.
        data_root (str): Folder of the dataset. Defaults to
            ``'data/stick_figures'``.
        embedded_root (str): Folder of the embedded data, by default relative
            to the working directory. Defaults to ``'data/stick_figures'``.
        **kwargs: Other arguments of :class:`PoseTrackClipDataset`.

    Raises:
        FileExistsError: If ``embedded_root`` holds something else, or
            another version of the embedded data.
    """

    def __init__(
        self,
        ann_file: str,
        data_root: str = 'data/stick_figures',
        embedded_root: str = 'data/stick_figures',
        **kwargs,
    ) -> None:
        self.embedded_root = embedded_root
        super().__init__(ann_file=ann_file, data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Draw the embedded data if need be, and load all frames.

        Returns:
            List[dict]: One dictionary per frame.
        """
        draw_on_first_use(
            self.data_root, self.embedded_root, ensure_stick_figures
        )
        return super().load_data_list()
