# Copyright (c) cape_mm contributors. All rights reserved.
"""Object keypoint similarity with the sigmas of a dataset."""

from __future__ import annotations

import torch
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.models.task_modules.assigners.metric_calculators import PoseOKS


def build_oks(metainfo: str | dict) -> PoseOKS:
    """Make MMPose's OKS with the sigmas of a dataset.

    Args:
        metainfo (str | dict): Metainfo of the dataset, with ``sigmas``, or
            the path of its file, as MMPose's datasets take it.

    Returns:
        PoseOKS: With ``sigmas`` (K,).

    Raises:
        ValueError: If there are no sigmas.
    """
    if isinstance(metainfo, str):
        metainfo = parse_pose_metainfo(dict(from_file=metainfo))
    if metainfo.get('sigmas') is None:
        raise ValueError(
            'OKS needs the sigmas of the dataset: the metainfo has only '
            f'{", ".join(metainfo) or "nothing"}'
        )
    oks = PoseOKS(metainfo=None)
    oks.sigmas = torch.as_tensor(metainfo['sigmas'], dtype=torch.float32)
    return oks
