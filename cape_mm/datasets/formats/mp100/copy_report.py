# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from cape_mm.datasets.formats.image_check import STATES

_MATCH_KEYS = ('file_name', 'found', 'proof', 'reason')
_BAD = tuple(state for state in STATES if state != 'ok')


def format_report(report: dict, max_lines: int = 10) -> str:
    """Write the report for people.

    Args:
        report (dict): Report of :func:`check_copy`.
        max_lines (int): Lines of each list. Defaults to 10.

    Returns:
        str: The lines.
    """
    lines = _split_lines(report['splits'])
    for file in report['files']:
        lines += ['', *_file_lines(file, max_lines)]
    for key, title in (
        ('proven', 'found under another name, proven'),
        ('unproven', 'searched for, not proven (left alone)'),
    ):
        entries = report[key]
        if entries:
            lines += ['', f'{len(entries)} images {title}']
            lines += [
                '  ' + ': '.join(entry[k] for k in _MATCH_KEYS if k in entry)
                for entry in entries[:max_lines]
            ]
        if len(entries) > max_lines:
            lines.append(f'  ... and {len(entries) - max_lines} more')
    return '\n'.join(lines)


def _split_lines(splits: dict) -> list[str]:
    lines = ['The 15 annotation files']
    missing = splits['missing_files']
    lines.append(
        f'  {15 - len(missing)} of 15 are there'
        + (f'; missing: {", ".join(missing)}' if missing else '')
    )
    if splits['other_files']:
        lines.append(f'  other files: {", ".join(splits["other_files"])}')
    for entry in splits['overlaps']:
        lines.append(
            f'  PROBLEM: category {entry["category_id"]} is in '
            f'{" and ".join(entry["parts"])} of split {entry["split"]}'
        )
    for name, size in splits['sizes'].items():
        lines.append(
            f'  {name} has {size} categories; MP-100 has 70 (train), 10 '
            '(val), 20 (test)'
        )
    for key, text in (
        ('not_tested_once', 'not in exactly one test file'),
        ('contradictions', 'names or skeleton differ between the files'),
    ):
        if splits[key]:
            listed = ', '.join(map(str, splits[key]))
            lines.append(f'  PROBLEM: {text}: categories {listed}')
    return lines


def _file_lines(file: dict, max_lines: int) -> list[str]:
    lines = [
        file['file'],
        f'  {len(file["categories"])} categories, {file["annotations"]} '
        f'annotations, {file["usable_instances"]} usable instances',
        f'  images: {_states(file["states"], file["images"])}',
    ]
    for source, row in file['sources'].items():
        lines.append(f'    {source}: {_states(row["states"], row["images"])}')
    bad = [
        row
        for row in file['categories']
        if row['states'].get('ok', 0) < row['images']
    ]
    lines += [
        f'    category {row["id"]} {row["name"]!r}: '
        f'{_states(row["states"], row["images"])}; '
        f'{row["available"]} of {row["instances"]} instances left'
        for row in bad[:max_lines]
    ]
    if len(bad) > max_lines:
        lines.append(f'    ... and {len(bad) - max_lines} more categories')
    for problem in file['problems'].values():
        lines.append(f'  {problem["count"]} {problem["meaning"]}')
        lines += [f'    {example}' for example in problem['examples']]
    if file['usable_instances'] != file['protocol_instances']:
        lines.append(
            f'  the published loaders count {file["protocol_instances"]} '
            'instances; pairs with the others cannot be evaluated'
        )
    lines.append(_skeleton_line(file))
    for shots, ids in file['too_small_for_training'].items():
        if ids:
            listed = ', '.join(map(str, ids))
            lines.append(
                f'  {shots}-shot training leaves out categories {listed}: '
                f'fewer than {shots + 1} instances left'
            )
    for effect in file['effects']:
        lines += _effect_lines(effect)
    return lines


def _states(states: dict, total: int) -> str:
    found = [f'{states[key]} {key}' for key in _BAD if states.get(key)]
    if not found:
        return f'all {total} there'
    return f'{states.get("ok", 0)} of {total} there, {", ".join(found)}'


def _skeleton_line(file: dict) -> str:
    without, total = file['without_skeleton'], len(file['categories'])
    if not without:
        return f'  skeletons: all {total} categories'
    if len(without) == total:
        return (
            '  skeletons: NONE. This may be the first release; the later one '
            'has them (see docs/en/data_preparation.md)'
        )
    return f'  skeletons: none in categories {", ".join(map(str, without))}'


def _effect_lines(effect: dict) -> list[str]:
    name = f'{effect["shots"]}-shot, {effect["queries"]} queries'
    lines = []
    if effect['too_small']:
        listed = ', '.join(map(str, effect['too_small']))
        lines.append(
            f'  {name}: fewer than {effect["shots"] + effect["queries"]} '
            f'instances in the file itself in categories {listed}: the '
            'published list does not exist'
        )
    if not effect['pairs']:
        return lines
    if not effect['lost']:
        lines.append(
            f'  {name}: all {effect["pairs"]} pairs can be evaluated, '
            f'sha256 {effect["sha256"][:12]}...'
        )
        return lines
    lines.append(
        f'  {name}: {effect["lost"]} of {effect["pairs"]} pairs '
        f'({effect["lost_share"]:.1%}) are lost, in '
        f'{len(effect["lost_by_category"])} categories: results are partial'
    )
    if effect['fell_below']:
        listed = ', '.join(map(str, effect['fell_below']))
        lines.append(
            f'    too few instances left to draw anew in categories {listed}'
        )
    return lines
