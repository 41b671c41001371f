# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import pytest
from support.tiny_ceph import write_tiny_ceph

TOOL = 'analysis_tools/calibrate_radii.py'


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return write_tiny_ceph(tmp_path_factory.mktemp('tiny'))


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


def test_radii_go_beside_the_checkpoint(tiny, call_tool, capsys):
    folder = tiny.root / 'annotations'
    call_tool(
        TOOL,
        tiny.checkpoint,
        folder / 'cephalograms_val.json',
        *('--check', folder / 'cephalograms_test.json', '--device', 'cpu'),
    )
    path = tiny.checkpoint.with_suffix('.radii.json')
    content = json.loads(path.read_text())
    assert content['schema'] == 'cephalogram23'
    assert len(content['factors']) == 23
    assert content['num_cephalograms'] == 3
    shown = capsys.readouterr().out
    assert 'from 3 cephalograms' in shown
    assert 'all landmarks' in shown and 'all measurements' in shown


@pytest.mark.parametrize(
    'args, message',
    [
        (['nowhere.json'], 'nowhere.json'),
        (['{val}', '--coverage', '1'], 'from 0.5 to below 1'),
        (['{val}', '--images', 'nowhere'], 'missing'),
    ],
)
def test_wrong_arguments_end_with_one_sentence(args, message, tiny, call_tool):
    val = tiny.root / 'annotations' / 'cephalograms_val.json'
    with pytest.raises(SystemExit) as error:
        call_tool(TOOL, tiny.checkpoint, *(a.format(val=val) for a in args))
    assert message in error.value.code
