# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import ast
from pathlib import Path

import pytest

from cape_mm.evaluation import functional

FILES = sorted(Path(functional.__file__).parent.glob('*.py'))
ALLOWED = {
    '__future__', 'dataclasses', 'functools', 'json', 'math', 'numpy',
    'pathlib', 'scipy.optimize', 'typing',
}  # fmt: skip


def imported(node):
    """Modules outside of the package that a file imports at run time."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and 'TYPE_CHECKING' in ast.dump(
            child.test
        ):
            continue
        if isinstance(child, ast.Import):
            yield from (name.name for name in child.names)
        elif isinstance(child, ast.ImportFrom):
            if child.level != 1:
                yield child.module or '..'
        else:
            yield from imported(child)


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.stem)
def test_functions_need_numpy_alone_and_an_assignment_solver(file):
    tree = ast.parse(file.read_text('utf-8'))
    assert set(imported(tree)) <= ALLOWED
