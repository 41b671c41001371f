# Copyright (c) cape_mm contributors. All rights reserved.
"""Tables of keypoint descriptions, encoded by a text model of the user."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Iterable, Sequence

import numpy as np

from cape_mm.errors import DataError, UsageError, import_extra
from cape_mm.structures import DescriptionTable

TRIGRAMS = 'trigrams'


def describe_keypoints(
    path: Path,
    annotations: Sequence[Path] = (),
    add: Sequence[str] = (),
    model: str | None = None,
) -> tuple[DescriptionTable, int]:
    """Write a table, or add what is missing to one.

    Args:
        path (Path): Table ``.npz``, which may exist.
        annotations (Sequence[Path]): COCO files, of whose categories all
            keypoint names are described.
        add (Sequence[str]): Further descriptions.
        model (str, optional): Name or folder of a sentence-transformers
            model, or ``'trigrams'``. Defaults to that of the table.

    Returns:
        tuple[DescriptionTable, int]: The table, and the number of its new
        descriptions.
    """
    known = DescriptionTable.load(path) if path.exists() else None
    if known is None and model is None:
        raise UsageError(f'{path} is new: --model NAME is required')
    if known is not None and model not in (None, known.model):
        raise UsageError(
            f'{path} is encoded by {known.model}: vectors of {model} do not '
            'compare with them. Write another table'
        )
    descriptions = [*_names(annotations), *add]
    old = list(known.rows) if known else []
    new = [x for x in dict.fromkeys(descriptions) if x not in set(old)]
    if new:
        vectors = encode_descriptions(new, known.model if known else model)
        if known is not None:
            vectors = np.concatenate([known.vectors, vectors])
        known = DescriptionTable(
            old + new, vectors, known.model if known else model, path
        )
        known.save(path)
    if known is None:
        raise UsageError('nothing to describe: give --annotations or --add')
    return known, len(new)


def encode_descriptions(descriptions: Sequence[str], model: str) -> np.ndarray:
    """Vectors of unit length of descriptions.

    Args:
        descriptions (Sequence[str]): N descriptions.
        model (str): See :func:`describe_keypoints`.

    Returns:
        np.ndarray: Vectors (N, D), float32.
    """
    if model == TRIGRAMS:
        return _count_trigrams(descriptions)
    package = import_extra(
        'sentence_transformers',
        "'cape_mm[text]'",
        f'the text model {model}',
    )
    try:
        encoder = package.SentenceTransformer(model)
    except (OSError, ValueError) as error:
        raise UsageError(
            f'{model} does not load as a text model: {error}'
        ) from error
    vectors = encoder.encode(list(descriptions), normalize_embeddings=True)
    return np.asarray(vectors, np.float32)


def _count_trigrams(
    descriptions: Sequence[str], size: int = 256
) -> np.ndarray:
    """Hashed counts of three letters in a row: no model, no meaning."""
    vectors = np.zeros((len(descriptions), size), np.float32)
    for row, text in zip(vectors, descriptions):
        letters = f' {text.lower().replace("_", " ")} '
        for i in range(len(letters) - 2):
            row[zlib.crc32(letters[i : i + 3].encode()) % size] += 1
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(norm, 1)


def _names(annotations: Iterable[Path]) -> list[str]:
    """Keypoint names of all categories of COCO files."""
    names: list[str] = []
    for path in annotations:
        try:
            content = json.loads(Path(path).read_text(encoding='utf-8'))
            found = [
                name
                for category in content['categories']
                for name in category.get('keypoints', ())
            ]
        except FileNotFoundError as error:
            raise DataError(f'{path}: no such file') from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f'{path}: not an annotation file in COCO format ({error!r})'
            ) from error
        if not found:
            raise DataError(
                f'{path}: its categories name no keypoints; name them there, '
                'or give descriptions by --add'
            )
        names += map(str, found)
    return names
