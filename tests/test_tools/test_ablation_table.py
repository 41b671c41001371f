# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml

from cape_mm.cli.training_tables import Usage
from cape_mm.errors import UsageError

TOOL = 'analysis_tools/ablation_table.py'
SCORES = {'base': 0.9, 'without': 0.6}


class FakeRunner:
    """Writes what the tools would write; notes what was run."""

    def __init__(self):
        self.commands = []
        self.fails = False
        self.budgets = {}

    def __call__(self, command, output):
        self.commands.append(list(map(str, command)))
        if self.fails:
            raise UsageError('a tool failed')
        work_dir = Path(command[command.index('--work-dir') + 1])
        work_dir.mkdir(parents=True, exist_ok=True)
        if 'train' in command[1]:
            (work_dir / 'best_PCK_epoch_3.pth').touch()
            last = work_dir / 'epoch_3.pth'
            iterations = self.budgets.get(Path(command[2]).stem, 30)
            torch.save(dict(meta=dict(iter=iterations)), last)
            (work_dir / 'last_checkpoint').write_text(str(last))
            return Usage()
        seed = int(self.option('randomness.seed'))
        score = SCORES[Path(command[2]).stem] + 0.02 * seed
        metrics = {'PCK': score, 'PCK@0.05': score / 2, 'ar_tf_gap': 0.01}
        out = Path(command[command.index('--out') + 1])
        out.write_text(json.dumps(metrics))
        return Usage()

    def option(self, name):
        (found,) = [
            word.split('=')[1]
            for word in self.commands[-1]
            if word.startswith(f'{name}=')
        ]
        return found


@pytest.fixture
def runner():
    return FakeRunner()


@pytest.fixture
def call(runner, monkeypatch, call_tool, tmp_path):
    monkeypatch.setattr('cape_mm.cli.training_tables.run_tool', runner)

    def call(*args):
        call_tool(TOOL, 'base.py', 'without.py', *args, '--work-dir', tmp_path)

    return call


def test_mean_spread_and_difference(call, tmp_path):
    table = tmp_path / 'table.md'
    call('--seeds', '0', '1', '2', '--out', str(table))
    rows = [line.split(' | ') for line in table.read_text().splitlines()[2:4]]
    assert rows[0][:4] == ['| base', '3', '92.00 ± 2.00', '+0.00']
    assert rows[1][:4] == ['| without', '3', '62.00 ± 2.00', '-30.00']
    assert rows[1][4:6] == ['31.00 ± 1.00', '-15.00']


def test_budget_and_seed_are_alike_in_training_and_test(call, runner):
    call('--seeds', '5', '--cfg-options', 'lr=1')
    assert len(runner.commands) == 4
    for command in runner.commands:
        assert command[-3:] == ['--cfg-options', 'randomness.seed=5', 'lr=1']


def test_what_is_finished_is_not_run_again(call, runner):
    call('--seeds', '0')
    before = len(runner.commands)
    call('--seeds', '0', '1')
    assert len(runner.commands) == 2 * before
    assert runner.option('randomness.seed') == '1'


def test_a_failed_run_leaves_no_row(call, runner, tmp_path):
    runner.fails = True
    with pytest.raises(SystemExit, match='a tool failed'):
        call('--seeds', '0')
    assert not list(tmp_path.rglob('row.json'))


def test_several_numbers_of_shots_are_tested_with_the_same_checkpoint(
    call, runner, tmp_path
):
    table = tmp_path / 'table.md'
    call('--seeds', '0', '--shots', '1', '5', '--out', table)
    tests = [c for c in runner.commands if 'test' in c[1]]
    options = [c[-1] for c in tests]
    one, five = (f'test_dataloader.dataset.num_shots={n}' for n in (1, 5))
    assert options == [one, five, one, five]
    header = table.read_text().splitlines()[0]
    assert '1-shot PCK@0.05, %' in header and '5-shot PCK, %' in header


def test_runs_of_different_budgets_are_not_compared(call, runner):
    runner.budgets['without'] = 20
    with pytest.raises(SystemExit, match=r'\[20, 30\] iterations'):
        call('--seeds', '0')


def test_finished_runs_are_tabulated_without_training(call, runner, capsys):
    with pytest.raises(SystemExit, match='no run in .* has got that far'):
        call('--seeds', '0', '--finished')
    call('--seeds', '0')
    before = len(runner.commands)
    call('--seeds', '0', '1', '--finished')
    assert len(runner.commands) == before
    assert '30 iterations' in capsys.readouterr().out


def test_validations_of_unfinished_runs_are_compared_at_one_epoch(
    call, tmp_path, capsys
):
    for name, score in SCORES.items():
        folder = tmp_path / name / 'seed0'
        scalars = folder / '20260101' / 'vis_data' / 'scalars.json'
        scalars.parent.mkdir(parents=True)
        pck = {'PCK': score, 'PCK@0.1': score / 2, 'PCK@0.05': score / 3}
        entries = [
            dict(loss=1.0, epoch=1, iter=50, step=50),
            dict(pck, step=1),
            dict(loss=1.0, epoch=2, iter=100, step=100),
        ]
        scalars.write_text('\n'.join(map(json.dumps, entries)))
        last = folder / 'epoch_2.pth'
        torch.save(dict(meta=dict(iter=100)), last)
        (folder / 'last_checkpoint').write_text(str(last))
        (folder / 'cpu_seconds.txt').write_text('30.0')
    call('--seeds', '0', '1', '--epoch', '1')
    out = capsys.readouterr().out
    assert '| base | 1 | 90.00 | +0.00 | 45.00 | +0.00 |' in out
    assert '| 0.30 |' in out and '50 iterations' in out
    with pytest.raises(SystemExit, match='has got that far'):
        call('--seeds', '0', '--epoch', '2')


def test_a_page_keeps_what_is_around_its_table(call, tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('a\n<!-- table -->\nold\n<!-- end of table -->\nb\n')
    for _ in range(2):
        call('--seeds', '0', '--out', page)
        text = page.read_text()
        assert text.startswith('a\n<!-- table -->\n\n| config | seeds |')
        assert text.endswith('<!-- end of table -->\nb\n')
        assert 'old' not in text and text.count('| base |') == 1


def test_means_are_recorded_in_the_metafile_beside_the_config(
    runner, monkeypatch, call_tool, tmp_path
):
    monkeypatch.setattr('cape_mm.cli.training_tables.run_tool', runner)
    path = tmp_path / 'metafile.yml'
    model = dict(Name='base', Results=[dict(Task='a', Metrics={})])
    path.write_text(yaml.safe_dump(dict(Models=[model])))
    for seeds in (['0'], ['0', '1']):
        call_tool(
            *(TOOL, tmp_path / 'base.py', '--work-dir', tmp_path / 'runs'),
            *('--shots', '1', '5', '--record', 'creatures', '--seeds', *seeds),
        )
    (model,) = yaml.safe_load(path.read_text())['Models']
    task = 'Category-agnostic pose estimation, unseen categories'
    assert model['Results'] == [
        dict(
            Task=f'{task}, {shots}-shot, 30 iterations, mean of 2 seed(s)',
            Dataset='creatures',
            Metrics={'PCK': 0.91, 'PCK@0.05': 0.455},
        )
        for shots in (1, 5)
    ]
