# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging

import pytest

from cape_mm.engine.hooks import EpisodeDebugHook


def log_of(runner):
    (file,) = [
        handler.baseFilename
        for handler in runner.logger.handlers
        if isinstance(handler, logging.FileHandler)
    ]
    with open(file) as log:
        return [line for line in log if ' - DEBUG - [' in line]


def run(build, tmp_path, **options):
    runner = build(
        tmp_path, **{'train_cfg.max_epochs': 1, 'custom_hooks': []}, **options
    )
    runner.train()
    return runner


def test_all_topics_are_logged_for_the_first_batch(tiny_cape_runner, tmp_path):
    runner = run(
        tiny_cape_runner,
        tmp_path,
        **{'default_hooks.debug.topics': 'data,mask,decode,pck'},
    )
    lines = log_of(runner)
    for start in (
        '[train] data: support: 2 of',
        '[train] mask: (0, 0, 0)',
        '[train] decode: 4 rows',
        '[val] data: ',
        '[val] decode: (0, 0, 0) query 0: first keypoints',
        '[val] pck: (0, 0, 1) query 0: longer side',
    ):
        assert any(start in line for line in lines), start
    for start in ('[train] mask: (0, 0, 2)', '[train] pck'):
        assert not any(start in line for line in lines), start
    assert not runner.model.head.proposal._forward_hooks


def test_nothing_is_logged_without_topics(tiny_cape_runner, tmp_path):
    runner = run(tiny_cape_runner, tmp_path)
    assert not log_of(runner)
    (hook,) = [h for h in runner.hooks if isinstance(h, EpisodeDebugHook)]
    assert not hook.topics
    assert min(h.level for h in runner.logger.handlers) == logging.INFO


def test_log_level_debug_means_all_topics(tiny_cape_runner, tmp_path):
    lines = log_of(run(tiny_cape_runner, tmp_path, log_level='DEBUG'))
    for topic in ('data', 'mask', 'decode', 'pck'):
        assert any(f'] {topic}: ' in line for line in lines)


def test_other_data_are_left_alone(toy_runner, tmp_path):
    runner = toy_runner(
        tmp_path, **{'default_hooks.debug.topics': 'data,mask,decode,pck'}
    )
    runner.train()
    assert not log_of(runner)


def test_unknown_topic_is_refused():
    with pytest.raises(ValueError, match="'masks'.*there are data, mask"):
        EpisodeDebugHook(topics='data,masks')
