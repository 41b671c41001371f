# Copyright (c) cape_mm contributors. All rights reserved.
"""Images that annotation files name, wherever they were annotated."""

from __future__ import annotations

import os
import os.path as osp
import re
from collections import defaultdict
from itertools import takewhile
from operator import eq
from pathlib import Path
from typing import Sequence
from urllib.parse import parse_qs, unquote, urlsplit

from cape_mm.datasets.formats.image_paths import is_below
from cape_mm.errors import DataError

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')
#: Folders of annotation files that lie beside the folder of the images.
_ANNOTATION_FOLDERS = ('annotations', 'ann', 'json', 'jsons', 'labels')
#: What Label Studio puts before the name of an uploaded file.
_UPLOAD_PREFIX = re.compile(r'^[0-9a-f]{8}-(?=.)')


class ImageSearch:
    r"""Finder of files below some folders, and never outside of them.

    A path of another machine (``C:\data\mugs\1.jpg``,
    ``/data/upload/3/1a2b3c4d-1.jpg``, a URL) is that file below the folders
    whose last components agree with it best.

    Args:
        roots (Sequence[Path]): Folders, the preferred one first.
        follow_links (bool): Whether links may lead out of the folders.
            Defaults to False.
    """

    def __init__(
        self, roots: Sequence[Path], follow_links: bool = False
    ) -> None:
        self.follow_links = follow_links
        self.roots = [root for root in roots if root.is_dir()]
        self._files_by_name: dict[str, dict[Path, None]] | None = None

    def find(self, name: str) -> tuple[Path, str] | None:
        """File of a path or URL, and its path relative to the root."""
        parts = split_path(name)
        if not parts:
            return None
        found = [root.joinpath(*parts) for root in self.roots]
        found = [path for path in found if path.is_file()][:1]
        plain = [*parts[:-1], _UPLOAD_PREFIX.sub('', parts[-1])]
        found = found or self._most_alike(parts) or self._most_alike(plain)
        if len(found) > 1:
            raise DataError(
                f'{name!r} may be {found[0]} or {found[1]}: give the folder '
                'that the path is relative to as --image-root'
            )
        for path in found:
            for root in self.roots:
                if root in path.parents:
                    return path, path.relative_to(root).as_posix()
        return None

    def leads_out(self, path: Path) -> bool:
        """Whether a file is a link, or behind one, to another place."""
        real = osp.realpath(path)
        inside = (is_below(real, osp.realpath(root)) for root in self.roots)
        return not (self.follow_links or any(inside))

    def _most_alike(self, parts: list[str]) -> list[Path]:
        """Files that have most of the last components of a path."""
        if self._files_by_name is None:
            self._files_by_name = defaultdict(dict)
            for root in self.roots:
                for folder, _, names in os.walk(root):
                    for name in names:
                        self._files_by_name[name][Path(folder, name)] = None
        alike: dict[int, list[Path]] = defaultdict(list)
        for path in self._files_by_name.get(parts[-1], ()):
            pairs = zip(reversed(path.parts), reversed(parts))
            count = sum(1 for _ in takewhile(lambda pair: eq(*pair), pairs))
            alike[count].append(path)
        return sorted(alike[max(alike)]) if alike else []


def folders_of(file: Path) -> list[Path]:
    """Folders in which the images of an annotation file usually lie."""
    folder = file.parent
    roots = [folder / 'images', folder]
    if folder.name.lower() in _ANNOTATION_FOLDERS:
        roots += [folder.parent / 'images', folder.parent]
    return roots


def split_path(name: str) -> list[str]:
    """Components of a path or URL, without what leads out of a folder."""
    text = name.strip()
    if '://' in text or text.startswith('/data/'):  # Label Studio's paths
        url = urlsplit(text)
        text = parse_qs(url.query).get('d', [unquote(url.path)])[0]
    parts = text.replace('\\', '/').split('/')
    if '..' in parts:  # of `a/../../b` only `b` is safe
        parts = parts[len(parts) - parts[::-1].index('..') :]
    if parts and re.fullmatch('[A-Za-z]:', parts[0]):
        parts = parts[1:]
    return [p for p in parts if p not in ('', '.')] if '\0' not in text else []
