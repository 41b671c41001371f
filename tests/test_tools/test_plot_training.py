# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import pytest

from cape_mm.cli.training_curves import (
    find_scalars,
    loss_names,
    pick,
    read_curves,
    short_names,
)

TOOL = 'analysis_tools/plot_training.py'


def write_run(folder, pck=(0.5, 0.9), with_gap=True):
    lines = []
    for epoch, value in enumerate(pck, start=1):
        entry = dict(loss=1 / epoch, loss_ce=0.1, step=20 * epoch)
        lines.append(entry)
        entry = {'PCK': value, 'PCK@0.05': value / 2, 'step': epoch}
        if with_gap:
            entry.update(NME_ar=0.2, NME_tf=0.1)
        lines.append(entry)
    file = folder / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text('\n'.join(map(json.dumps, lines)))
    return file


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


def test_newest_run_of_a_working_directory_is_plotted(
    call_tool, tmp_path, capsys
):
    write_run(tmp_path / '20260101_000000', pck=(0.1,))
    write_run(tmp_path / '20260102_000000', pck=(0.3, 0.7, 0.6))
    out = tmp_path / 'new' / 'plot.png'
    call_tool(TOOL, tmp_path, '--out', out)
    assert 'best PCK 0.7000 at 2' in capsys.readouterr().out
    assert cv2.imread(str(out)).shape[1] > 1000


def test_runs_are_compared_and_need_no_gap(call_tool, tmp_path, capsys):
    for name in ('a', 'b'):
        write_run(tmp_path / name, with_gap=name == 'a')
    out = tmp_path / 'plot.png'
    call_tool(TOOL, tmp_path / 'a', tmp_path / 'b', '--out', out)
    printed = capsys.readouterr().out
    assert 'a: best' in printed and 'b: best' in printed
    assert out.exists()


@pytest.mark.parametrize('name', ['run.log', 'vis_data/scalars.json'])
def test_a_file_means_its_run(tmp_path, name):
    file = write_run(tmp_path)
    assert find_scalars(tmp_path / name) == file


def test_folder_without_run_ends_with_one_sentence(call_tool, tmp_path):
    with pytest.raises(SystemExit, match='no vis_data/scalars.json'):
        call_tool(TOOL, tmp_path)


def test_steps_of_a_resumed_run_count_once(tmp_path):
    file = write_run(tmp_path, pck=(0.5, 0.6))
    again = json.dumps(dict(PCK=0.8, step=2))
    file.write_text(f'{file.read_text()}\n{again}')
    curves = read_curves(file)
    assert pick(curves.val, 'PCK') == ([1, 2], [0.5, 0.8])
    assert loss_names(curves.train) == ['loss_ce']


def test_names_are_as_short_as_they_may_be():
    assert short_names(['x/a', 'x/b']) == ['a', 'b']
    assert short_names(['x/a', 'y/a']) == ['x/a', 'y/a']
