# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / '.ci'


def make_env(tmp_path, **variables):
    """Calls the script; nothing of it reaches the network in these tests."""
    variables.setdefault('CAPE_MM_ENV', str(tmp_path / 'env'))
    return subprocess.run(
        [sys.executable, str(SCRIPTS / 'make_env.py')],
        env={**os.environ, **variables},
        cwd=str(tmp_path),
        capture_output=True,
        text=True,
    )


def stub(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\n{text}\n')
    path.chmod(0o755)
    return str(path)


def fake_python(path, version='3.11.9', include='/nowhere', otherwise=''):
    """An interpreter that answers what it is, and else what it is told to."""
    answer = f'{path}\\n{version}\\nx86_64\\n{include}\\n'
    return stub(
        path,
        f'case "$2" in *platform*) printf "{answer}"; exit;; esac\n'
        f'{otherwise or "exit 1"}',
    )


def test_an_unsuitable_python_is_named(tmp_path):
    python = fake_python(tmp_path / 'python', version='3.13.1')
    answer = make_env(tmp_path, CAPE_MM_PYTHON=python)
    assert answer.returncode != 0
    assert 'Python 3.11 or 3.10 is needed' in answer.stderr
    assert f'{python} is 3.13.1' in answer.stderr
    assert answer.stdout == ''


def test_a_missing_venv_module_is_named(tmp_path):
    python = fake_python(tmp_path / 'python')
    answer = make_env(tmp_path, CAPE_MM_PYTHON=python)
    assert 'apt-get install python3.11-venv' in answer.stderr


def test_files_of_others_are_not_deleted(tmp_path):
    precious = tmp_path / 'env' / 'precious.txt'
    precious.parent.mkdir()
    precious.touch()
    python = fake_python(tmp_path / 'python')
    answer = make_env(tmp_path, CAPE_MM_PYTHON=python)
    assert 'set CAPE_MM_ENV to another folder' in answer.stderr
    assert precious.exists()


def test_a_broken_environment_is_made_anew(tmp_path):
    env = tmp_path / 'env'
    (env / '.cape_mm').mkdir(parents=True)
    (env / '.cape_mm' / '0123456789ab-torch').touch()
    stub(env / 'bin' / 'python', 'exit 1')
    make_venv = f'case "$2" in venv) touch {tmp_path}/called; esac; exit 1'
    python = fake_python(
        tmp_path / 'python',
        otherwise=f'case "$2" in *ensurepip*) exit 0; esac; {make_venv}',
    )
    answer = make_env(tmp_path, CAPE_MM_PYTHON=python)
    assert 'made anew' in answer.stderr
    assert (tmp_path / 'called').exists()
    # So that the next call still knows the folder as its own.
    assert [path.name for path in env.rglob('*')] == ['.cape_mm']
    assert f'Log: {env}.log' in answer.stderr


def test_an_interpreter_outside_an_environment_is_not_used(tmp_path):
    # As it is left when an environment is half deleted: it would install
    # into the Python that it was made from.
    env = tmp_path / 'env'
    (env / '.cape_mm').mkdir(parents=True)
    (env / 'bin').mkdir()
    (env / 'bin' / 'python').symlink_to(Path(sys.base_prefix) / 'bin/python3')
    python = fake_python(tmp_path / 'python')
    answer = make_env(tmp_path, CAPE_MM_PYTHON=python)
    assert 'made anew' in answer.stderr
    assert not (env / 'bin').exists()


@pytest.fixture
def prerequisites(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import prerequisites

    return prerequisites


def test_a_missing_compiler_is_named(prerequisites, monkeypatch):
    monkeypatch.setenv('CXX', 'no-such-compiler')
    with pytest.raises(prerequisites.Missing, match='no C\\+\\+ compiler'):
        prerequisites.check_compiler(sys.executable)


def test_missing_python_headers_are_named(prerequisites, tmp_path):
    python = fake_python(tmp_path / 'python')
    with pytest.raises(prerequisites.Missing, match='python3.11-dev'):
        prerequisites.check_compiler(python)


def test_an_old_compiler_is_named(prerequisites, tmp_path, monkeypatch):
    (tmp_path / 'Python.h').touch()
    python = fake_python(tmp_path / 'python', include=tmp_path)
    monkeypatch.setenv('CXX', stub(tmp_path / 'cxx', 'exit 1'))
    with pytest.raises(prerequisites.Missing, match='C\\+\\+17'):
        prerequisites.check_compiler(python)


def test_a_full_disk_is_named(prerequisites, tmp_path, monkeypatch):
    monkeypatch.setattr(prerequisites, 'FREE_GIB', 10**9)
    with pytest.raises(prerequisites.Missing, match='CAPE_MM_ENV'):
        prerequisites.check_disk(tmp_path / 'not' / 'made')


@pytest.fixture
def site_packages(tmp_path):
    """One package, installed as pip leaves it."""
    site = tmp_path / 'site-packages'
    info = site / 'some_tool-1.0+cpu.dist-info'
    info.mkdir(parents=True)
    (site / 'some_tool.py').touch()
    (info / 'METADATA').touch()
    (info / 'RECORD').write_text(
        'some_tool.py,,0\n__pycache__/some_tool.cpython-311.pyc,,\n'
        f'{info.name}/METADATA,,0\n{info.name}/RECORD,,\n'
    )
    return site


@pytest.fixture
def broken(site_packages, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from broken_packages import broken_packages

    return lambda pins, forget=False: list(
        broken_packages({str(site_packages)}, pins, forget)
    )


def test_a_whole_package_is_trusted(broken):
    assert broken({'some-tool': '1.0'}) == []


def test_a_package_of_another_version_is_reported(broken):
    assert broken({'some-tool': '1.1'}) == ['some-tool (not 1.1)']


def test_a_package_that_lost_a_file_is_forgotten(broken, site_packages):
    (site_packages / 'some_tool.py').unlink()
    assert broken({}, forget=True) == ['some-tool (incomplete)']
    assert list(site_packages.iterdir()) == []


def test_an_interrupted_install_is_reported(broken, site_packages):
    next(site_packages.glob('*.dist-info/RECORD')).unlink()
    assert broken({}) == ['some-tool (incomplete)']
