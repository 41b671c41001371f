# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ('cape_mm', 'configs', 'tools', 'tests')


def run(*command, cwd, **variables):
    answer = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=str(cwd),
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    text = answer.stdout.decode()
    assert answer.returncode == 0, text
    return text


def build_wheel(source, folder):
    options = ('--no-build-isolation', '--no-deps', '--no-index')
    run('-m', 'pip', 'wheel', *options, '-w', folder, source, cwd=folder)
    return next(folder.glob('cape_mm-*.whl'))


def source_files(top):
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / top).rglob('*')
        if path.is_file() and not {'__pycache__', '.mim'} & set(path.parts)
    }


@pytest.fixture(scope='module')
def checkout(tmp_path_factory):
    """A copy of the checkout, in which something was trained."""
    folder = tmp_path_factory.mktemp('checkout')
    unwanted = shutil.ignore_patterns('__pycache__', '.mim')
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    for name in ('setup.py', 'README.md', 'LICENSE', 'model-index.yml'):
        shutil.copy(ROOT / name, folder / name)
    (folder / 'work_dirs' / 'single_image').mkdir(parents=True)
    (folder / 'work_dirs' / 'single_image' / 'epoch_1.pth').touch()
    return folder


@pytest.fixture(scope='module')
def wheel(checkout, tmp_path_factory):
    return build_wheel(checkout, tmp_path_factory.mktemp('wheel'))


@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory):
    """A folder that holds what pip would put into site-packages."""
    folder = tmp_path_factory.mktemp('site')
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_wheel_holds_every_module_of_the_package(wheel):
    files = set(zipfile.ZipFile(wheel).namelist())
    assert source_files('cape_mm') <= files


def test_wheel_holds_configs_and_tools_where_mim_looks(wheel):
    files = set(zipfile.ZipFile(wheel).namelist())
    carried = source_files('configs') | source_files('tools')
    carried |= {'model-index.yml'}
    assert 'configs/cape/single_image.py' in carried
    assert {f'cape_mm/.mim/{name}' for name in carried} <= files


def test_mim_finds_configs_by_name_without_suffix(wheel):
    files = set(zipfile.ZipFile(wheel).namelist())
    for config in (ROOT / 'configs' / 'cape').glob('*.py'):
        assert f'cape_mm/.mim/configs/cape/{config.stem}' in files


def test_wheel_holds_nothing_but_the_package(wheel):
    files = zipfile.ZipFile(wheel).namelist()
    tops = {name.split('/')[0] for name in files}
    assert {top.split('-')[0] for top in tops} == {'cape_mm'}
    for unwanted in ('tests/', 'work_dirs/', '.pth', '.pyc', '.egg-info'):
        assert not [name for name in files if unwanted in name]


def test_building_leaves_no_copies_of_the_configs_in_the_checkout(
    checkout, wheel
):
    assert not (checkout / 'cape_mm' / '.mim').exists()


def test_wheel_asks_pip_for_no_openmmlab_package(installed):
    metadata = next(installed.glob('*.dist-info')) / 'METADATA'
    needs = [
        line
        for line in metadata.read_text('utf-8').splitlines()
        if line.startswith('Requires-Dist:') and 'extra ==' not in line
    ]
    assert needs
    assert not [need for need in needs if ' mm' in need or ' torch' in need]


def test_source_distribution_builds_the_same_wheel(checkout, wheel, tmp_path):
    run('setup.py', '-q', 'sdist', '-d', tmp_path, cwd=checkout)
    archive = next(tmp_path.glob('cape_mm-*.tar.gz'))
    rebuilt = build_wheel(archive, tmp_path)
    expected = zipfile.ZipFile(wheel).namelist()
    assert sorted(zipfile.ZipFile(rebuilt).namelist()) == sorted(expected)


def test_editable_install_links_configs_and_tools(checkout, tmp_path):
    copy = tmp_path / 'checkout'
    shutil.copytree(checkout, copy)
    build = 'from setuptools import build_meta; build_meta.build_editable'
    run('-c', f'{build}({str(tmp_path)!r})', cwd=copy)
    linked = copy / 'cape_mm' / '.mim' / 'configs' / 'cape'
    assert (linked / 'single_image.py').samefile(
        copy / 'configs' / 'cape' / 'single_image.py'
    )


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_tools_of_the_wheel_start_outside_the_checkout(
    installed, tmp_path, tool
):
    script = installed / 'cape_mm' / '.mim' / 'tools' / f'{tool}.py'
    text = run(script, '-h', cwd=tmp_path, PYTHONPATH=str(installed))
    assert 'usage' in text
