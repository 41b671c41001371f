# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from typing import Mapping

#: Kinds of implausible coordinates, and what is done about them.
IMPLAUSIBLE = OrderedDict(
    at_corner='labelled keypoints at (0, 0), several on an instance (kept)',
    normalised=(
        'instances within one pixel, as if coordinates were shares of the '
        'image (kept)'
    ),
    corner_box='boxes that fit as x1, y1, x2, y2, not as x, y, w, h (kept)',
    outside='labelled keypoints outside of their image (kept)',
    outside_box='labelled keypoints far outside of their box (kept)',
)
#: Meaning of each kind of problem and what is done about it, in the order of
#: the report.
PROBLEMS = OrderedDict(
    duplicate_id='duplicate ids (first one kept)',
    keypoint_names='names that contradict the keypoints (names dropped)',
    bad_skeleton='bad skeletons (edge or skeleton dropped)',
    one_based=(
        'skeletons that seem to count from 1: nothing joins keypoint 0, and '
        'edges one lower are shorter (kept: if so, subtract 1 in the file)'
    ),
    bad_flip_pairs='bad flip pairs (pair or all pairs dropped)',
    unknown_image='annotations of an unknown image (skipped)',
    unknown_category='annotations of an unknown category (skipped)',
    crowd='crowd annotations (skipped)',
    no_bbox='annotations without bounding box (skipped)',
    no_area='annotations with area <= 0 (skipped)',
    no_keypoints='annotations without keypoints (skipped)',
    keypoint_count='annotations with a wrong number of keypoints (skipped)',
    not_finite='annotations with NaN, infinite or no numbers (skipped)',
    no_visible_keypoint='annotations without visible keypoint (skipped)',
    degenerate_box='annotations with a degenerate box (skipped)',
    **IMPLAUSIBLE,
    missing_image='annotations whose image is missing (dropped)',
)
#: Number of examples of each kind in the message.
_MAX_EXAMPLES = 3


class AnnotationReport:
    """Counter of the problems of one annotation file, for one log message.

    ``problems`` maps each kind to its meaning, in the order of the report.
    """

    def __init__(
        self, ann_file: str, problems: Mapping[str, str] = PROBLEMS
    ) -> None:
        self.ann_file = ann_file
        self.problems = problems
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = defaultdict(list)

    def add(self, kind: str, example: str, count: int = 1) -> None:
        """Count a problem; the example gives its place and reason."""
        if kind not in self.problems:
            raise KeyError(f'unknown kind of problem: {kind!r}')
        self.counts[kind] += count
        if len(self.examples[kind]) < _MAX_EXAMPLES:
            self.examples[kind].append(example)

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __str__(self) -> str:
        lines = [f'Problems in {self.ann_file}:']
        for kind, meaning in self.problems.items():
            if kind not in self.counts:
                continue
            lines.append(f'  {self.counts[kind]} {meaning}')
            examples = self.examples[kind]
            lines += [f'    {example}' for example in examples]
            more = self.counts[kind] - len(examples)
            if more:
                lines.append(f'    ... and {more} more')
        return '\n'.join(lines)
