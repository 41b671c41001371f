# Copyright (c) cape_mm contributors. All rights reserved.
"""Variables of the environment are data, in every config that reads them."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path

import pytest
from mmengine.config import Config

from cape_mm import env
from cape_mm.cli.launch import read_config
from cape_mm.errors import UsageError

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
SINGLE_IMAGE = CONFIGS / 'cape' / 'single_image.py'
CEPHALOMETRIC = (
    CONFIGS / 'cephalometric' / 'hrnetv2_w18_cephalometric_stable.py'
)


def test_no_config_pastes_the_environment_into_its_source():
    pasted = [
        path.name
        for path in CONFIGS.rglob('*.py')
        if re.search(r"\{\{\s*'?\$", path.read_text('utf-8'))
    ]
    assert pasted == []


def _variables(word):
    """Variables of all configs with numbers, or with text, as defaults."""
    text = '\n'.join(p.read_text('utf-8') for p in CONFIGS.rglob('*.py'))
    pattern = r"env\(\s*'(\w+)',\s*" + ("'" if word else r'\d')
    return sorted(set(re.findall(pattern, text)))


def test_python_in_the_environment_is_not_run(tmp_path, monkeypatch):
    names = _variables(False) + _variables(True)
    assert len(names) > 10
    for path in (SINGLE_IMAGE, CEPHALOMETRIC):
        for name in names:
            target = tmp_path / name
            for form in ('{}', "' + str({}) + '"):
                code = f"__import__('os').mkdir({str(target)!r})"
                with monkeypatch.context() as patch:
                    patch.setenv(name, form.format(code))
                    try:
                        Config.fromfile(str(path))
                    except UsageError as error:
                        assert name in str(error)
            assert not target.exists()


@pytest.mark.parametrize('text', ["it's/data", 'C:\\new\\table', 'a"b', '{x}'])
def test_path_with_any_character_is_taken_as_it_is(text, monkeypatch):
    monkeypatch.setenv('CAPE_DATA_ROOT', text)
    assert Config.fromfile(str(SINGLE_IMAGE)).data_root == text


@pytest.mark.parametrize('text', ['', '  '])
def test_empty_variable_counts_as_not_set(text, monkeypatch):
    expected = Config.fromfile(str(SINGLE_IMAGE)).max_epochs
    for name in _variables(False) + _variables(True):
        monkeypatch.setenv(name, text)
    cfg = Config.fromfile(str(SINGLE_IMAGE))
    assert cfg.max_epochs == expected
    assert cfg.data_root == 'data/creatures'


@pytest.mark.parametrize(
    'text', ['many', '0', '-1', '1.5', '1e3', '٣', '9' * 99]
)
def test_wrong_number_is_one_sentence(text, monkeypatch):
    monkeypatch.setenv('CAPE_EPOCHS', text)
    args = Namespace(config=str(SINGLE_IMAGE), cfg_options=None)
    with pytest.raises(UsageError, match='CAPE_EPOCHS=.*whole number'):
        read_config(args)


@pytest.mark.parametrize('text', ['../../evil', 'a b', 'x.py'])
def test_name_of_a_config_cannot_lead_elsewhere(text, monkeypatch):
    monkeypatch.setenv('CEPH_SCHEMA', text)
    with pytest.raises(UsageError, match='CEPH_SCHEMA=.*must be a name'):
        Config.fromfile(str(CEPHALOMETRIC))


def test_types_are_those_of_the_defaults(monkeypatch):
    monkeypatch.setenv('A_NUMBER', ' 12 ')
    assert env('A_NUMBER', 3) == 12
    assert env('A_NUMBER', '3') == ' 12 '
    assert env('NOT_THERE', 3) == 3
    assert env('NOT_THERE', True) is True


@pytest.mark.parametrize(
    'text, expected',
    [('1', True), ('Yes', True), ('0', False), ('false', False)],
)
def test_yes_and_no_have_several_words(text, expected, monkeypatch):
    monkeypatch.setenv('A_SWITCH', text)
    assert env('A_SWITCH', not expected) is expected


def test_neither_yes_nor_no_is_one_sentence(monkeypatch):
    monkeypatch.setenv('A_SWITCH', 'maybe')
    with pytest.raises(UsageError, match="A_SWITCH='maybe'.*1 or 0"):
        env('A_SWITCH', False)
