# Copyright (c) cape_mm contributors. All rights reserved.
"""Mutations of JSON documents, and the outcomes that a reader may have.

A reader of annotations meets a document of which one value was damaged. Either
it raises :class:`DataError` that names the file, or every record that the
damage does not concern is what it was, all numbers are finite, and a record
that is gone is counted in the report.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple

import numpy as np
from hypothesis import strategies as st

from cape_mm.errors import DataError

KINDS = (
    *('drop', 'null', 'type', 'nan', 'huge', 'nested', 'duplicate'),
    'dangling',
)
# lists that a sound file may lack
_MAY_BE_MISSING = ('annotations', 'annorect', 'regions')
_SOUND: dict[tuple, Any] = {}
_TYPES = [
    'text',
    '',
    '12',
    '0',
    True,
    False,
    3,
    -1,
    2.5,
    [],
    {},
    [1],
    {'a': 1},
]
_NANS = [float('nan'), float('inf'), float('-inf')]
_HUGE = [1e300, -1e300, 10**400, -(10**18), 2**63, 'x' * 5000, 1e9]


class Read(NamedTuple):
    """What a reader made of a file.

    Attributes:
        records (dict): Values, nested lists of numbers and text, by a name
            that does not depend on the order.
        reported (dict): Number of problems by kind.
    """

    records: dict
    reported: dict


class Reader(NamedTuple):
    """A reader of annotations with a sound document.

    Attributes:
        document (dict | list): Sound content.
        read (Callable): From the file to :class:`Read`.
        touched (Callable): From the document and the path of a value to the
            names of the records that it concerns; None for all.
    """

    document: Any
    read: Callable[[Path], Read]
    touched: Callable[[Any, tuple], Any]


def paths(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Places of all values but the whole."""
    items = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))


def mutate(document: Any, path: tuple, kind: str, choice: Any) -> Any:
    """The document with one damaged value."""
    document = copy.deepcopy(document)
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    key = path[-1]
    if kind == 'drop':
        del parent[key]
    elif kind == 'null':
        parent[key] = None
    elif kind == 'nested':
        parent[key] = [parent[key]] if choice % 2 else {'a': parent[key]}
    elif kind == 'duplicate' and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    elif kind == 'duplicate':
        parent[f'{key} '] = copy.deepcopy(parent[key])
    elif kind == 'dangling':
        is_text = isinstance(parent[key], str)
        parent[key] = 'nothing_here' if is_text else 999_999
    else:
        values = dict(type=_TYPES, nan=_NANS, huge=_HUGE)[kind]
        parent[key] = values[choice % len(values)]
    return document


def mutations(document: Any, only: Callable = lambda path: True) -> Any:
    """Strategy of the path, kind and choice of a mutation."""
    places = [path for path in paths(document) if only(path)]
    return st.tuples(
        st.sampled_from(places),
        st.sampled_from(KINDS),
        st.integers(0, 100),
    )


def check_outcome(reader: Reader, mutation: tuple, file: Path) -> None:
    """Assert that the outcome of a mutation is an accepted one."""
    path, kind, choice = mutation
    sound = _read_sound(reader, file)
    file.write_text(json.dumps(mutate(reader.document, path, kind, choice)))
    label = f'{kind} ({choice}) at {path}'
    try:
        found = reader.read(file)
    except DataError as error:
        first = str(error).strip().splitlines()[0]
        assert file.name in first, f'{label}: no file in {error}'
        return
    touched = reader.touched(reader.document, path)
    for name, record in sound.records.items():
        if name in found.records:
            value = found.records[name]
            assert _is_finite(value), f'{label}: {name} is {value}'
            is_concerned = touched is None or name in touched
            assert value == record or is_concerned, (
                f'{label}: {name} has changed'
            )
        elif not _is_left_out(path, kind):
            is_counted = any(
                count > sound.reported.get(key, 0)
                for key, count in found.reported.items()
            )
            assert is_counted, f'{label}: {name} is gone without a report'
    new = found.records.keys() - sound.records.keys()
    assert not new or touched is None or len(new) <= len(touched), label


def _read_sound(reader: Reader, file: Path) -> Read:
    """What the reader makes of its document, read once."""
    key = (id(reader.document), file)
    if key not in _SOUND:
        file.write_text(json.dumps(reader.document))
        _SOUND[key] = reader.read(file)
    return _SOUND[key]


def _is_left_out(path: tuple, kind: str) -> bool:
    """Whether the file, too, has no such record after the mutation."""
    if path[-1] == 'id' or path[-1] in _MAY_BE_MISSING:
        return True  # another name of the record, or none at all
    is_entry = isinstance(path[-1], int)
    is_entry |= len(path) == 1 and '.png' in str(path[0])  # of VIA
    return is_entry and kind in ('drop', 'null')


def _is_finite(value: Any) -> bool:
    """Whether all numbers of nested lists are finite."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or bool(np.isfinite(value))
