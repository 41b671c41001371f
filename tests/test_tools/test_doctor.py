# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from pathlib import Path

import pytest

from cape_mm.datasets.synthetic import write_cephalograms

TOOL = 'analysis_tools/doctor.py'
CONFIG = (
    Path(__file__).resolve().parents[1]
    / 'support'
    / 'sound_cephalometric_config.py'
)


@pytest.fixture(scope='module')
def options(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / 'cephalograms'
    write_cephalograms(root, train=24, val=12, test=8, image_height=64)
    return [
        f'{split}_dataloader.dataset.data_root={root}'
        for split in ('train', 'val', 'test')
    ]


@pytest.fixture
def run(call_tool, capsys, options):
    """Run the tool on the sound config; returns exit status and output."""

    def call(*flags, changes=()):
        status = 0
        try:
            call_tool(
                TOOL, CONFIG, *flags, '--cfg-options', *options, *changes
            )
        except SystemExit as error:
            status = error.code
        return status, capsys.readouterr().out

    return call


WARNS = ['default_hooks.early_stopping.strict=False']
FAILS = ['default_hooks.early_stopping.rule=None']


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


def test_no_finding_is_success(run):
    status, out = run()
    assert (status, '0 error(s), 0 warning(s)' in out) == (0, True)


def test_errors_fail(run):
    status, out = run(changes=FAILS)
    assert status == 1
    assert 'error: rule-missing' in out


def test_warnings_fail_only_with_strict(run):
    status, out = run(changes=WARNS)
    assert (status, 'warning: early-stop-strict' in out) == (0, True)
    assert run('--strict', changes=WARNS)[0] == 1


def test_rules_can_be_left_out(run):
    assert run('--ignore', 'rule-missing', changes=FAILS)[0] == 0
    assert 'no rule nonsense' in run('--ignore', 'nonsense')[0]


def test_the_list_needs_no_config(call_tool, capsys):
    call_tool(TOOL, '--list')
    assert 'error: val-is-train' in capsys.readouterr().out


def test_a_missing_config_is_one_sentence(call_tool):
    with pytest.raises(SystemExit, match='none.py'):
        call_tool(TOOL, 'none.py')
