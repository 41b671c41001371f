# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from collections import Counter, defaultdict

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.structures import Category


def parse_categories(
    content: dict[str, list[dict]], report: AnnotationReport
) -> dict[int, Category]:
    """Read the categories in the order of the file.

    K is the number of names. Without names it is the number of keypoints that
    most annotations have; names that contradict all of at least two
    annotations, which agree with each other, are dropped. Points without name
    are called ``keypoint_<index>``. Invalid edges of a skeleton are dropped;
    a skeleton that seems to count from 1 is dropped as a whole, because all
    its edges would join the wrong points.

    Args:
        content (Dict[str, List[dict]]): A loaded annotation file.
        report (AnnotationReport): Collects the problems.

    Returns:
        Dict[int, Category]: Categories by id.
    """
    counts: dict[int, Counter] = defaultdict(Counter)
    for ann in content['annotations']:
        keypoints = ann.get('keypoints')
        if keypoints and isinstance(keypoints, list):
            counts[ann['category_id']][len(keypoints) / 3] += 1

    categories: dict[int, Category] = {}
    for entry in content['categories']:
        category_id, name = entry['id'], str(entry['name'])
        where = f'category {category_id} {name!r}'
        if category_id in categories:
            report.add('duplicate_id', where)
            continue
        names = _parse_names(entry, counts[category_id], where, report)
        categories[category_id] = Category(
            id=category_id,
            name=name,
            supercategory=str(entry.get('supercategory') or ''),
            keypoint_names=tuple(names),
            skeleton=_parse_skeleton(entry, len(names), where, report),
            num_keypoints=len(names),
        )
    return categories


def _parse_names(
    entry: dict, counts: Counter, where: str, report: AnnotationReport
) -> list[str]:
    """K names of the keypoints of one category."""
    names = entry.get('keypoints') or []
    whole = [int(count) for count in counts if count == int(count)]
    num_annotations = sum(counts.values())
    agree = len(counts) == 1 and len(whole) == 1 and num_annotations > 1
    if names and agree and len(names) != whole[0]:
        report.add(
            'keypoint_names',
            f'{where}: {len(names)} names, but all its {num_annotations} '
            f'annotations have {whole[0]} keypoints',
        )
        names = []
    if not names and whole:
        names = [''] * max(whole, key=lambda count: counts[count])
    return [
        str(name or f'keypoint_{index}') for index, name in enumerate(names)
    ]


def _parse_skeleton(
    entry: dict, num_keypoints: int, where: str, report: AnnotationReport
) -> tuple[tuple[int, int], ...]:
    """The valid edges of one category."""
    edges, invalid = [], []
    for edge in entry.get('skeleton') or []:
        is_pair = isinstance(edge, (list, tuple)) and len(edge) == 2
        if (
            is_pair
            and all(type(end) is int for end in edge)
            and edge[0] != edge[1]
            and all(0 <= end < num_keypoints for end in edge)
        ):
            edges.append((edge[0], edge[1]))
        else:
            invalid.append(edge)
    ends = {
        end
        for edge in edges + invalid
        if isinstance(edge, (list, tuple))
        for end in edge
        if type(end) is int
    }
    if invalid and min(ends, default=0) == 1 and max(ends) == num_keypoints:
        report.add(
            'bad_skeleton',
            f'{where}: seems to count from 1 (indices 1 to {num_keypoints}); '
            'subtract 1 in the file',
        )
        return ()
    for edge in invalid:
        report.add(
            'bad_skeleton',
            f'{where}: edge {edge} is no pair of two different indices in '
            f'0..{num_keypoints - 1}',
        )
    return tuple(edges)
