# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import pytest
from support.tiny_ceph import write_tiny_ceph

TOOL = 'analysis_tools/draw_cephalograms.py'


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return write_tiny_ceph(tmp_path_factory.mktemp('tiny'))


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


def test_the_worst_are_drawn_side_by_side(tiny, call_tool, tmp_path):
    file = tiny.root / 'annotations' / 'cephalograms_val.json'
    widths = []
    for count in (1, 2):
        out = tmp_path / f'{count}.png'
        args = (tiny.checkpoint, file, out, '--count', count)
        call_tool(TOOL, *args, '--device', 'cpu')
        widths.append(cv2.imread(str(out)).shape[1])
    assert widths[1] == 2 * widths[0]


def test_a_missing_file_ends_with_one_sentence(tiny, call_tool, tmp_path):
    with pytest.raises(SystemExit) as error:
        call_tool(TOOL, tiny.checkpoint, 'nowhere.json', tmp_path / 'a.png')
    assert 'nowhere.json' in error.value.code
