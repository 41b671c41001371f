# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Sequence

import numpy as np

from cape_mm.errors import DataError

TOOL = 'tools/dataset_converters/describe_keypoints.py'


class DescriptionTable:
    """Vectors of keypoint descriptions, such as "left eye", of a text model.

    A file instead of a text model: neither its weights nor its code is needed
    to train and test. Written by ``describe_keypoints.py``.

    Args:
        descriptions (Sequence[str]): N different descriptions.
        vectors (np.ndarray): Vectors (N, D), float32, of unit length.
        model (str): Name of the text model.
        path (str | Path): File, for messages. Defaults to ``'the table'``.
    """

    def __init__(
        self,
        descriptions: Sequence[str],
        vectors: np.ndarray,
        model: str,
        path: str | Path = 'the table',
    ) -> None:
        self.rows = {text: i for i, text in enumerate(descriptions)}
        self.vectors = vectors.astype(np.float32)
        self.model = model
        self.path = path

    @classmethod
    def load(cls, path: str | Path) -> DescriptionTable:
        """Read a table.

        Args:
            path (str | Path): File ``.npz``.

        Returns:
            DescriptionTable: The table.

        Raises:
            DataError: If the file is absent or no such table.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                table = cls(
                    arrays['descriptions'].tolist(),
                    arrays['vectors'],
                    str(arrays['model']),
                    path,
                )
        except FileNotFoundError as error:
            raise DataError(
                f'{path}: no table of keypoint descriptions. Write it: python '
                f'{TOOL} {path} --annotations FILE.json'
            ) from error
        except (KeyError, ValueError, OSError) as error:
            raise DataError(
                f'{path}: not a table of keypoint descriptions ({error}). '
                f'{TOOL} writes one'
            ) from error
        if len(table.rows) != len(table.vectors):
            raise DataError(
                f'{path}: {len(table.rows)} different descriptions, but '
                f'{len(table.vectors)} vectors; write it anew with {TOOL}'
            )
        return table

    def save(self, path: str | Path) -> None:
        """Write the table.

        Args:
            path (str | Path): File ``.npz``.
        """
        with open(path, 'wb') as file:
            np.savez_compressed(
                file,
                descriptions=np.array(list(self.rows), dtype=np.str_),
                vectors=self.vectors,
                model=np.array(self.model),
            )

    def encode(self, descriptions: Sequence[str]) -> np.ndarray:
        """Vectors of descriptions.

        Args:
            descriptions (Sequence[str]): K descriptions.

        Returns:
            np.ndarray: Vectors (K, D), float32.

        Raises:
            DataError: If one is not in the table.
        """
        unknown = [text for text in descriptions if text not in self.rows]
        if unknown:
            listed = ' '.join(f'{text!r}' for text in dict.fromkeys(unknown))
            raise DataError(
                f'{self.path}: no vector of {listed}. Add it: python {TOOL} '
                f'{self.path} --add {listed}'
            )
        return self.vectors[[self.rows[text] for text in descriptions]]

    def encode_batch(
        self, names: Sequence[Sequence[str]], num_keypoints: int
    ) -> np.ndarray:
        """Vectors of the descriptions of B episodes.

        Args:
            names (Sequence[Sequence[str]]): Descriptions of each episode.
            num_keypoints (int): Number of keypoints K to pad to.

        Returns:
            np.ndarray: Vectors (B, K, D), float32, 0 at the padding.
        """
        shape = len(names), num_keypoints, self.vectors.shape[1]
        vectors = np.zeros(shape, np.float32)
        for row, own in zip(vectors, names):
            row[: len(own)] = self.encode(own)
        return vectors


@lru_cache(maxsize=8)
def cached_description_table(path: str, size: int) -> DescriptionTable:
    """Read a table once a process.

    Args:
        path (str): File ``.npz``.
        size (int): Expected length of its vectors.

    Returns:
        DescriptionTable: The table, shared: not to be changed.

    Raises:
        DataError: If the vectors have another length.
    """
    table = DescriptionTable.load(path)
    if table.vectors.shape[1:] != (size,):
        raise DataError(
            f'{path}: vectors of {table.model} have the shape '
            f'{table.vectors.shape[1:]}, the model reads ({size},). Write a '
            f'table by a text model of that size with {TOOL}, or set '
            'text_channels of the head'
        )
    return table
