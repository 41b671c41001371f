# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from cape_mm.datasets.formats.image_check import STATES

_MATCH_KEYS = ('file_name', 'found', 'proof', 'reason')
_BAD = tuple(state for state in STATES if state != 'ok')
_MAX_LINES = 10  # of each list


def format_report(report: dict) -> str:
    """Lines, for people, of a report of :func:`check_copy`."""
    lines = _split_lines(report['splits'])
    for file in report['files']:
        lines += ['', *_file_lines(file)]
    for key, title in (
        ('proven', 'found under another name, proven'),
        ('unproven', 'searched for, not proven (left alone)'),
    ):
        if report[key]:
            lines += ['', f'{len(report[key])} images {title}']
            found = [
                '  ' + ': '.join(entry[k] for k in _MATCH_KEYS if k in entry)
                for entry in report[key]
            ]
            lines += _first_of(found, '  ... and {} more')
    remarks = [
        f'  {name}: {"; ".join(notes)}'
        for name, notes in report.get('remarks', {}).items()
    ]
    if remarks:
        lines += ['', f'{len(remarks)} images with remarks (kept)']
        lines += _first_of(remarks, '  ... and {} more')
    return '\n'.join(lines)


def _first_of(lines: list[str], more: str) -> list[str]:
    """The first lines of a list, and how many more there are."""
    rest = len(lines) - _MAX_LINES
    return lines[:_MAX_LINES] + ([more.format(rest)] if rest > 0 else [])


def _split_lines(splits: dict) -> list[str]:
    missing = splits['missing_files']
    lines = [
        'The 15 annotation files',
        f'  {15 - len(missing)} of 15 are there'
        + (f'; missing: {_listed(missing)}' if missing else ''),
    ]
    if splits['other_files']:
        lines.append(f'  other files: {_listed(splits["other_files"])}')
    lines += [
        f'  PROBLEM: category {entry["category_id"]} is in '
        f'{" and ".join(entry["parts"])} of split {entry["split"]}'
        for entry in splits['overlaps']
    ]
    lines += [
        f'  {name} has {size} categories; MP-100 has 70 (train), 10 (val), '
        '20 (test)'
        for name, size in splits['sizes'].items()
    ]
    for key, text in (
        ('not_tested_once', 'not in exactly one test file'),
        ('contradictions', 'names or skeleton differ between the files'),
    ):
        if splits[key]:
            lines.append(
                f'  PROBLEM: {text}: categories {_listed(splits[key])}'
            )
    return lines


def _file_lines(file: dict) -> list[str]:
    lines = [
        file['file'],
        f'  {len(file["categories"])} categories, {file["annotations"]} '
        f'annotations, {file["usable_instances"]} usable instances',
        f'  images: {_states(file)}',
    ]
    lines += [
        f'    {source}: {_states(row)}'
        for source, row in file['sources'].items()
    ]
    bad = [
        f'    category {row["id"]} {row["name"]!r}: {_states(row)}; '
        f'{row["available"]} of {row["instances"]} instances left'
        for row in file['categories']
        if row['states'].get('ok', 0) < row['images']
    ]
    lines += _first_of(bad, '    ... and {} more categories')
    for problem in file['problems'].values():
        lines.append(f'  {problem["count"]} {problem["meaning"]}')
        lines += [f'    {example}' for example in problem['examples']]
    if file['usable_instances'] != file['protocol_instances']:
        lines.append(
            f'  the published loaders count {file["protocol_instances"]} '
            'instances; pairs with the others cannot be evaluated'
        )
    without, total = file['without_skeleton'], len(file['categories'])
    if not without:
        lines.append(f'  skeletons: all {total} categories')
    elif len(without) == total:
        lines.append(
            '  skeletons: NONE. This may be the first release; the later one '
            'has them (see docs/en/data_preparation.md)'
        )
    else:
        lines.append(f'  skeletons: none in categories {_listed(without)}')
    lines += [
        f'  {shots}-shot training leaves out categories {_listed(ids)}: '
        f'fewer than {shots + 1} instances left'
        for shots, ids in file['too_small_for_training'].items()
        if ids
    ]
    for effect in file['effects']:
        lines += _effect_lines(effect)
    return lines


def _states(row: dict) -> str:
    states, total = row['states'], row['images']
    found = [f'{states[key]} {key}' for key in _BAD if states.get(key)]
    if not found:
        return f'all {total} there'
    return f'{states.get("ok", 0)} of {total} there, {_listed(found)}'


def _effect_lines(effect: dict) -> list[str]:
    name = f'  {effect["shots"]}-shot, {effect["queries"]} queries'
    lines = []
    if effect['too_small']:
        lines.append(
            f'{name}: fewer than {effect["shots"] + effect["queries"]} '
            'instances in the file itself in categories '
            f'{_listed(effect["too_small"])}: the published list does not '
            'exist'
        )
    if effect['pairs'] and not effect['lost']:
        lines.append(
            f'{name}: all {effect["pairs"]} pairs can be evaluated, '
            f'sha256 {effect["sha256"][:12]}...'
        )
    elif effect['pairs']:
        lines.append(
            f'{name}: {effect["lost"]} of {effect["pairs"]} pairs '
            f'({effect["lost_share"]:.1%}) are lost, in '
            f'{len(effect["lost_by_category"])} categories: results are '
            'partial'
        )
        if effect['fell_below']:
            lines.append(
                '    too few instances left to draw anew in categories '
                + _listed(effect['fell_below'])
            )
    return lines


def _listed(values: list) -> str:
    return ', '.join(map(str, values))
