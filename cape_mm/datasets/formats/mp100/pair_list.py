# Copyright (c) cape_mm contributors. All rights reserved.
"""The fixed pairs on which MP-100 results of the literature are measured.

The published loaders number the objects of an annotation file and draw, with
``random.seed(1)`` and for each category in the order of the file, episodes of
S supports and 15 queries by ``random.sample``. Python's generator gives the
same everywhere, so the file alone fixes the list. Here its members are named
by annotation ids.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from cape_mm.datasets.formats.mp100.annotation import clean_box
from cape_mm.errors import DataError

_FORMAT = 'cape_mm pair list 1'


class PairEpisode(NamedTuple):
    """Queries that share their supports; each query is one pair.

    Attributes:
        category_id (int): Category of all members.
        supports (Tuple[int, ...]): S annotation ids.
        queries (Tuple[int, ...]): Q annotation ids.
    """

    category_id: int
    supports: tuple[int, ...]
    queries: tuple[int, ...]


@dataclass(frozen=True)
class PairList:
    """Episodes in the order in which they are evaluated.

    Attributes:
        num_shots (int): S.
        num_queries (int): Q.
        episodes (Tuple[PairEpisode, ...]): The list.
        origin (dict): How it was made; not part of the hash.
    """

    num_shots: int
    num_queries: int
    episodes: tuple[PairEpisode, ...]
    origin: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def num_pairs(self) -> int:
        """int: Number of pairs."""
        return sum(len(episode.queries) for episode in self.episodes)

    @property
    def sha256(self) -> str:
        """str: Hash of the canonical form.

        That is the UTF-8 JSON text, without blanks, of ``[S, Q, [[category,
        [supports], [queries]], ...]]``.
        """
        text = json.dumps(
            [self.num_shots, self.num_queries, self.episodes],
            separators=(',', ':'),
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the list as JSON, one episode a line.

        Args:
            path (str | Path): The file; its folder is made.
        """
        head = dict(
            format=_FORMAT,
            sha256=self.sha256,
            num_shots=self.num_shots,
            num_queries=self.num_queries,
            num_pairs=self.num_pairs,
            origin=self.origin,
        )
        lines = ',\n'.join(json.dumps(episode) for episode in self.episodes)
        text = json.dumps(head, indent=1)[:-2]
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{text},\n "episodes": [\n{lines}\n]}}\n')

    @classmethod
    def load(cls, path: str | Path) -> PairList:
        """Read what :meth:`save` wrote.

        Args:
            path (str | Path): The file.

        Returns:
            PairList: The list.

        Raises:
            FileNotFoundError: If there is no such file.
            DataError: If it is no pair list, or does not have its hash.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(
                f'pair file {path} does not exist: write it with '
                'tools/dataset_converters/make_pair_list.py, or leave '
                'pair_file away to draw the list from the annotations'
            )
        try:
            content = json.loads(Path(path).read_text())
            if content['format'] != _FORMAT:
                raise KeyError(content['format'])
            pairs = cls(
                num_shots=content['num_shots'],
                num_queries=content['num_queries'],
                episodes=tuple(
                    PairEpisode(category_id, tuple(supports), tuple(queries))
                    for category_id, supports, queries in content['episodes']
                ),
                origin=content['origin'],
            )
            expected = content['sha256']
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f'{path} is no {_FORMAT!r} file ({error}); write it with '
                'tools/dataset_converters/make_pair_list.py'
            ) from error
        if pairs.sha256 != expected:
            raise DataError(
                f'{path} was changed: its episodes have the hash '
                f'{pairs.sha256}, not {expected}. Write it anew'
            )
        return pairs


def protocol_objects(content: dict[str, list[dict]]) -> dict[Any, list[Any]]:
    """Annotation ids that the published loaders count, by category.

    Their rules are kept exactly, also where :class:`MP100Dataset` is
    stricter: one object more or less changes all pairs after it.

    Args:
        content (Dict[str, List[dict]]): A loaded annotation file.

    Returns:
        Dict[int, List[int]]: Annotation ids of each category; categories,
        images and the annotations of an image in the order of the file.

    Raises:
        DataError: If an annotation id occurs twice.
    """
    of_image: dict[Any, list[dict]] = {}
    seen = set()
    for ann in content['annotations']:
        if ann['id'] in seen:
            raise DataError(
                f'annotation id {ann["id"]} occurs twice, so that it names '
                'no member of a pair; give every annotation its own id'
            )
        seen.add(ann['id'])
        of_image.setdefault(ann['image_id'], []).append(ann)
    objects: dict[Any, list[Any]] = {
        category['id']: [] for category in content['categories']
    }
    # Python's dict keeps the place of the first of two equal image ids.
    images = {image['id']: image for image in content['images']}
    for image_id, image in images.items():
        for ann in of_image.get(image_id, []):
            if ann['category_id'] in objects and _counts(ann, image):
                objects[ann['category_id']].append(ann['id'])
    return objects


def draw_pair_list(
    objects: dict[Any, list[Any]],
    num_shots: int = 1,
    num_queries: int = 15,
    episodes_per_category: int = 200,
    seed: int = 1,
) -> PairList:
    """Draw the pairs as the published code does.

    Args:
        objects (Dict[int, List[int]]): From :func:`protocol_objects`.
            Categories with too few objects are left out; the published code
            stops there.
        num_shots (int): S. Defaults to 1.
        num_queries (int): Q. Defaults to 15.
        episodes_per_category (int): 200 for test, 100 for validation.
            Defaults to 200.
        seed (int): Seed of a generator of its own. Defaults to 1.

    Returns:
        PairList: The list.
    """
    rng = random.Random(seed)
    need = num_shots + num_queries
    episodes = []
    for category_id, candidates in objects.items():
        if len(candidates) < need:
            continue
        for _ in range(episodes_per_category):
            drawn = rng.sample(candidates, need)
            supports, queries = drawn[:num_shots], drawn[num_shots:]
            episodes.append(
                PairEpisode(category_id, tuple(supports), tuple(queries))
            )
    return PairList(
        num_shots,
        num_queries,
        tuple(episodes),
        dict(seed=seed, episodes_per_category=episodes_per_category),
    )


def _counts(ann: dict, image: dict) -> bool:
    """Whether the published loaders keep an annotation."""
    if ann.get('iscrowd') or not ann.get('bbox') or not ann.get('keypoints'):
        return False
    if clean_box(ann['bbox'], image['width'], image['height']) is None:
        return False
    return (
        ann.get('area', 1) > 0
        and max(ann['keypoints']) != 0
        and ann.get('num_keypoints') != 0
    )
