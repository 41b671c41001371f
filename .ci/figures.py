# Copyright (c) cape_mm contributors. All rights reserved.
"""Prints figures of the house: modules, lines, importers, words.

Usage: python3 .ci/figures.py [ROOT]

Reads sources as text and imports nothing of them. ROOT is a checkout, by
default the one that this file lies in.
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Iterator

#: Words of no use, each with the field's word.
WORDS = {
    r'pictures?': 'image',
    r'films?': 'cephalogram, image',
    r'joints?': 'keypoint, landmark',
    r'data sets?': 'dataset',
    r'heat maps?': 'heatmap',
    r'seen|unseen|shown': 'visible, labelled',
    r'looks? up|looked up|look-?ups?': 'sample, gather',
    r'sees|hears?|heard|tells|told': 'attend, state',
    r'wanted|nobody|asked': 'expected, required, given',
    r'deviations?': 'sigma',
    r'(?:embedded|drawn) (?:data|image|creature|cephalogram|categor|stick)'
    r'\w*': 'synthetic',
}
#: Where a word of the table is the field's own word.
FIELD = re.compile(
    r'unseen categor|standard deviation|lookup table|named in drawn image',
    re.IGNORECASE,
)


def read_modules(root: Path) -> dict[str, Path]:
    """Paths of the package's modules by dotted name."""
    modules = {}
    for path in sorted((root / 'cape_mm').rglob('*.py')):
        if '.mim' in path.parts:
            continue
        parts = path.relative_to(root).with_suffix('').parts
        modules['.'.join(p for p in parts if p != '__init__')] = path
    return modules


def imported_names(name: str, path: Path, tree: ast.Module) -> Iterator[str]:
    """Dotted names that a module imports, also within functions."""
    package = name.split('.')
    if path.name != '__init__.py':
        package = package[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                stem = package[: len(package) - node.level + 1]
                base = '.'.join(stem + [base] * bool(base))
            yield base
            yield from (f'{base}.{alias.name}' for alias in node.names)


def is_registered(tree: ast.Module) -> bool:
    """Whether a module registers a class."""
    return any(
        getattr(getattr(decorator, 'func', None), 'attr', '')
        == 'register_module'
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
    )


def count_annotated(tree: ast.Module) -> tuple[int, int]:
    """Annotated arguments, and all of them, without self and cls."""
    annotated = total = 0
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        arguments = node.args.posonlyargs + node.args.args
        arguments += node.args.kwonlyargs
        for argument in arguments:
            if argument.arg not in ('self', 'cls'):
                total += 1
                annotated += argument.annotation is not None
    return annotated, total


def print_package(root: Path) -> None:
    """Prints figures of ``cape_mm``."""
    modules = read_modules(root)
    trees = {
        name: ast.parse(path.read_text('utf-8'))
        for name, path in modules.items()
    }
    lines = {
        name: len(path.read_text('utf-8').splitlines())
        for name, path in modules.items()
    }
    importers = defaultdict(set)
    for name, path in modules.items():
        for target in imported_names(name, path, trees[name]):
            if target in modules and target != name:
                importers[target].add(name)
    is_face = {n: p.name == '__init__.py' for n, p in modules.items()}
    small = [
        name
        for name, count in lines.items()
        if count < 60 and not is_face[name] and not is_registered(trees[name])
    ]
    # a package's face re-exports: it is no importer of its own modules
    single = [
        name
        for name in modules
        if not is_face[name]
        and not is_registered(trees[name])
        and len([i for i in importers[name] if not is_face[i]]) == 1
    ]
    counts = [count_annotated(tree) for tree in trees.values()]
    annotated, arguments = (sum(column) for column in zip(*counts))
    largest = max(lines, key=lines.get)
    print(f'modules of cape_mm            {len(modules)}')
    print(f'lines                         {sum(lines.values())}')
    print(f'median lines of a module      {statistics.median(lines.values())}')
    print(f'largest module                {lines[largest]} ({largest})')
    print(
        f'modules under 60 lines        {sum(n < 60 for n in lines.values())}'
    )
    print(f'  no face, nothing registered {len(small)}')
    print(f'modules with one importer     {len(single)}')
    print(f'annotated arguments           {annotated / arguments:.1%}')
    if '-v' in sys.argv:
        print('under 60 lines:', *small, sep='\n  ')
        print('one importer:', *single, sep='\n  ')


def print_words(root: Path) -> None:
    """Prints how often each word of the table occurs."""
    texts = {'code': [], 'docs': [], 'tests': []}
    for folder, kind in (
        *((name, 'code') for name in ('cape_mm', 'tools', 'configs')),
        *(('docs', 'docs'), ('tests', 'tests')),
    ):
        for path in sorted((root / folder).rglob('*')):
            if path.suffix in ('.py', '.md', '.yml', '.sh'):
                texts[kind].append(path.read_text('utf-8'))
    # not CONTRIBUTING and CHANGELOG, which quote the words and old names
    texts['docs'].append((root / 'README.md').read_text('utf-8'))
    print('\nwords (whole words and parts of identifiers)   code docs tests')
    for pattern, better in WORDS.items():
        # parts of identifiers count: picture_size, num_joints
        word = re.compile(rf'(?<![a-z])({pattern})(?![a-z])', re.IGNORECASE)
        counts = Counter()
        for kind, contents in texts.items():
            for text in contents:
                counts[kind] += len(word.findall(FIELD.sub('', text)))
        shown = ' '.join(f'{counts[k]:5d}' for k in texts)
        print(f'{pattern[:22]:22} -> {better:20} {shown}')


if __name__ == '__main__':
    given = [argument for argument in sys.argv[1:] if argument != '-v']
    checkout = Path(given[0]) if given else Path(__file__).parents[1]
    print_package(checkout)
    print_words(checkout)
