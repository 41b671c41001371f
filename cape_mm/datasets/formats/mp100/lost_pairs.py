# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from collections import Counter
from typing import Any

from cape_mm.datasets.formats.mp100.pair_list import draw_pair_list

EPISODES = dict(val=100, test=200)


def count_lost_pairs(
    objects: dict[Any, list[Any]],
    available: set[Any],
    part: str,
    num_shots: int,
    num_queries: int,
) -> dict:
    """What missing images would change in validation or test.

    Args:
        objects (Dict[int, List[int]]): From :func:`protocol_objects`.
        available (Set[int]): Annotation ids whose image is usable.
        part (str): ``'val'`` or ``'test'``.
        num_shots (int): S.
        num_queries (int): Q.

    Returns:
        dict: ``pairs``, ``lost`` and ``lost_share``; ``sha256`` of the list;
        ``lost_by_category``; ``too_small``: categories with fewer than S + Q
        objects in the file, for which there is no list at all; ``fell_below``:
        those with fewer than that only because of missing images.
    """
    need = num_shots + num_queries
    pairs = draw_pair_list(
        objects, num_shots, num_queries, EPISODES[part], seed=1
    )
    lost: Counter = Counter()
    for episode in pairs.episodes:
        if all(ann_id in available for ann_id in episode.supports):
            gone = sum(i not in available for i in episode.queries)
        else:
            gone = len(episode.queries)
        lost[episode.category_id] += gone
    left = {
        key: sum(ann_id in available for ann_id in ids)
        for key, ids in objects.items()
    }
    total = sum(lost.values())
    return dict(
        shots=num_shots,
        queries=num_queries,
        sha256=pairs.sha256,
        pairs=pairs.num_pairs,
        lost=total,
        lost_share=total / pairs.num_pairs if pairs.num_pairs else 0.0,
        lost_by_category={key: n for key, n in lost.items() if n},
        too_small=[key for key, ids in objects.items() if len(ids) < need],
        fell_below=[
            key for key, ids in objects.items() if left[key] < need <= len(ids)
        ],
    )
