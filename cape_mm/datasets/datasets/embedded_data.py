# Copyright (c) cape_mm contributors. All rights reserved.
"""Datasets that are drawn when a training first asks for them."""

from __future__ import annotations

import logging
import os.path as osp
from typing import Callable

from mmengine.logging import print_log


def draw_on_first_use(
    data_root: str, embedded_root: str, ensure: Callable[[str], object]
) -> None:
    """Draw the embedded data if they are what is wanted.

    Args:
        data_root (str): Folder of the data that are wanted.
        embedded_root (str): Folder of the embedded data. If ``data_root`` is
            another one, nothing is done.
        ensure (Callable): Draws the data into a folder unless they are there.

    Raises:
        FileExistsError: If the folder holds something else, or another
            version of the embedded data.
    """
    if osp.abspath(data_root) != osp.abspath(embedded_root):
        return
    if not osp.exists(data_root):
        print_log(
            f'Drawing the embedded dataset into {osp.abspath(data_root)} '
            '(some seconds, once)',
            logger='current',
            level=logging.INFO,
        )
    ensure(data_root)
