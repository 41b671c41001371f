# Copyright (c) cape_mm contributors. All rights reserved.
"""Read what a training has written, also with MMCV 1."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

_NUMBER = r'[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|inf|nan)'
_PAIR = re.compile(rf'(?<!\S)([A-Za-z_][\w.@]*): ({_NUMBER})(?=[\s,]|$)')
# MMEngine writes `Epoch(train)`, MMCV 1 `Epoch`.
_HEAD = re.compile(
    r'(?:Epoch(?:\(train\))?\s+\[\s*(\d+)\]|Iter(?:\(train\))?\s+)'
    r'\[\s*(\d+)/\s*\d+\]'
)
#: Numbers in a log that tell where a line is and nothing about training.
_PLACES = frozenset({'epoch', 'iter', 'step', 'eta', 'seed'})


class LogLine(NamedTuple):
    """Scalars of one line.

    Attributes:
        epoch (int): 0 if the log does not count epochs.
        iteration (int): Of the run, or of the epoch if the log counts so.
        values (Dict[str, float]): By key.
    """

    epoch: int
    iteration: int
    values: Dict[str, float]

    @property
    def place(self) -> str:
        """Where this is, for humans."""
        where = f'iteration {self.iteration}'
        return f'epoch {self.epoch}, {where}' if self.epoch else where


@dataclass(frozen=True)
class TrackingLog:
    """Training lines of a log.

    Attributes:
        path (Path): The file.
        lines (List[LogLine]): In order; of places that a resumed run
            repeats, the last.
    """

    path: Path
    lines: List[LogLine]

    def having(self, *keys: str) -> List[LogLine]:
        """Lines that have all of some keys."""
        return [
            line
            for line in self.lines
            if all(key in line.values for key in keys)
        ]

    def last(self, key: str) -> Optional[float]:
        """Last value of a key, None if there is none."""
        lines = self.having(key)
        return lines[-1].values[key] if lines else None


def read_log(path: Path) -> TrackingLog:
    """Read the training lines of a log.

    Args:
        path (Path): ``scalars.json``, a text log (``.log``), ``.log.json`` of
            MMCV 1, or a folder of a training, of which the newest
            ``scalars.json`` is read.

    Returns:
        TrackingLog: Its lines.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has no training lines.
    """
    file = _find_file(path)
    text = file.read_text(errors='replace')
    read = _read_json if text.lstrip().startswith('{') else _read_text
    found: Dict[Tuple[int, int], LogLine] = {}
    for line in read(text):
        found[line.epoch, line.iteration] = line
    if not found:
        raise ValueError(
            f'{file} has no training line with a loss: give scalars.json or '
            'the .log file of a training'
        )
    return TrackingLog(file, [found[place] for place in sorted(found)])


def _find_file(path: Path) -> Path:
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist')
    if not path.is_dir():
        return path
    scalars = sorted(
        path.glob('**/vis_data/scalars.json'),
        key=lambda file: file.parent.parent.name,
    )
    if not scalars:
        raise FileNotFoundError(
            f'no vis_data/scalars.json in {path}: the run needs the '
            'LocalVisBackend; a text log (.log) can be given instead'
        )
    return scalars[-1]


def _read_json(text: str) -> Iterator[LogLine]:
    for row in text.splitlines():
        try:
            entry = json.loads(row)
        except json.JSONDecodeError:
            # The last line of a run that was killed may be cut off.
            continue
        if 'loss' in entry and entry.get('mode', 'train') == 'train':
            yield LogLine(
                int(entry.get('epoch', 0)),
                int(entry.get('iter', entry.get('step', 0))),
                _numbers(entry),
            )


def _read_text(text: str) -> Iterator[LogLine]:
    for row in text.splitlines():
        head = _HEAD.search(row)
        if head is None:
            continue
        pairs = _PAIR.findall(row[head.end() :])
        values = _numbers({key: float(value) for key, value in pairs})
        if 'loss' in values:
            yield LogLine(int(head[1] or 0), int(head[2]), values)


def _numbers(entry: dict) -> Dict[str, float]:
    return {
        key: float(value)
        for key, value in entry.items()
        if key not in _PLACES
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
    }
