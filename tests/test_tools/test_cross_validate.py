# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

import pytest

from cape_mm.cli.training_tables import run_tool
from cape_mm.errors import UsageError

TOOL = 'analysis_tools/cross_validate.py'
CONFIG = 'configs/some-split{split}.py'


class FakeRunner:
    """Writes what the tools would write; notes what was run."""

    def __init__(self):
        self.commands = []
        self.fails_at = None
        self.partial = set()

    def __call__(self, command, output):
        self.commands.append(list(map(str, command)))
        if len(self.commands) == self.fails_at:
            raise UsageError('a tool failed')
        work_dir = Path(command[command.index('--work-dir') + 1])
        work_dir.mkdir(parents=True, exist_ok=True)
        if 'train' in command[1]:
            for epoch in (5, 40, 10):
                (work_dir / f'best_PCK_epoch_{epoch}.pth').touch()
            return
        split = int(work_dir.parent.name[-1])
        metrics = {
            'PCK': 0.8 + 0.02 * split,
            'PCK@0.05': 0.1 * split,
            'PCK_low': 0.7,
            'pair_list': dict(
                sha256=f'hash{split}', partial=split in self.partial
            ),
        }
        if split == 1:
            metrics['only_here'] = 1.0
        out = Path(command[command.index('--out') + 1])
        out.write_text(json.dumps(metrics))

    def tools(self):
        return [Path(command[1]).stem for command in self.commands]


@pytest.fixture
def runner():
    return FakeRunner()


@pytest.fixture
def call(runner, monkeypatch, call_tool, tmp_path):
    monkeypatch.setattr('cape_mm.cli.training_tables.run_tool', runner)

    def call(*args, config=CONFIG):
        call_tool(TOOL, config, '--work-dir', tmp_path, *args)
        name = 'summary_5shot.json' if '--shots' in args else 'summary.json'
        return json.loads((tmp_path / name).read_text())

    return call


def test_every_split_is_trained_and_its_best_checkpoint_tested(
    call, runner, tmp_path
):
    call('--splits', 2, 4)
    assert runner.tools() == ['train', 'test'] * 2
    train, test = runner.commands[:2]
    assert train[2] == test[2] == 'configs/some-split2.py'
    assert '--resume' in train
    assert test[3] == str(tmp_path / 'split2' / 'best_PCK_epoch_40.pth')


def test_mean_and_spread_are_those_of_the_sample(call, capsys, tmp_path):
    summary = call()
    values = [0.8 + 0.02 * split for split in range(1, 6)]
    assert list(summary['mean']) == ['PCK', 'PCK@0.05']
    assert summary['mean']['PCK'] == pytest.approx(statistics.mean(values))
    assert summary['std']['PCK'] == pytest.approx(statistics.stdev(values))
    assert summary['pair_lists']['3'] == 'hash3'
    table = (tmp_path / 'summary.md').read_text()
    assert '| 5 | 0.9000 | 0.5000 |' in table
    assert '| mean | 0.8600 | 0.3000 |' in table
    assert '| std | 0.0316 | 0.1581 |' in table
    assert table in capsys.readouterr().out


def test_finished_splits_are_not_run_again(call, runner):
    call('--splits', 1, 2)
    done = len(runner.commands)
    call('--splits', 1, 2)
    assert len(runner.commands) == done
    summary = call('--splits', 1, 2, 3)
    assert runner.tools()[done:] == ['train', 'test']
    assert list(summary['splits']) == ['1', '2', '3']


def test_interrupted_run_goes_on_where_it_stopped(call, runner):
    runner.fails_at = 4  # the test of the second split
    with pytest.raises(SystemExit, match='a tool failed'):
        call('--splits', 1, 2)
    call('--splits', 1, 2)
    assert runner.tools() == ['train', 'test', 'train', 'test', 'test']


def test_unfinished_test_does_not_look_finished(call, runner, tmp_path):
    call('--splits', 1)
    (tmp_path / 'split1' / 'metrics.json').rename(
        tmp_path / 'split1' / 'metrics.part.json'
    )
    call('--splits', 1)
    assert runner.tools() == ['train', 'test', 'test']


def test_another_number_of_shots_needs_no_training(call, runner, tmp_path):
    call('--splits', 1)
    call('--splits', 1, '--shots', 5)
    assert runner.tools() == ['train', 'test', 'test']
    assert runner.commands[-1][-1] == 'test_dataloader.dataset.num_shots=5'
    assert (tmp_path / 'split1' / 'metrics_5shot.json').exists()


def test_given_checkpoints_are_tested_only(call, runner):
    call('--splits', 3, '--checkpoints', 'zoo/best_{split}.pth')
    assert runner.tools() == ['test']
    assert runner.commands[0][3] == 'zoo/best_3.pth'


def test_options_reach_both_tools(call, runner):
    call('--splits', 1, '--cfg-options', 'a.b=1', 'c=2')
    for command in runner.commands:
        at = command.index('--cfg-options')
        assert command[at + 1 : at + 3] == ['a.b=1', 'c=2']


def test_several_gpus_use_the_distributed_scripts(call, runner):
    call('--splits', 1, '--gpus', 4)
    train, test = runner.commands
    assert train[0] == 'bash' and train[1].endswith('dist_train.sh')
    assert train[2:4] == ['configs/some-split1.py', '4']
    assert test[2].endswith('split1.py') and test[4] == '4'


def test_partial_results_are_marked(call, runner, capsys):
    runner.partial = {2}
    summary = call('--splits', 1, 2)
    assert summary['partial'] == [2]
    out = capsys.readouterr().out
    assert '| 2* |' in out and 'not comparable' in out


def test_one_split_has_no_spread(call):
    assert 'std' not in call('--splits', 1)


def test_chosen_metrics(call):
    assert list(call('--metrics', 'PCK')['mean']) == ['PCK']


def test_template_needs_a_place_for_the_split(call, capsys):
    with pytest.raises(SystemExit):
        call(config='configs/one.py')
    assert 'no {split}' in capsys.readouterr().err


def test_real_commands_are_run(tmp_path):
    usage = run_tool(
        [sys.executable, '-c', 'print(7)'], tmp_path / 'a' / 'out.txt'
    )
    assert usage.peak_mb > 1 and usage.seconds > 0
    assert (tmp_path / 'a' / 'out.txt').read_text() == '7\n'
    with pytest.raises(UsageError, match='-c failed'):
        run_tool([sys.executable, '-c', 'raise SystemExit(3)'], tmp_path / 'o')
