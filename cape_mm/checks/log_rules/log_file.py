# Copyright (c) cape_mm contributors. All rights reserved.
"""Logs of a training, also of MMCV 1, and questions to their lines."""

from __future__ import annotations

import json
import re
from functools import wraps
from itertools import takewhile
from pathlib import Path
from statistics import median
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Tuple

from ..rule import Message

#: Logged scalars of a line by key.
Values = Dict[str, float]
#: So many lines at the end must be off, unless the log has fewer.
LASTING = 3

_NUMBER = r'[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|inf|nan)'
_PAIR = re.compile(rf'(?<!\S)([A-Za-z_][\w.@]*): ({_NUMBER})(?=[\s,]|$)')
# MMEngine writes `Epoch(train)`, MMCV 1 `Epoch`.
_HEAD = re.compile(
    r'(?:Epoch(?:\(train\))?\s+\[\s*(\d+)\]|Iter(?:\(train\))?\s+)'
    r'\[\s*(\d+)/\s*\d+\]'
)
#: Numbers in a log that say where a line is and nothing about training.
_PLACES = frozenset({'epoch', 'iter', 'step', 'eta', 'seed'})


class LogLine(NamedTuple):
    """Scalars of one line, and its place."""

    epoch: int  # from 1; 0 if the log does not count epochs
    iteration: int  # of the run, or of the epoch if the log counts so
    values: Values

    @property
    def place(self) -> str:
        """Epoch and iteration in words."""
        where = f'iteration {self.iteration}'
        return f'epoch {self.epoch}, {where}' if self.epoch else where


class TrackingLog(NamedTuple):
    """Training lines of a log, in order."""

    path: Path  # the file; the folder if lines of several runs are joined
    lines: list[LogLine]  # of places that a resumed run repeats, the last
    files: tuple[Path, ...]  # those of the lines, in order

    def having(self, *keys: str) -> list[LogLine]:
        """Lines that have all of some keys."""
        return [line for line in self.lines if line.values.keys() >= {*keys}]


_Run = Tuple[Path, List[LogLine]]


def read_log(path: Path) -> TrackingLog:
    """Read the training lines of a log.

    Args:
        path (Path): ``scalars.json``, a text log (``.log``), ``.log.json`` of
            MMCV 1, or a folder of a training, of which the ``scalars.json``
            of all runs are joined.

    Returns:
        TrackingLog: Its lines.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has no training lines, or one that is no entry of a
            log.
    """
    files = _find_files(path)
    runs = _join_runs([(file, _read_file(file)) for file in files])
    if not runs:
        raise ValueError(
            f'{files[0] if len(files) == 1 else path} has no training line '
            'with a loss: give scalars.json or the .log file of a training'
        )
    used = tuple(file for file, _ in runs)
    return TrackingLog(
        used[0] if len(used) == 1 else _training(used[0]),
        [line for _, lines in runs for line in lines],
        used,
    )


def lasting(
    check: Callable[[Values], Iterable[str]],
) -> Callable[[list[LogLine]], Iterator[Message]]:
    """Make a check of one line's values one of what lasts to the log's end."""

    @wraps(check)
    def check_lines(lines: list[LogLine]) -> Iterator[Message]:
        texts = [next(iter(check(line.values)), None) for line in lines]
        count = len(list(takewhile(bool, reversed(texts))))
        if count >= min(LASTING, len(lines)):
            yield Message(texts[-1], since=lines[-count].place)

    return check_lines


def thirds(lines: list[LogLine], key: str) -> list[float] | None:
    """Medians of a key in three thirds; None if one has fewer than 3 lines."""
    size = len(lines) // 3
    if size < LASTING:
        return None
    values = [line.values[key] for line in lines]
    parts = (values[:size], values[size:-size], values[-size:])
    return [median(part) for part in parts]


def _join_runs(runs: list[_Run]) -> list[_Run]:
    """Keep of each run what is before the runs that came later."""
    joined: list[_Run] = []
    for file, lines in runs:
        if lines:
            begin = lines[0][:2]
            joined = [
                (old, [line for line in kept if line[:2] < begin])
                for old, kept in joined
            ]
            joined.append((file, lines))
    return [run for run in joined if run[1]]


def _find_files(path: Path) -> list[Path]:
    """The file, or those of the training that ran last, in order."""
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist')
    if not path.is_dir():
        return [path]
    scalars = sorted(
        path.glob('**/vis_data/scalars.json'),
        key=lambda file: file.parent.parent.name,
    )
    if not scalars:
        raise FileNotFoundError(
            f'no vis_data/scalars.json in {path}: the run needs the '
            'LocalVisBackend; a text log (.log) can be given instead'
        )
    newest = _training(scalars[-1])
    return [file for file in scalars if _training(file) == newest]


def _training(file: Path) -> Path:
    """The folder of a training: ``<training>/<run>/vis_data/<file>``."""
    return file.parent.parent.parent


def _read_file(file: Path) -> list[LogLine]:
    """Lines in order, of each place the last."""
    text = file.read_text(errors='replace')
    is_json = text.lstrip().startswith('{')
    found: dict[tuple[int, int], LogLine] = {}
    for line in _read_json(text, file) if is_json else _read_text(text):
        found[line.epoch, line.iteration] = line
    return [found[place] for place in sorted(found)]


def _read_json(text: str, file: Path) -> Iterator[LogLine]:
    """Training lines of a file with one JSON object per line."""
    for number, row in enumerate(text.splitlines(), start=1):
        try:
            entry = json.loads(row)
        except json.JSONDecodeError:
            # The last line of a run that was killed may be cut off.
            continue
        where = f'{file}, line {number}'
        if not isinstance(entry, dict):
            raise ValueError(
                f'{where} is no entry of a training log, which is an object '
                f'with keys and values: {row[:40]}'
            )
        if 'loss' in entry and entry.get('mode', 'train') == 'train':
            yield LogLine(
                _whole(entry, 'epoch', where),
                _whole(entry, 'iter' if 'iter' in entry else 'step', where),
                _numbers(entry),
            )


def _whole(entry: dict, key: str, where: str) -> int:
    """A whole number of an entry; 0 without the key."""
    value = entry.get(key, 0)
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f'{where}: {key} is {value!r}, must be a whole number'
        ) from None


def _read_text(text: str) -> Iterator[LogLine]:
    """Training lines of a text log."""
    for row in text.splitlines():
        head = _HEAD.search(row)
        if head is None:
            continue
        pairs = _PAIR.findall(row[head.end() :])
        values = _numbers({key: float(value) for key, value in pairs})
        if 'loss' in values:
            yield LogLine(int(head[1] or 0), int(head[2]), values)


def _numbers(entry: dict) -> dict[str, float]:
    """Scalars of an entry but for its place."""
    return {
        key: float(value)
        for key, value in entry.items()
        if key not in _PLACES
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
    }
