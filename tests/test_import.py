# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cape_mm.openmmlab_versions import REQUIREMENTS

ROOT = Path(__file__).resolve().parents[1]
SUPPORTED = {
    'torch': '2.1.2+cu121',
    'mmengine': '0.10.7',
    'mmcv': '2.1.0',
    'mmdet': '3.3.0',
    'mmpose': '1.3.2',
}


def add_package(folder, module, version, distribution=None):
    """Writes an importable package as a wheel or a checkout leaves it.

    With ``distribution`` the version stands in its metadata only, as in the
    maintained forks; without, there is only the module, as in a checkout.
    """
    package = folder / module
    package.mkdir(parents=True)
    # Importing it would be an error: the check must not.
    (package / '__init__.py').write_text('raise RuntimeError("imported")\n')
    if module == 'mmcv':
        (package / '_ext.so').touch()
    source = f"__version__ = '{version}'\n"
    if distribution:
        info = folder / f'{distribution}-{version}.dist-info'
        info.mkdir()
        (info / 'METADATA').write_text(
            f'Metadata-Version: 2.1\nName: {distribution}\n'
            f'Version: {version}\n'
        )
        source = (
            'from importlib.metadata import version\n'
            f"__version__ = version('{distribution}')\n"
        )
    (package / 'version.py').write_text(source)


def import_cape_mm(folder):
    """Imports it with only ``folder`` and the standard library beside it."""
    code = (
        f'import sys; sys.path[:0] = [{str(ROOT)!r}, {str(folder)!r}]; '
        'import cape_mm; print(cape_mm.__version__)'
    )
    return subprocess.run(
        [sys.executable, '-I', '-S', '-c', code],
        capture_output=True,
        text=True,
    )


def error_of(folder):
    answer = import_cape_mm(folder)
    assert answer.returncode != 0
    kind, sentence = answer.stderr.splitlines()[-1].split(': ', 1)
    assert kind == 'ImportError'
    return sentence


def test_supported_versions_are_accepted(tmp_path):
    for module, version in SUPPORTED.items():
        add_package(tmp_path, module, version)
    assert import_cape_mm(tmp_path).stdout.strip()


def test_maintained_forks_are_accepted(tmp_path):
    add_package(tmp_path, 'torch', '2.12.1')
    add_package(tmp_path, 'mmengine', '0.10.12', 'onedl_mmengine')
    add_package(tmp_path, 'mmcv', '2.3.6', 'onedl_mmcv')
    add_package(tmp_path, 'mmdet', '3.5.1', 'onedl_mmdetection')
    add_package(tmp_path, 'mmpose', '1.3.2')
    answer = import_cape_mm(tmp_path)
    assert answer.stdout.strip(), answer.stderr


@pytest.mark.parametrize('module', SUPPORTED)
def test_a_missing_package_is_named_with_its_command(tmp_path, module):
    for name, version in SUPPORTED.items():
        if name != module:
            add_package(tmp_path, name, version)
    sentence = error_of(tmp_path)
    assert f'{module}>=' in sentence
    assert 'not installed' in sentence
    assert sentence.count('pip install') == 1
    assert f'{module}==' in sentence


@pytest.mark.parametrize(
    ('module', 'version'),
    [
        ('mmengine', '0.9.1'),
        ('mmengine', '1.0.0'),
        ('mmcv', '1.7.2'),
        ('mmcv', '2.0.0rc4'),
        ('mmdet', '2.28.2'),
        ('mmpose', '1.2.0'),
    ],
)
def test_an_unsupported_version_is_named(tmp_path, module, version):
    for name, supported in SUPPORTED.items():
        add_package(tmp_path, name, version if name == module else supported)
    sentence = error_of(tmp_path)
    assert f'(found {version})' in sentence
    assert sentence.count('pip install') == 1


def test_an_old_fork_leads_to_a_command_for_the_fork(tmp_path):
    for name, version in SUPPORTED.items():
        if name != 'mmengine':
            add_package(tmp_path, name, version)
    add_package(tmp_path, 'mmengine', '0.9.0', 'onedl_mmengine')
    assert 'pip install onedl-mmengine==' in error_of(tmp_path)


def test_mmcv_without_compiled_ops_is_refused(tmp_path):
    for name, version in SUPPORTED.items():
        add_package(tmp_path, name, version)
    (tmp_path / 'mmcv' / '_ext.so').unlink()
    assert 'without its compiled ops' in error_of(tmp_path)


def test_everything_missing_is_one_sentence(tmp_path):
    sentence = error_of(tmp_path)
    assert sentence.count('pip install') == len(SUPPORTED)
    assert '\n' not in sentence


def test_import_is_light():
    code = (
        'import sys, cape_mm; '
        'heavy = {"torch", "numpy", "mmcv", "mmengine", "mmpose", "mmdet"}; '
        'print(sorted(heavy & set(sys.modules)))'
    )
    answer = subprocess.check_output(
        [sys.executable, '-c', code], cwd=str(ROOT)
    )
    assert answer.decode().strip() == '[]'


def test_recommended_versions_are_those_of_the_reference_environment():
    pins = (ROOT / 'requirements' / 'reference.txt').read_text('utf-8')
    for requirement in REQUIREMENTS:
        pattern = rf'^{re.escape(requirement.upstream)}$'
        assert re.search(pattern, pins, re.MULTILINE)


@pytest.mark.parametrize('part', ['models', 'structures', 'datasets'])
def test_models_and_data_need_neither_plots_nor_clocks(part):
    """That is for hooks, visualizers and tools."""
    foreign = {'matplotlib', 'easydict', 'wandb', 'time', 'argparse'}
    for path in (ROOT / 'cape_mm' / part).rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in getattr(node, 'names', ())]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or '']
            roots = {str(name).split('.')[0] for name in names}
            assert not foreign & roots, (path, node.lineno)
