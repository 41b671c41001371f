# Copyright (c) cape_mm contributors. All rights reserved.
"""Mutations of JSON documents, and the outcomes that a reader may have.

A reader of annotations meets a document of which one value was damaged. Either
it raises :class:`DataError` that names the file in one sentence, or every
record that the damage does not concern is what it was, all numbers are finite,
and what is gone is counted in the report: a record, a value that a record
needs, one of two that must differ. What means nothing, such as the place of an
unlabelled keypoint, may be anything, and changes nothing.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any, Callable, Collection, Iterator, NamedTuple

import numpy as np
from hypothesis import strategies as st

from cape_mm.errors import DataError

KINDS = (
    *('drop', 'null', 'type', 'nan', 'huge', 'nested', 'duplicate'),
    *('dangling', 'repeat', 'mark'),
)
#: Characters of a sentence.
_LONGEST = 1000
_OUTSIDE = re.compile(r"'(\.\./secret|/etc/hostname)")
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
        needed (Collection[tuple]): Places, without the numbers of list
            entries, that a record cannot do without.
        unique (Collection[tuple]): Places of which two must differ.
        optional (Collection[str]): Keys of lists that a sound file may lack.
    """

    document: Any
    read: Callable[[Path], Read]
    touched: Callable[[Any, tuple], Any]
    needed: Collection[tuple] = ()
    unique: Collection[tuple] = ()
    optional: Collection[str] = ()


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
    elif kind == 'repeat':
        parent[key] = copy.deepcopy(_neighbour(document, path))
    elif kind == 'mark':
        pass
    elif kind == 'dangling':
        is_text = isinstance(parent[key], str)
        texts = ('nothing_here', '../secret.png', '/etc/hostname.png')
        parent[key] = texts[choice % len(texts)] if is_text else 999_999
    else:
        values = dict(type=_TYPES, nan=_NANS, huge=_HUGE)[kind]
        parent[key] = values[choice % len(values)]
    return document


def _neighbour(document: Any, path: tuple) -> Any:
    """The same value of a neighbour in the last list above; else the own."""
    own = other = document
    levels = [i for i, step in enumerate(path[:-1]) if type(step) is int]
    for level, step in enumerate(path):
        own = own[step]
        if level in levels[-1:]:
            step += -1 if step else 1
        try:
            other = other[step]
        except (LookupError, TypeError):
            other = None
    return own if other is None or type(path[-1]) is int else other


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
    content = json.dumps(mutate(reader.document, path, kind, choice))
    file.write_text(content, 'utf-8-sig' if kind == 'mark' else 'utf-8')
    label = f'{kind} ({choice}) at {path}'
    is_nothing = _means_nothing(reader.document, path, kind)
    try:
        found = reader.read(file)
    except DataError as error:
        first = str(error).strip().splitlines()[0]
        assert file.name in first, f'{label}: no file in {error}'
        assert len(first) < _LONGEST, f'{label}: no sentence: {error}'
        assert not is_nothing, f'{label}: {error}'
        return
    if is_nothing:
        assert found == sound, f'{label}: records have changed'
    is_counted = any(
        count > sound.reported.get(key, 0)
        for key, count in found.reported.items()
    )
    assert not _OUTSIDE.search(repr(found.records)), f'{label}: outside'
    place = tuple(step for step in path if type(step) is str)
    is_value = place[-1:] == path[-1:]
    is_lost = kind in ('drop', 'null') and is_value and place in reader.needed
    is_equal = kind == 'repeat' and is_value and place in reader.unique
    touched = reader.touched(reader.document, path)
    for name, record in sound.records.items():
        if name in found.records:
            value = found.records[name]
            assert _is_finite(value), f'{label}: {name} is {value}'
            is_concerned = touched is None or name in touched
            is_concerned |= is_equal and path[0] != 'images'
            assert value == record or is_concerned, (
                f'{label}: {name} has changed'
            )
            must_be_counted = (is_lost or is_equal) and value != record
            assert is_counted or not must_be_counted, (
                f'{label}: {name} has changed without a report'
            )
        elif not _is_left_out(path, kind) and path[-1] not in reader.optional:
            assert is_counted, f'{label}: {name} is gone without a report'
    new = found.records.keys() - sound.records.keys()
    assert not new or touched is None or len(new) <= len(touched), label


def _means_nothing(document: Any, path: tuple, kind: str) -> bool:
    """Whether a value may be anything: an area, an unlabelled keypoint."""
    if kind == 'mark' or (path[-1] == 'area' and kind == 'null'):
        return True
    if len(path) < 2 or path[-2] != 'keypoints' or type(path[-1]) is not int:
        return False
    values = document
    for step in path[:-1]:
        values = values[step]
    index = path[-1] // 3 * 3 + 2
    is_flat = type(values[path[-1]]) in (int, float)
    if not is_flat or path[-1] == index or values[index] != 0:
        return False
    return kind in ('null', 'nan')


def _read_sound(reader: Reader, file: Path) -> Read:
    """What the reader makes of its document, read once."""
    key = (id(reader.document), file)
    if key not in _SOUND:
        file.write_text(json.dumps(reader.document))
        _SOUND[key] = reader.read(file)
    return _SOUND[key]


def _is_left_out(path: tuple, kind: str) -> bool:
    """Whether the file, too, has no such record after the mutation."""
    if path[-1] == 'id':
        return True  # another name of the record
    is_entry = isinstance(path[-1], int)
    is_entry |= len(path) == 1 and '.png' in str(path[0])  # of VIA
    return is_entry and kind in ('drop', 'null')


def _is_finite(value: Any) -> bool:
    """Whether all numbers of nested lists are finite."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or bool(np.isfinite(value))
