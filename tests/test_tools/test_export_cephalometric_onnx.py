# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
from support.tiny_ceph import write_tiny_ceph

from cape_mm.cli import demos

TOOL = 'deployment/export_cephalometric_onnx.py'


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return write_tiny_ceph(tmp_path_factory.mktemp('tiny'))


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


def test_writes_and_compares(tiny, call_tool, tmp_path, capsys):
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    out = tmp_path / 'new' / 'model.onnx'
    call_tool(
        *(
            TOOL,
            tiny.checkpoint,
            out,
            '--cephalograms',
            *tiny.cephalograms[:2],
        ),
        # random weights: rounding may choose another maximum
        *('--tolerance', 1000),
    )
    assert 'on 2 cephalogram(s)' in capsys.readouterr().out
    assert out.stat().st_size > 1000


def test_too_large_a_difference_is_an_error(
    tiny, call_tool, tmp_path, monkeypatch
):
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    found = dict(heatmaps=0.1, scores=0.1, landmarks_px=9.0)
    monkeypatch.setattr(demos, 'compare_onnx', lambda *_: found)
    with pytest.raises(SystemExit, match='more than 0.05'):
        call_tool(TOOL, tiny.checkpoint, tmp_path / 'model.onnx')


@pytest.mark.parametrize(
    'args, message',
    [
        (['nowhere.pth', 'model.onnx'], 'nowhere.pth'),
        (['{checkpoint}', 'model.pt'], 'must end in .onnx'),
    ],
)
def test_wrong_arguments_end_with_one_sentence(
    args, message, tiny, call_tool, capsys
):
    with pytest.raises(SystemExit) as error:
        call_tool(
            TOOL, *(arg.format(checkpoint=tiny.checkpoint) for arg in args)
        )
    text = error.value.code
    if not isinstance(text, str):
        text = capsys.readouterr().err
    assert message in text
