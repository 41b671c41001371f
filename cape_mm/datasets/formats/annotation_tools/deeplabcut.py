# Copyright (c) cape_mm contributors. All rights reserved.
"""DeepLabCut's ``CollectedData_<scorer>.csv`` and ``.h5``.

The skeleton is that of the project's ``config.yaml``, if it is above the
file. Individuals are tracks; keypoints that exist once an image (``single``)
are a category of their own.

Read by hand: sleap-io sorts the keypoints by name, drops rows whose images it
does not find, knows no ``.h5``, and pandas reads that only by unpickling.
"""

from __future__ import annotations

import csv
import io
import pickle
from pathlib import Path
from typing import Any, Iterable, Sequence

import numpy as np
import yaml

from cape_mm.errors import DataError, import_extra

from .annotations import Annotations, write_image
from .collector import Collector
from .repairs import to_number

_LEVELS = ('scorer', 'individuals', 'bodyparts', 'coords')


def read_deeplabcut(
    file: Path, text: str | None, collector: Collector
) -> None:
    """Read the labels of one folder of images; ``text`` is None for HDF5."""
    collector.where = str(file)
    columns, rows = _read_h5(file) if text is None else _read_csv(text)
    individuals: dict[str, dict[str, dict[str, int]]] = {}
    for index, column in enumerate(columns):
        individual = individuals.setdefault(column.get('individuals', ''), {})
        part = individual.setdefault(column['bodyparts'], {})
        part[column['coords']] = index
    edges, project = _find_project(file)
    categories = {}
    for name, parts in individuals.items():
        categories[name] = name if name == 'single' else collector.default_name
        names = list(parts)
        pairs = [[*map(names.index, e)] for e in edges if {*e} <= {*names}]
        collector.declare(categories[name], names, pairs)
    tracks = [name for name in individuals if name not in ('', 'single')]
    search = collector.search(file, *project)
    for image, values in rows:
        source = collector.open_image(search, image)
        for name, parts in individuals.items() if source is not None else ():
            xy = [[values[p['x']], values[p['y']]] for p in parts.values()]
            v = np.where(np.isnan(xy).any(1), 0, 2)
            if not v.any():
                continue  # this individual is not labelled here
            extra = dict(track_id=tracks.index(name)) if name in tracks else {}
            keypoints = np.column_stack([xy, v])
            collector.add(
                source, categories[name], list(parts), keypoints, **extra
            )


def _find_project(file: Path) -> tuple[list[list[str]], list[Path]]:
    """Edges by name and folder of the project of a file, if there is one."""
    for folder in list(file.resolve().parents)[:4]:
        config = folder / 'config.yaml'
        content = (
            yaml.safe_load(config.read_text('utf-8-sig'))
            if config.is_file()
            else None
        )
        if isinstance(content, dict) and 'scorer' in content:
            edges = content.get('skeleton') or []
            return [[str(end) for end in edge] for edge in edges], [folder]
    folders = file.parents
    is_project = len(folders) > 2 and folders[1].name == 'labeled-data'
    return [], [folders[2]] if is_project else []


def _read_csv(text: str) -> tuple[list[dict], Iterable[tuple[str, list]]]:
    """Columns, and rows of image path and numbers."""
    lines = [line for line in csv.reader(io.StringIO(text)) if line]
    header: dict[str, list[str]] = {}
    while lines and lines[0][0] in _LEVELS:
        key, *names = lines.pop(0)
        header[key] = names
    # newer files have three cells for folder, video and image
    first = next(i for i, cell in enumerate(header['coords']) if cell)
    cells = zip(*(row[first:] for row in header.values()))
    columns = [dict(zip(header, names)) for names in cells]
    rows = []
    for number, line in enumerate(lines, start=len(header) + 1):
        path, values = '/'.join(line[: first + 1]), line[first + 1 :]
        if len(values) != len(columns):
            raise ValueError(
                f'line {number} has {len(values)} numbers for {len(columns)} '
                'columns'
            )
        rows.append((path, [to_number(value) for value in values]))
    return columns, rows


def _read_h5(file: Path) -> tuple[list[dict], Iterable[tuple[str, Any]]]:
    """The same of what pandas stores."""
    h5py = import_extra(
        'h5py', "'cape_mm[annotation-tools]'", 'a table in .h5'
    )
    with h5py.File(file, 'r') as content:
        group = content['df_with_missing']
        if 'table' in group:
            table = group['table'][()]
            values = table['values_block_0']
            paths = [path.decode() for path in table['index']]
            pickled = group['table'].attrs['values_block_0_kind']
            names = _PlainUnpickler(io.BytesIO(bytes(pickled))).load()
        else:
            values = group['block0_values'][()]
            paths = ['/'.join(path) for path in _read_index(group, 'axis1')]
            names = _read_index(group, 'block0_items')
    levels = _LEVELS if len(names[0]) == 4 else _LEVELS[:1] + _LEVELS[2:]
    return [dict(zip(levels, entry)) for entry in names], zip(paths, values)


def _read_index(group: Any, name: str) -> list[tuple[str, ...]]:
    """Entries of an index of one or several levels."""
    if name in group:
        return [(entry.decode(),) for entry in group[name][()]]
    columns = []
    for number in range(int(group.attrs[f'{name}_nlevels'])):
        level = group[f'{name}_level{number}'][()]
        labels = group[f'{name}_label{number}'][()]
        columns.append([entry.decode() for entry in level[labels]])
    return list(zip(*columns))


class _PlainUnpickler(pickle.Unpickler):
    """Reads lists, tuples and text, and runs nothing."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse every class and function."""
        raise ValueError(f'{module}.{name} is no plain data')


def write_deeplabcut(
    annotations: Annotations, out_dir: Path, link: bool = True
) -> list[str]:
    """Write ``labeled-data/<folder>/CollectedData_cape_mm.csv`` and images.

    With pandas and PyTables the same table is written as ``.h5``, which
    DeepLabCut trains from; it makes one itself by
    ``deeplabcut.convertcsv2h5``. With several instances on an image there are
    individuals, called by their tracks where they have some.
    """
    if len(annotations.categories) != 1:
        names = [str(c) for c in annotations.categories.values()]
        raise DataError(
            f'DeepLabCut has one set of keypoints, not those of {names}: '
            'choose a category with --category'
        )
    (category,) = annotations.categories.values()
    parts = category.keypoint_names
    if len(set(parts)) < len(parts):
        raise DataError(
            f'category {category} has several keypoints of one name, which '
            'DeepLabCut cannot hold'
        )
    rows = {}
    for image in annotations.images:
        *folders, name = image.name.split('/')
        own = category.name.replace('/', '_').strip('.')
        folder = '_'.join(folders) or own or 'images'
        path = ('labeled-data', folder, name)
        write_image(image, out_dir.joinpath(*path), link)
        tracks = [instance.track_id for instance in image.instances]
        if None in tracks or len(set(tracks)) < len(tracks):
            tracks = list(range(len(tracks)))
        rows[path] = dict(zip(tracks, image.instances))
    individuals = sorted({key for row in rows.values() for key in row})
    is_single = max(map(len, rows.values())) <= 1
    columns = [
        ('cape_mm', f'individual{key + 1}', part, axis)
        for key in individuals
        for part in parts
        for axis in 'xy'
    ]
    if is_single:  # whatever its track
        columns = [('cape_mm', part, axis) for part in parts for axis in 'xy']
    levels = _LEVELS[:1] + _LEVELS[2:] if is_single else _LEVELS
    lines = {}
    for path, row in rows.items():
        cells = np.full((len(individuals), len(parts), 2), np.nan)
        for key, instance in row.items():
            labelled = instance.keypoints[:, 2] > 0
            index = 0 if is_single else individuals.index(key)
            cells[index][labelled] = instance.keypoints[labelled, :2]
        lines[path] = (cells[:1] if is_single else cells).ravel()
    summaries = []
    for folder in dict.fromkeys(path[1] for path in lines):
        own = {p: values for p, values in lines.items() if p[1] == folder}
        target = out_dir / 'labeled-data' / folder / 'CollectedData_cape_mm'
        _write_csv(target.with_suffix('.csv'), levels, columns, own)
        has_h5 = _write_h5(target.with_suffix('.h5'), levels, columns, own)
        text = '' if has_h5 else ' (no .h5: needs pandas and tables)'
        summaries.append(f'{target}.csv: {len(own)} images{text}')
    return summaries


def _write_csv(
    file: Path, levels: Sequence[str], columns: list, rows: dict
) -> None:
    """Write the table as pandas does."""
    with open(file, 'w', newline='', encoding='utf-8') as stream:
        writer = csv.writer(stream)
        for level, names in zip(levels, zip(*columns)):
            writer.writerow([level, '', '', *names])
        for path, values in rows.items():
            cells = [
                '' if np.isnan(n) else repr(round(n, 3))
                for n in values.tolist()
            ]
            writer.writerow([*path, *cells])


def _write_h5(
    file: Path, levels: Sequence[str], columns: list, rows: dict
) -> bool:
    """Write the table as HDF5; False if a package for that is missing."""
    try:
        import pandas as pd
        import tables  # noqa: F401  what pandas writes it with
    except ImportError:
        return False
    frame = pd.DataFrame(
        np.stack(list(rows.values())).round(3),
        index=pd.MultiIndex.from_tuples(list(rows)),
        columns=pd.MultiIndex.from_tuples(columns, names=levels),
    )
    frame.to_hdf(file, key='df_with_missing', mode='w')
    return True
