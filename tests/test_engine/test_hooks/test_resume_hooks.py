# Copyright (c) cape_mm contributors. All rights reserved.
"""What a resumed run must not forget or change."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from cape_mm.engine.hooks import ResumeCheckHook

DATA = dict(categories=[3], num_instances=6)


@pytest.fixture
def warnings_of(caplog):
    def check(checkpoint, resume=True, cfg='', **metainfo):
        caplog.clear()
        dataset = SimpleNamespace(metainfo=metainfo)
        runner = SimpleNamespace(
            _resume=resume,
            cfg=SimpleNamespace(pretty_text=cfg),
            logger=logging.getLogger('test'),
            train_dataloader=SimpleNamespace(dataset=dataset),
        )
        ResumeCheckHook().after_load_checkpoint(runner, checkpoint)
        return '\n'.join(caplog.messages)

    return check


def of(drawn_from):
    meta = dict(dataset_meta=dict(dataset_name='a', drawn_from=drawn_from))
    return dict(meta=meta, optimizer={})


def test_what_differs_is_named(warnings_of):
    now = dict(categories=[5], num_instances=6, annotation_id=8)
    text = warnings_of(of(DATA), drawn_from=now)
    assert 'trained on other data: categories [3] there, [5] here;' in text
    assert 'annotation_id none there, 8 here.' in text
    assert 'num_instances' not in text


def test_each_config_is_read_once(warnings_of, monkeypatch):
    read = []
    monkeypatch.setattr(
        'cape_mm.engine.hooks.resume_hooks.read_literals',
        lambda text: read.append(text) or {},
    )
    warnings_of(dict(meta=dict(cfg='a = 1')), cfg='a = 2')
    assert read == ['a = 1', 'a = 2']


CONFIG = """
model = dict(type='A', head=dict(depth=3), init_cfg=dict(checkpoint='a'))
train_dataloader = dict(batch_size=16, num_workers=2, dataset=dict(
    type='B', ann_file='a.json', pipeline=[dict(type='C'), dict(p=0.5)]))
optim_wrapper = dict(optimizer=dict(lr=0.1))
param_scheduler = [dict(type='LinearLR', end=500), dict(type='MultiStepLR')]
train_cfg = dict(max_epochs=10)
randomness = dict(seed=0)
work_dir = 'a'
"""


@pytest.mark.parametrize(
    'old, new, expected',
    [
        ('', '', None),
        ("work_dir = 'a'", "work_dir = 'b'", None),
        ('num_workers=2', 'num_workers=0', None),
        ("checkpoint='a'", "checkpoint='b'", None),
        ('depth=3', 'depth=4', 'model.head.depth 3 there, 4 here'),
        (
            'a.json',
            'b.json',
            "train_dataloader.dataset.ann_file 'a.json' there, 'b.json' here",
        ),
        ('size=16', 'size=8', 'train_dataloader.batch_size 16 there, 8 here'),
        ('p=0.5', 'p=1', 'train_dataloader.dataset.pipeline.1.p 0.5 there'),
        ('lr=0.1', 'lr=0.2', 'optim_wrapper.optimizer.lr 0.1 there, 0.2'),
        (", dict(type='MultiStepLR')", '', "param_scheduler [{'type': "),
        ('max_epochs=10', 'max_epochs=20', 'train_cfg.max_epochs 10 there'),
        ('seed=0', 'seed=1', 'randomness.seed 0 there, 1 here'),
        (
            "ann_file='a.json', ",
            '',
            "train_dataloader.dataset.ann_file 'a.json' there, none here",
        ),
    ],
)
def test_settings_that_differ_are_named(warnings_of, old, new, expected):
    assert old in CONFIG
    checkpoint = dict(meta=dict(cfg=CONFIG), optimizer={})
    text = warnings_of(checkpoint, cfg=CONFIG.replace(old, new))
    if expected is None:
        assert not text
    else:
        assert f'trained with another config: {expected}' in text


def test_stored_config_is_not_executed(warnings_of, tmp_path):
    file = tmp_path / 'executed'
    text = f'model = dict(a=open({str(file)!r}, "w"))'
    checkpoint = dict(meta=dict(cfg=text), optimizer={})
    assert not warnings_of(checkpoint, cfg=CONFIG)
    assert not file.exists()


def test_many_differences_are_counted(warnings_of):
    checkpoint = dict(meta=dict(cfg='model = dict()'), optimizer={})
    now = ', '.join(f'a{index}={index}' for index in range(11))
    text = warnings_of(checkpoint, cfg=f'model = dict({now})')
    assert 'model.a7 none there, 7 here; and 3 more. Its epochs' in text
    assert len(text) < 700


def test_many_categories_are_counted(warnings_of):
    now = dict(DATA, categories=list(range(70)))
    assert '9, ... 70 in all] here' in warnings_of(of(DATA), drawn_from=now)


@pytest.mark.parametrize(
    'checkpoint',
    [
        of(DATA),
        dict(meta=dict(dataset_meta=dict(dataset_name='a')), optimizer={}),
        dict(meta=dict(dataset_meta=None), optimizer={}),
        dict(optimizer={}),
    ],
    ids=['same', 'older', 'no dataset', 'foreign'],
)
def test_nothing_is_guessed(warnings_of, checkpoint):
    assert not warnings_of(checkpoint, drawn_from=DATA)
    assert not warnings_of(checkpoint)


def test_fine_tuning_is_not_warned_about(warnings_of):
    other = dict(DATA, categories=[5])
    assert not warnings_of(dict(of(DATA)), resume=False, drawn_from=other)
    assert not warnings_of({}, resume=False)


def test_best_file_is_no_point_to_resume_from(toy_runner, tmp_path):
    toy_runner(tmp_path, **{'train_cfg.max_epochs': 2}).train()
    for name, warns in (('best_PCK_epoch_2', True), ('epoch_2', False)):
        folder = tmp_path / name
        toy_runner(
            folder, load_from=f'{tmp_path}/{name}.pth', resume=True
        ).train()
        (file,) = folder.glob('*/*.log')
        assert ('no state of the optimizer' in file.read_text()) is warns


def test_resume_with_another_category_is_warned_about(
    tiny_cape_runner, tmp_path
):
    dataset = 'train_dataloader.dataset'
    options = {
        f'{dataset}.type': 'cape_mm.SingleCategoryEpisodeDataset',
        f'{dataset}.num_episodes': 2,
        'train_cfg.max_epochs': 1,
        'val_cfg': None,
        'val_dataloader': None,
        'val_evaluator': None,
    }
    key = f'{dataset}.category_id'
    tiny_cape_runner(tmp_path, **options, **{key: '1'}).train()
    for category, warns in (('1', False), ('2', True)):
        runner = tiny_cape_runner(
            tmp_path, **options, **{key: category, 'resume': True}
        )
        runner.train()
        (file,) = (tmp_path / runner.timestamp).glob('*.log')
        log = file.read_text()
        assert 'resumed epoch: 1' in log
        assert ('categories [1] there, [2] here' in log) is warns
        assert ('on other data' in log) is warns
        assert (f"{key} '1' there, '2' here" in log) is warns


@pytest.fixture
def train(toy_runner, tmp_path, monkeypatch, capsys):
    def run(pcks, max_epochs, resume, kind='cape_mm.Resumable', **hook):
        monkeypatch.setattr('support.toy_project.PCK_OF_EPOCH', pcks)
        hook = dict(
            dict(
                type=f'{kind}EarlyStoppingHook',
                monitor='PCK',
                rule='greater',
                min_delta=0.001,
                patience=3,
                strict=True,
            ),
            **hook,
        )
        runner = toy_runner(
            tmp_path,
            **{
                'custom_hooks': [hook],
                'train_cfg.max_epochs': max_epochs,
                'resume': resume,
            },
        )
        capsys.readouterr()
        runner.train()
        captured = capsys.readouterr()
        runner.log = captured.out + captured.err
        return runner

    return run


BEST_FIRST = (0.9, *[0.8] * 11)


def test_patience_is_counted_over_a_resume(train):
    train(BEST_FIRST, 3, False)
    assert train(BEST_FIRST, 9, True).epoch == 4


def test_the_plain_hook_begins_anew(train):
    train(BEST_FIRST, 3, False, kind='')
    # epoch 3 is the new best one, and waiting takes 3 more
    assert train(BEST_FIRST, 9, True, kind='').epoch == 6


def test_without_a_resume_both_are_the_same(train):
    assert train(BEST_FIRST, 9, False).epoch == 4


def test_a_decision_before_the_resume_is_kept_and_named(train):
    train(BEST_FIRST, 5, False, patience=9)
    runner = train(BEST_FIRST, 9, True, patience=2)
    assert runner.epoch == 5
    assert 'already decided at validation 3' in runner.log
