# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch

from cape_mm.structures import EpisodeDataSample


def pack_episode(
    supports: list[dict], queries: list[dict], metainfo: dict
) -> dict:
    """Assemble packed members into the item of an episode.

    Args:
        supports (List[dict]): What :class:`PackPoseInputs` has made of each
            support.
        queries (List[dict]): The same of each query.
        metainfo (dict): Of the :class:`EpisodeDataSample`.

    Returns:
        dict: ``inputs`` with ``support`` (S, 3, H, W) and ``query``
        (Q, 3, H, W), uint8, and ``data_samples``.

    Raises:
        ValueError: If the images differ in shape.
    """
    sizes = {tuple(member['inputs'].shape) for member in supports + queries}
    if len(sizes) > 1:
        raise ValueError(
            f'the pipeline gave members of different shapes {sorted(sizes)}; '
            'let it end with TopdownAffine, GenerateTarget, PackPoseInputs'
        )
    episode = EpisodeDataSample(metainfo=metainfo)
    episode.supports = [member['data_samples'] for member in supports]
    episode.queries = [member['data_samples'] for member in queries]
    images = {
        name: torch.stack([member['inputs'] for member in members])
        for name, members in (('support', supports), ('query', queries))
    }
    return dict(inputs=images, data_samples=episode)
