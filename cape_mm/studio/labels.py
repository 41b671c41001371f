# Copyright (c) cape_mm contributors. All rights reserved.
"""What is labelled on the images of a project: plain values and actions.

An action is a function from one :class:`Labels` to another; nothing is changed
in place, so that undo is a list of earlier values.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Mapping, Sequence, Tuple

from cape_mm.errors import DataError

#: A keypoint: x, y in original pixels, and v: 0 unlabelled, 1 hidden,
#: 2 visible.
Keypoint = Tuple[float, float, int]
UNLABELLED: Keypoint = (0.0, 0.0, 0)
#: States of an instance.
EMPTY, PREDICTED, ACCEPTED, REJECTED = (
    *('empty', 'predicted'),
    *('accepted', 'rejected'),
)
#: Least score of a predicted keypoint that counts as found.
MIN_SCORE = 0.3
_STEPS = 200  # that can be undone


@dataclass(frozen=True)
class Instance:
    """One object on one image.

    Attributes:
        image (str): Name of the image, relative to the folder, with ``/``.
        size (tuple[int, int]): Width and height of it, pixels as displayed.
        keypoints (tuple[Keypoint, ...]): K keypoints.
        box (tuple[float, ...], optional): x1, y1, x2, y2, original pixels.
        status (str): One of :data:`EMPTY`, :data:`PREDICTED`,
            :data:`ACCEPTED`, :data:`REJECTED`.
        scores (tuple[float, ...], optional): K scores of a prediction.
        corrected (tuple[int, ...]): Indices of predicted keypoints that were
            moved, hidden or removed by hand.
    """

    image: str
    size: tuple[int, int]
    keypoints: tuple[Keypoint, ...] = ()
    box: tuple[float, ...] | None = None
    status: str = EMPTY
    scores: tuple[float, ...] | None = None
    corrected: tuple[int, ...] = ()

    @property
    def found(self) -> tuple[bool, ...]:
        """tuple[bool, ...]: Keypoints that are there, and certain enough."""
        scores = self.scores or (1.0,) * len(self.keypoints)
        return tuple(
            v > 0 and score >= MIN_SCORE
            for (_, _, v), score in zip(self.keypoints, scores)
        )

    @property
    def mean_score(self) -> float:
        """float: Mean score of a prediction; 1 without one."""
        return sum(self.scores) / len(self.scores) if self.scores else 1.0


@dataclass(frozen=True)
class Labels:
    """All that is known of a project.

    Attributes:
        category (str): Name of the kind of object.
        keypoint_names (tuple[str, ...]): K names.
        skeleton (tuple[tuple[int, int], ...]): Pairs of keypoint indices,
            0-based.
        flip_pairs (tuple[tuple[int, int], ...], optional): Left and right
            partners, 0-based; None where the names tell.
        instances (Mapping[str, Instance]): Instances by key: the name of the
            image, with ``#2`` for its second one, in order.
        reviewed (tuple[str, ...]): Keys of predictions that were accepted, in
            that order.
    """

    category: str = 'object'
    keypoint_names: tuple[str, ...] = ()
    skeleton: tuple[tuple[int, int], ...] = ()
    flip_pairs: tuple[tuple[int, int], ...] | None = None
    instances: Mapping[str, Instance] = field(default_factory=dict)
    reviewed: tuple[str, ...] = ()

    def keys(self, *status: str) -> list[str]:
        """Keys of the instances in one of some states."""
        return [k for k, i in self.instances.items() if i.status in status]

    def count_corrections(self) -> list[tuple[int, int]]:
        """Corrected and predicted keypoints of each reviewed instance."""
        count = len(self.keypoint_names)
        found = [self.instances.get(key) for key in self.reviewed]
        return [(len(i.corrected), count) for i in found if i is not None]


@dataclass(frozen=True)
class History:
    """Labels with those before and after.

    Attributes:
        present (Labels): As they are.
        past (tuple[Labels, ...]): For undo, the latest one last.
        future (tuple[Labels, ...]): For redo, the next one last.
    """

    present: Labels
    past: tuple[Labels, ...] = ()
    future: tuple[Labels, ...] = ()

    def do(self, labels: Labels) -> History:
        """Take a step."""
        if labels == self.present:
            return self
        return History(labels, (*self.past, self.present)[-_STEPS:])

    def undo(self) -> History:
        """Go back a step, if there is one."""
        if not self.past:
            return self
        future = (*self.future, self.present)
        return History(self.past[-1], self.past[:-1], future)

    def redo(self) -> History:
        """Take a step again that was undone, if there is one."""
        if not self.future:
            return self
        past = (*self.past, self.present)
        return History(self.future[-1], past, self.future[:-1])


def place_keypoint(
    labels: Labels, key: str, index: int, x: float, y: float, v: int = 2
) -> Labels:
    """Put a keypoint by hand; the instance is accepted by this.

    Args:
        labels (Labels): Labels before.
        key (str): Key of the instance.
        index (int): Index of the keypoint.
        x (float): x, original pixels; cut at the border of the image.
        y (float): y, original pixels; likewise.
        v (int): 0 unlabelled, 1 hidden, 2 visible. Defaults to 2.

    Returns:
        Labels: Labels after.
    """
    instance = labels.instances[key]
    point = (*_put_inside(instance, x, y), int(v))
    corrected, scores = instance.corrected, instance.scores
    points = list(instance.keypoints)
    if instance.scores:
        labels, points = _review(labels, key), _found_keypoints(instance)
        scores = (*scores[:index], 1.0, *scores[index + 1 :])
        corrected = tuple(sorted({*corrected, index}))
    points[index] = point if v else UNLABELLED
    instance = replace(
        instance,
        keypoints=tuple(points),
        scores=scores,
        corrected=corrected,
        status=ACCEPTED if any(v for _, _, v in points) else EMPTY,
    )
    return _put(labels, key, instance)


def flag_keypoint(labels: Labels, key: str, index: int, v: int) -> Labels:
    """Call a keypoint visible (2), hidden (1) or not visible (0)."""
    x, y, known = labels.instances[key].keypoints[index]
    if v and not known:
        raise DataError(
            f'{labels.keypoint_names[index]!r} has no place yet: click where '
            'it is'
        )
    return place_keypoint(labels, key, index, x, y, v)


def set_box(labels: Labels, key: str, box: Sequence[float] | None) -> Labels:
    """Set the box x1, y1, x2, y2 of an instance, or remove it."""
    instance = labels.instances[key]
    if box is not None:
        width, height = instance.size
        xs = sorted(min(max(float(x), 0.0), width) for x in box[::2])
        ys = sorted(min(max(float(y), 0.0), height) for y in box[1::2])
        box = tuple(round(n, 2) for n in (xs[0], ys[0], xs[1], ys[1]))
        if min(box[2] - box[0], box[3] - box[1]) < 2:
            raise DataError(
                'a box needs two corners that are apart in both directions: '
                'click two opposite ones'
            )
    return _put(labels, key, replace(instance, box=box))


def accept(labels: Labels, key: str) -> Labels:
    """Take a prediction as labels; keypoints that were not found are left.

    The scores stay, so that it is known what was predicted. Keypoints outside
    of the image are put on its border.
    """
    instance = labels.instances[key]
    if instance.status == ACCEPTED:
        return labels
    if not any(instance.found):
        raise DataError(
            f'{key}: there is no keypoint to accept; predict first, or click '
            'the keypoints'
        )
    points = tuple(_found_keypoints(instance))
    labels = _review(labels, key) if instance.scores else labels
    return _put(
        labels, key, replace(instance, keypoints=points, status=ACCEPTED)
    )


def reject(labels: Labels, key: str) -> Labels:
    """Keep an instance out of predictions, shots and files."""
    instance = replace(labels.instances[key], status=REJECTED)
    return _put(_review(labels, key, False), key, instance)


def clear(labels: Labels, key: str) -> Labels:
    """Remove the keypoints of an instance, and its prediction."""
    known = labels.instances[key]
    points = (UNLABELLED,) * len(labels.keypoint_names)
    instance = Instance(known.image, known.size, points, known.box)
    return _put(_review(labels, key, False), key, instance)


def set_prediction(
    labels: Labels,
    key: str,
    keypoints: Sequence[Sequence[float]],
    scores: Sequence[float],
) -> Labels:
    """Store a prediction, unless the instance has been accepted meanwhile.

    Args:
        labels (Labels): Labels before.
        key (str): Key of the instance.
        keypoints (Sequence): Keypoints (K, 2), original pixels.
        scores (Sequence[float]): K scores; 0 where no shot has the keypoint.

    Returns:
        Labels: Labels after.
    """
    instance = labels.instances[key]
    if instance.status == ACCEPTED:
        return labels
    points = tuple(
        (round(float(x), 2), round(float(y), 2), 2) if s > 0 else UNLABELLED
        for (x, y), s in zip(keypoints, scores)
    )
    instance = replace(
        instance,
        keypoints=points,
        scores=tuple(round(float(score), 4) for score in scores),
        status=PREDICTED,
        corrected=(),
    )
    return _put(labels, key, instance)


def toggle_edge(labels: Labels, first: int, second: int) -> Labels:
    """Add an edge of the skeleton, or remove it."""
    edge, flipped = (first, second), (second, first)
    rest = tuple(e for e in labels.skeleton if e not in (edge, flipped))
    if rest == labels.skeleton:
        rest = (*rest, edge)
    return replace(labels, skeleton=rest)


def set_keypoint_names(labels: Labels, names: Sequence[str]) -> Labels:
    """Add, remove, sort or rename keypoints.

    As many names rename the keypoints in order, where none of them moves.
    Otherwise a name keeps its labels, and one that is gone takes them along.
    """
    names = tuple(name.strip() for name in names if name.strip())
    if len(set(names)) < len(names):
        raise DataError('two keypoints have the same name: give each its own')
    old = labels.keypoint_names
    if len(names) == len(old) and all(
        name == known or name not in old for name, known in zip(names, old)
    ):
        return replace(labels, keypoint_names=names)
    # the index before of each keypoint, None for a new one
    origin = [old.index(name) if name in old else None for name in names]
    place = {before: after for after, before in enumerate(origin)}

    def move(pairs: Sequence[tuple[int, int]]) -> tuple:
        return tuple(
            (place[a], place[b]) for a, b in pairs if a in place and b in place
        )

    instances = {}
    for key, instance in labels.instances.items():
        points = tuple(
            UNLABELLED if i is None else instance.keypoints[i] for i in origin
        )
        scores = instance.scores and tuple(
            0.0 if i is None else instance.scores[i] for i in origin
        )
        corrected = tuple(
            sorted(place[i] for i in instance.corrected if i in place)
        )
        is_empty = not any(v for _, _, v in points)
        instances[key] = replace(
            instance,
            keypoints=points,
            scores=None if is_empty else scores,
            corrected=corrected,
            status=EMPTY if is_empty else instance.status,
        )
    return replace(
        labels,
        keypoint_names=names,
        skeleton=move(labels.skeleton),
        flip_pairs=labels.flip_pairs and move(labels.flip_pairs),
        instances=instances,
    )


def add_instance(labels: Labels, key: str) -> tuple[Labels, str]:
    """Add a further object on the image of an instance; its key, too."""
    image, size = labels.instances[key].image, labels.instances[key].size
    number = 2
    while f'{image}#{number}' in labels.instances:
        number += 1
    points = (UNLABELLED,) * len(labels.keypoint_names)
    instances: dict[str, Instance] = {}
    new = f'{image}#{number}'
    last = image if number == 2 else f'{image}#{number - 1}'
    for other, instance in labels.instances.items():
        instances[other] = instance
        if other == last:
            instances[new] = Instance(image, size, points)
    return replace(labels, instances=instances), new


def _found_keypoints(instance: Instance) -> list[Keypoint]:
    """Keypoints without those that a prediction has not found."""
    return [
        (*_put_inside(instance, x, y), v) if is_found else UNLABELLED
        for (x, y, v), is_found in zip(instance.keypoints, instance.found)
    ]


def _put_inside(instance: Instance, *point: float) -> tuple[float, ...]:
    """A point, cut at the border of the image."""
    return tuple(
        round(min(max(float(value), 0.0), side - 1.0), 2)
        for value, side in zip(point, instance.size)
    )


def _review(labels: Labels, key: str, is_reviewed: bool = True) -> Labels:
    """Note that a prediction has been accepted, or that it has not."""
    if is_reviewed and key in labels.reviewed:
        return labels
    rest = tuple(k for k in labels.reviewed if k != key)
    return replace(labels, reviewed=(*rest, key) if is_reviewed else rest)


def _put(labels: Labels, key: str, instance: Instance) -> Labels:
    """Labels with another instance at a key."""
    return replace(labels, instances={**labels.instances, key: instance})
