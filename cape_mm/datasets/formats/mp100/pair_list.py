# Copyright (c) cape_mm contributors. All rights reserved.
"""The fixed pairs on which MP-100 results of the literature are measured.

The published loaders number the instances of an annotation file and draw, with
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
from typing import Any, Collection, Mapping, NamedTuple

from cape_mm.datasets.formats.mp100.annotation_file import (
    clean_box,
    load_annotation_file,
)
from cape_mm.errors import DataError

_FORMAT = 'cape_mm pair list 1'
#: Episodes per category of the published lists.
EPISODES = dict(val=100, test=200)


class PairEpisode(NamedTuple):
    """Queries that share their supports; each query is one pair.

    Attributes:
        category_id (int): Category of all members.
        supports (tuple[int, ...]): S annotation ids.
        queries (tuple[int, ...]): Q annotation ids.
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
        episodes (tuple[PairEpisode, ...]): The list.
        origin (dict): Parameters of its making; not part of the hash.
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
    def members(self) -> set[int]:
        """set[int]: Annotation ids of all members."""
        return {
            ann_id
            for episode in self.episodes
            for ann_id in episode.supports + episode.queries
        }

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

    def keep(self, available: Collection[int]) -> PairList:
        """Leave out the pairs with a member that is not available."""
        episodes = []
        for episode in self.episodes:
            queries = tuple(i for i in episode.queries if i in available)
            if queries and all(i in available for i in episode.supports):
                episodes.append(episode._replace(queries=queries))
        return PairList(
            self.num_shots, self.num_queries, tuple(episodes), self.origin
        )

    def save(self, path: str | Path) -> None:
        """Write the list as JSON, one episode a line; the folder is made."""
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
        """Read what :meth:`save` wrote; a changed list is refused."""
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


def protocol_instances(content: dict[str, list[dict]]) -> dict[int, list[int]]:
    """Annotation ids that the published loaders count, by category.

    Categories, images and the annotations of an image are in the order of the
    file. The rules are kept exactly, also where :class:`MP100Dataset` is
    stricter: one instance more or less changes all pairs after it.
    """
    of_image: dict[Any, list[dict]] = {}
    known = set()
    for ann in content['annotations']:
        if ann['id'] in known:
            raise DataError(
                f'annotation id {ann["id"]} occurs twice, so that it names '
                'no member of a pair; give every annotation its own id'
            )
        known.add(ann['id'])
        of_image.setdefault(ann['image_id'], []).append(ann)
    instances: dict[Any, list[Any]] = {
        category['id']: [] for category in content['categories']
    }
    # Python's dict keeps the place of the first of two equal image ids.
    images = {image['id']: image for image in content['images']}
    for image_id, image in images.items():
        for ann in of_image.get(image_id, []):
            if ann['category_id'] in instances and _counts(ann, image):
                instances[ann['category_id']].append(ann['id'])
    return instances


def _counts(ann: dict, image: dict) -> bool:
    """Whether the published loaders keep an annotation."""
    if ann.get('iscrowd') or not ann.get('bbox') or not ann.get('keypoints'):
        return False
    try:
        box = clean_box(ann['bbox'], image['width'], image['height'])
        return (
            box is not None
            and ann.get('area', 1) > 0
            and max(ann['keypoints']) != 0
            and ann.get('num_keypoints') != 0
        )
    except (TypeError, ValueError) as error:
        raise DataError(
            f'annotation {ann["id"]}: bbox, area or keypoints are no numbers '
            f'({error}), so that no list of pairs can be drawn; correct them'
        ) from error


def draw_pair_list(
    instances: Mapping[int, list[int]],
    num_shots: int = 1,
    num_queries: int = 15,
    episodes_per_category: int = 200,
    seed: int = 1,
) -> PairList:
    """Draw the pairs of :func:`protocol_instances` as the published code does.

    Categories with too few instances are left out; the published code stops.
    ``episodes_per_category`` is 200 for test, 100 for validation.
    """
    rng = random.Random(seed)
    need = num_shots + num_queries
    episodes = []
    for category_id, candidates in instances.items():
        if len(candidates) < need:
            continue
        for _ in range(episodes_per_category):
            members = tuple(rng.sample(candidates, need))
            episodes.append(
                PairEpisode(
                    category_id, members[:num_shots], members[num_shots:]
                )
            )
    return PairList(
        num_shots,
        num_queries,
        tuple(episodes),
        dict(seed=seed, episodes_per_category=episodes_per_category),
    )


def find_small_categories(
    instances: Mapping[int, list[int]],
    names: Mapping[int, object],
    num_shots: int,
    num_queries: int,
    origin: str = '',
) -> tuple[list[int], str]:
    """Ids of the categories of which no episode can be drawn, and a text.

    ``instances`` are members by category id, ``names`` describe the
    categories, ``origin`` says where they are from.
    """
    need = num_shots + num_queries
    small = [key for key, ids in instances.items() if len(ids) < need]
    lines = [f'  {names[key]}: {len(instances[key])}' for key in small]
    head = (
        f'{len(small)} of {len(instances)} categories{origin} have fewer than '
        f'{need} instances ({num_shots} shots + {num_queries} queries):'
    )
    return small, '\n'.join([head, *lines])


def make_pair_list(
    ann_file: str,
    num_shots: int = 1,
    num_queries: int = 15,
    episodes_per_category: int = 200,
    seed: int = 1,
    skip_small: bool = False,
) -> PairList:
    """Draw the list of an annotation file, with its origin.

    Categories with fewer than S + Q instances are refused, or left out and
    named in ``origin['skipped_categories']`` with ``skip_small``.
    """
    content = load_annotation_file(ann_file)
    instances = protocol_instances(content)
    small, text = find_small_categories(
        instances,
        {c['id']: f'{c["id"]} {c["name"]!r}' for c in content['categories']},
        num_shots,
        num_queries,
    )
    if small and (not skip_small or len(small) == len(instances)):
        raise DataError(
            f'{ann_file}: {text}\nThe published code stops here, too; '
            '--skip-small leaves them out if others are large enough'
        )
    pairs = draw_pair_list(
        instances, num_shots, num_queries, episodes_per_category, seed
    )
    pairs.origin.update(
        ann_file=Path(ann_file).name,
        ann_sha256=hashlib.sha256(Path(ann_file).read_bytes()).hexdigest(),
        skipped_categories=small,
    )
    return pairs
