# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
from support.hand_made_log import make_lines, write_scalars

TOOL = 'analysis_tools/analyze_tracking_log.py'
WARNS = dict(memory=23000)
FAILS = dict(trk_id_con=0.2)


@pytest.fixture
def run(call_tool, capsys, tmp_path):
    """Run the tool on a log with changes; returns exit status and output."""

    def call(change, *flags):
        log = write_scalars(
            tmp_path / '20260101_000000' / 'vis_data' / 'scalars.json',
            make_lines(change, 12),
        )
        try:
            call_tool(TOOL, log, *flags)
        except SystemExit as error:
            return error.code, capsys.readouterr().out
        return 0, capsys.readouterr().out

    return call


def test_exit_status(run):
    assert run({})[0] == 0
    assert run(WARNS)[0] == 0
    assert run(WARNS, '--strict')[0] == 1
    assert run(WARNS, '--strict', '--ignore', 'much-memory')[0] == 0
    assert run(FAILS)[0] == 1


def test_report(run):
    _, out = run({**WARNS, **FAILS})
    assert '30 line(s) of training: epoch 1, iteration 50 to epoch' in out
    assert 'error: identities-lost, since epoch 1, iteration 650' in out
    assert '  - trk_id_con is 0.2\n' in out
    assert '  > Check trk_kpt_l1 first' in out
    assert 'warning: much-memory, since epoch 1, iteration 650' in out
    assert '1 error(s), 1 warning(s)' in out
    rows = {line.split()[0]: line for line in out.splitlines() if line}
    assert rows['trk_id_con'].endswith('error')
    assert rows['memory'].endswith('warning')
    assert rows['loss'].endswith('ok')


def test_without_tracks_their_values_are_marked_as_old(run):
    _, out = run(dict(n_trk=0.0, n_trk_pos=0.0))
    rows = {line.split()[0]: line for line in out.splitlines() if line}
    assert rows['n_trk'].endswith('error')
    assert rows['trk_id_con'].endswith('old')
    assert rows['det_kpt_l1'].endswith('ok')


def test_losses_of_all_stages_are_in_the_table(run):
    _, out = run({'d0.loss_nbr_refine': 0.5})
    rows = {line.split()[0]: line for line in out.splitlines() if line}
    assert rows['d0.loss_nbr_refine'].endswith('ok')


def test_rules_are_listed(call_tool, capsys):
    call_tool(TOOL, '--list')
    out = capsys.readouterr().out
    assert 'error: tracks-elsewhere (trk_kpt_l1, n_trk, det_kpt_l1)' in out


def test_a_resumed_training_is_judged_from_its_beginning(
    call_tool, capsys, tmp_path
):
    lines = make_lines()
    # at the end of a training the losses hardly fall
    for line in lines[10:]:
        line.update(loss_cls=0.2, enc_loss_cls=0.2)
    for name, part, before in (('1', lines[:12], 0), ('2', lines[10:], 500)):
        path = tmp_path / name / 'vis_data' / 'scalars.json'
        write_scalars(path, part, before=before)
    call_tool(TOOL, tmp_path, '--strict')
    out = capsys.readouterr().out
    assert f'{tmp_path}\njoined from 2 runs: 1, 2\n30 line(s)' in out
    call_tool(TOOL, tmp_path / '2', '--strict')
    assert 'joined' not in capsys.readouterr().out


def test_what_cannot_be_read_is_named_in_one_sentence(run, call_tool):
    with pytest.raises(SystemExit, match='error: nowhere does not exist'):
        call_tool(TOOL, 'nowhere')
    assert 'there is no rule typo' in run({}, '--ignore', 'typo')[0]
