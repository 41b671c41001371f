# Copyright (c) cape_mm contributors. All rights reserved.
"""What readers find in files, matched by names."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Callable, Sequence, Tuple

import cv2
import numpy as np

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.image_check import check_image
from cape_mm.datasets.formats.mp100.annotation_file import Category
from cape_mm.errors import DataError

from ..plausibility import PlacedInstance, check_plausibility
from .annotations import AnnotatedImage, AnnotatedInstance, Annotations
from .image_search import ImageSearch, folders_of, split_path
from .repairs import (
    repair_binary_flags,
    repair_box,
    repair_flags,
    repair_keypoints,
    to_number,
)
from .source_image import SourceImage, compare_sizes, video_frame

#: A keypoint name, and the number of equal names before it.
Key = Tuple[str, int]


@dataclass
class _Instance:
    """An instance before all names of its category are known."""

    image: AnnotatedImage
    category: str
    keys: list[Key]
    keypoints: np.ndarray
    box: np.ndarray | None
    is_ternary: bool
    extra: dict[str, Any]

    def __str__(self) -> str:
        return f'{self.image.name}: {self.category}'

    @property
    def names(self) -> list[str]:
        return [key[0] for key in self.keys]


@dataclass
class _Category:
    """What is known of a category."""

    keys: list[Key] = field(default_factory=list)
    edges: list[tuple[Key, ...]] = field(default_factory=list)
    supercategory: str = ''
    flip_pairs: list[tuple[Key, ...]] | None = None


class Collector:
    """Collects what readers find, over all files; counts what it repairs.

    ``where`` is the part of the file that is being read, for messages,
    ``source_ids`` are ids of categories in COCO files by name. The
    arguments are those of :func:`read_annotations`.
    """

    def __init__(
        self,
        report: AnnotationReport,
        image_root: Path | None = None,
        category: str | None = None,
        skeleton_base: str = 'auto',
        decode: bool = False,
    ) -> None:
        self.report = report
        self.decode = decode
        self.image_root = image_root
        self.category = category
        self.skeleton_base = skeleton_base
        self.default_name = category or 'object'
        self.where = ''
        self.source_ids: dict[str, int] = {}
        self._searches: dict[tuple[Path, ...], ImageSearch] = {}
        self._images: dict[Any, AnnotatedImage] = {}
        self._sizes: dict[Path, tuple[int, int] | None] = {}
        self._names: set[str] = set()
        self._categories: dict[str, _Category] = defaultdict(_Category)
        self._declarations: set[tuple] = set()
        self._instances: list[_Instance] = []

    def search(self, file: Path, *preferred: Path) -> ImageSearch:
        """Finder of the files that an annotation file names."""
        roots = (*preferred, *folders_of(file))
        if self.image_root is not None:
            roots = (self.image_root,)
        return self._searches.setdefault(roots, ImageSearch(roots))

    def find(self, search: ImageSearch, *names: Any) -> tuple | None:
        """First of some files that there is; None, and a remark, if none."""
        try:
            for name in names:
                found = isinstance(name, str) and search.find(name)
                if found and search.leads_out(found[0]):
                    self.report.add('link_out', str(found[0]))
                    return None
                if found:
                    return found
            self.report.add('missing_image', ' or '.join(map(repr, names)))
        except DataError as error:
            self.report.add('unclear_image', str(error))
        return None

    def open_image(
        self, search: ImageSearch, name: Any, size: Sequence[Any] = ()
    ) -> SourceImage | None:
        """Image of a file; None, and a remark, if it cannot be used.

        ``size`` is the annotated width and height, if the file has them.
        """
        found = self.find(search, name)
        if found is None:
            return None
        path, relative = found
        if path not in self._sizes:
            self._sizes[path] = self._check(path)
        displayed = self._sizes[path]
        if displayed is None:
            return None
        image = self._image(path.resolve(), relative, path, displayed)
        annotated = tuple(to_number(side) for side in size)
        kind, source = compare_sizes(image, annotated)
        if kind:
            text = ' x '.join(f'{side:g}' for side in annotated)
            self.report.add(kind, f'{name}: {text}, not {displayed}')
        return source

    def _check(self, path: Path) -> tuple[int, int] | None:
        """Size of an image; None, and a remark, if it cannot be read."""
        notes: list[str] = []
        try:
            size = check_image(path, self.decode, notes=notes)
        except (DataError, OSError) as error:  # such as a named pipe
            self.report.add('unreadable', str(error))
            return None
        for note in notes:
            self.report.add('image', f'{path}: {note}')
        if not cv2.haveImageReader(str(path)):
            self.report.add('unreadable', str(path))
            return None
        return size

    def open_frame(self, video: Path, number: int) -> SourceImage | None:
        """Frame of a video; None, and a remark, if it is not there."""
        size, read_pixels = video_frame(video, number)
        if size is None:
            self.report.add('unreadable', f'frame {number} of {video}')
            return None
        name = f'{video.stem}/{number:06d}.png'
        return self.add_pixels(video, number, name, size, read_pixels)

    def add_pixels(
        self,
        path: Path,
        part: Any,
        name: str,
        size: tuple[int, int],
        read_pixels: Callable[[], np.ndarray],
    ) -> SourceImage:
        """Image that is a part of a file, such as a frame."""
        key = path.resolve(), part
        return SourceImage(self._image(key, name, path, size, read_pixels))

    def _image(self, key: Any, name: str, *content: Any) -> AnnotatedImage:
        """The image of a file, under a name that no other one has."""
        if key not in self._images:
            # a name may come from a file, and never leads out of a folder
            name = '/'.join(split_path(name)) or 'image.png'
            pure, number, unique = PurePosixPath(name), 1, name
            # not even on a file system that ignores case
            while unique.casefold() in self._names:
                number += 1
                stem = f'{pure.stem}_{number}{pure.suffix}'
                unique = pure.with_name(stem).as_posix()
            if unique != name:
                self.report.add('renamed', f'{name} to {unique}')
            self._names.add(unique.casefold())
            path, size, *pixels = content
            self._images[key] = AnnotatedImage(
                unique, path, size, read_pixels=pixels[0] if pixels else None
            )
        return self._images[key]

    def declare(
        self,
        category: str,
        names: Sequence[str],
        edges: Sequence[Sequence[int]] = (),
        supercategory: str = '',
        flip_pairs: Sequence[Sequence[int]] | None = None,
    ) -> None:
        """Declare all keypoints of a category, its 0-based skeleton, pairs."""
        if not isinstance(category, str):
            raise DataError(
                f'{self.where}: the category is {category!r}, not a text'
            )
        keys, known = _to_keys(names), self._categories[category]
        declaration = category, tuple(keys), f'{edges} {flip_pairs}'
        if declaration in self._declarations:
            return
        self._declarations.add(declaration)
        if known.keys and known.keys != keys:
            if not (
                set(known.keys) <= set(keys) or set(keys) <= set(known.keys)
            ):
                raise DataError(
                    f'{self.where}: category {category!r} has the keypoints '
                    f'{list(names)}, but {[key[0] for key in known.keys]} '
                    'before: use one set of names'
                )
            self.report.add('reordered', f'{self.where}: {category!r}')
        known.keys += [key for key in keys if key not in known.keys]
        known.supercategory = known.supercategory or supercategory
        if known.flip_pairs is None and flip_pairs is not None:
            known.flip_pairs = [
                tuple(keys[end] for end in pair) for pair in flip_pairs
            ]
        has_edges = bool(known.edges)
        for edge in () if has_edges else edges:
            if len({*edge}) == len(edge) == 2 and {*edge} <= {
                *range(len(keys))
            }:
                known.edges.append(tuple(keys[end] for end in edge))
            else:
                text = f'{self.where}: {category!r}: {edge}'
                self.report.add('bad_skeleton', text)

    def add(
        self,
        source: SourceImage,
        category: str,
        names: Sequence[str],
        keypoints: Any,
        box: Any = None,
        is_ternary: bool = True,
        **extra: Any,
    ) -> None:
        """Add an instance with x, y, v and x1, y1, x2, y2 as in the file.

        Unless the tool ``is_ternary``, flags may be 0 and 1 only.
        """
        category = str(category)
        keys, known = _to_keys(names), self._categories[category]
        known.keys += [key for key in keys if key not in known.keys]
        scores = extra.get('keypoint_scores')
        for found in (keypoints, keys if scores is None else scores):
            if len(found) != len(keys):
                raise DataError(
                    f'{self.where}: {len(found)} keypoints or scores of '
                    f'{category!r}, which has {len(keys)} keypoints'
                )
        array = np.array([[to_number(n) for n in row] for row in keypoints])
        array[:, :2] = source.to_displayed(array[:, :2], 1)
        if box is not None:
            corners = np.reshape([to_number(n) for n in box], (2, 2))
            corners = source.to_displayed(corners, 0)
            box = np.concatenate([corners.min(0), corners.max(0)])
        self._instances.append(
            _Instance(
                source.image, category, keys, array, box, is_ternary, extra
            )
        )

    def finish(self) -> Annotations:
        """Sound annotations of all that was added."""
        ids: dict[str, int] = {}
        known: set[tuple] = set()
        entries = self._repair_flags(self._choose_category())
        placed = [
            PlacedInstance(str(e), e.keypoints, e.image.size, e.box, e.names)
            for e in entries
        ]
        # repairs count what is outside
        check_plausibility(placed, self.report, counted=['outside'])
        for entry in entries:
            keys = self._categories[entry.category].keys
            rows = [keys.index(key) for key in entry.keys]
            keypoints = np.zeros((len(keys), 3))
            size, where = entry.image.size, str(entry)
            keypoints[rows] = repair_keypoints(
                entry.keypoints, size, entry.names, where, self.report
            )
            content = (entry.image.name, entry.category, keypoints.tobytes())
            if not (keypoints[:, 2] > 0).any():
                self.report.add('no_visible_keypoint', where)
                continue
            if content in known:
                self.report.add('duplicate_instance', where)
                continue
            known.add(content)
            tracks = {one.track_id for one in entry.image.instances} - {None}
            if entry.extra.get('track_id') in tracks:
                text = f'{where}: {entry.extra.pop("track_id")}'
                self.report.add('repeated_track_id', text)
            if 'keypoint_scores' in entry.extra:
                scores = np.zeros(len(keys))
                scores[rows] = entry.extra['keypoint_scores']
                entry.extra['keypoint_scores'] = scores
            box = repair_box(entry.box, keypoints, size, where, self.report)
            number = ids.setdefault(entry.category, len(ids) + 1)
            entry.image.instances.append(
                AnnotatedInstance(number, keypoints, box, **entry.extra)
            )
        images = [i for i in self._images.values() if i.instances]
        if not images:
            raise DataError(
                f'{self.report.ann_file} has no instance with an image and '
                f'labelled keypoints. {self.report if self.report else ""}'
            )
        categories = {i: self._finish(name, i) for name, i in ids.items()}
        known_ids = {
            key: self.source_ids[name]
            for name, key in ids.items()
            if name in self.source_ids
        }
        return Annotations(categories, images, known_ids)

    def _finish(self, name: str, category_id: int) -> Category:
        """A category of which all names are known."""
        known = self._categories[name]
        edges = [tuple(map(known.keys.index, edge)) for edge in known.edges]
        pairs = None
        if known.flip_pairs is not None:
            pairs = tuple(
                tuple(map(known.keys.index, pair)) for pair in known.flip_pairs
            )
        return Category(
            id=category_id,
            name=name,
            supercategory=known.supercategory,
            keypoint_names=tuple(key[0] for key in known.keys),
            skeleton=tuple(edges),
            num_keypoints=len(known.keys),
            flip_pairs=pairs,
        )

    def _choose_category(self) -> list[_Instance]:
        """Instances of the category that is asked for."""
        chosen, names = self.category, sorted(self._categories)
        if chosen is None or not names:
            return self._instances
        if chosen not in names and len(names) == 1:
            for mapping in (self._categories, self.source_ids):
                if names[0] in mapping:
                    mapping[chosen] = mapping.pop(names[0])
            for entry in self._instances:
                entry.category = chosen
        elif chosen not in names:
            raise DataError(
                f'there is no category {chosen!r} in '
                f'{self.report.ann_file}, only {names}'
            )
        for entry in self._instances:
            if entry.category != chosen:
                self.report.add('other_category', str(entry))
        return [e for e in self._instances if e.category == chosen]

    def _repair_flags(self, entries: list[_Instance]) -> list[_Instance]:
        """Make flags 0, 1 or 2; 1 means visible where there is no 2."""
        groups: dict[str, list[_Instance]] = defaultdict(list)
        for entry in entries:
            entry.keypoints[:, 2], scores = repair_flags(
                entry.keypoints[:, 2], str(entry), self.report
            )
            if scores is not None:
                entry.extra.setdefault('keypoint_scores', scores)
            groups[entry.category].append(entry)
        for category, group in groups.items():
            if any(entry.is_ternary for entry in group):
                continue
            flags = [entry.keypoints[:, 2] for entry in group]
            flags = repair_binary_flags(flags, category, self.report)
            for entry, v in zip(group, flags):
                entry.keypoints[:, 2] = v
        return entries


def _to_keys(names: Sequence[str]) -> list[Key]:
    """Names with the number of equal names before each."""
    counts: Counter[str] = Counter()
    keys = []
    for name in map(str, names):
        keys.append((name, counts[name]))
        counts[name] += 1
    return keys
