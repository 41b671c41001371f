# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Looks types up as a runner does: from MMEngine's registry, under a default
# scope. Each registry has a process of its own, in which nothing of MMPose and
# cape_mm was imported yet; what is below them is imported once, for speed.
LOOK_UP = """
import os
import sys
import mmcv.ops
import mmdet.models
from mmengine import registry
from mmengine.registry import DefaultScope

DefaultScope.get_instance('test', scope_name=sys.argv[1])
failed = 0
for root in sorted({item.split('.')[0] for item in sys.argv[2:]}):
    sys.stdout.flush()
    process = os.fork()
    if process:
        failed |= os.waitpid(process, 0)[1]
        continue
    names = [i.split('.')[1] for i in sys.argv[2:] if i.startswith(root + '.')]
    if root == 'KEYPOINT_CODECS':  # of MMPose; datasets import ours
        import cape_mm.registry
        from mmpose import registry
    with getattr(registry, root).switch_scope_and_registry(None) as node:
        found = {name: node.get('cape_mm.' + name) for name in names}
    wrong = [n for n, t in found.items() if getattr(t, '__name__', '') != n]
    print(root, 'does not find:', wrong, flush=True)
    os._exit(bool(wrong))
sys.exit(bool(failed))
"""


def registered_types():
    """Yields ``REGISTRY.name`` of every type that the sources register."""
    for path in sorted((ROOT / 'cape_mm').rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text('utf-8'))):
            for decorator in getattr(node, 'decorator_list', []):
                method = getattr(decorator, 'func', None)
                if getattr(method, 'attr', None) == 'register_module':
                    yield f'{method.value.id}.{node.name}'


TYPES = sorted(registered_types())


def test_the_sources_register_types():
    registries = {name.split('.')[0] for name in TYPES}
    assert {'DATASETS', 'HOOKS', 'MODELS'} <= registries


@pytest.mark.parametrize('scope', ['mmpose', 'mmengine'])
def test_every_type_resolves_in_a_fresh_process(scope):
    answer = subprocess.run(
        [sys.executable, '-c', LOOK_UP, scope, *TYPES],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert answer.returncode == 0, answer.stdout.decode()
