# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import re
from pathlib import Path

import pytest

from cape_mm.checks import (
    CONFIG_RULES,
    ERROR,
    WARNING,
    Finding,
    examine_config,
    list_rules,
    report_findings,
)
from cape_mm.checks.rule import Rule

HERE = Path(__file__).parent


def names(findings):
    return {finding.rule for finding in findings}


def test_the_sound_config_is_sound(cfg):
    assert examine_config(cfg) == []


def test_nothing_is_printed_or_changed(cfg, capsys):
    before = cfg.pretty_text
    examine_config(cfg)
    assert capsys.readouterr().out == ''
    assert cfg.pretty_text == before


def break_like_the_document(cfg):
    """Every defect that the old stable config had, planted at once."""
    train = cfg.train_dataloader.dataset
    cfg.val_dataloader.dataset.ann_file = train.ann_file
    for split in ('train', 'val', 'test'):
        pipeline = cfg[f'{split}_dataloader'].dataset.pipeline
        del pipeline[1]['padding']
    head = cfg.model.head
    head.input_transform = 'resize_concat'
    head.decoder = dict(
        type='MegviiHeatmap',
        input_size=(128, 160),
        heatmap_size=(64, 80),
        kernel_size=11,
    )
    train.pipeline[4].encoder.update(sigma=4.0, unbiased=False)
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained',
        checkpoint='https://some.where/mmpose/hrnetv2_w18_aflw-f2bbc62b.pth',
    )
    cfg.val_evaluator = [
        dict(type='PCKAccuracy', thr=0.05, norm_item=['bbox', 'torso'])
    ]
    cfg.default_hooks.checkpoint.update(save_best='PCK', rule=None)
    cfg.default_hooks.early_stopping = dict(
        type='EarlyStoppingHook', monitor='PCK', verbose=True, mode='max'
    )
    cfg.custom_hooks = []
    cfg.param_scheduler[0].end = 500
    cfg.param_scheduler[1].T_max = 60


def test_every_defect_of_the_document_is_listed(cfg):
    break_like_the_document(cfg)
    assert names(examine_config(cfg)) == {
        *('model-builds', 'head-arguments', 'backbone-prefix'),
        *('encoder-decoder', 'val-is-train', 'torso-of-another-schema'),
        *('hook-arguments', 'warmup-length', 'padding-whole-cephalogram'),
        *('sigma-overlap', 'sigma-spread', 'decoding-floor'),
        *('rule-missing', 'early-stop-strict', 'min-delta-scale'),
        *('cosine-period', 'blind-monitor', 'collapse-unwatched'),
    }


def test_errors_come_first(cfg):
    break_like_the_document(cfg)
    severities = [finding.severity for finding in examine_config(cfg)]
    assert severities == sorted(severities)  # 'error' < 'warning'
    assert {ERROR, WARNING} == set(severities)


def test_rules_can_be_left_out(cfg):
    break_like_the_document(cfg)
    kept = examine_config(cfg, ignore=['val-is-train', 'sigma-overlap'])
    assert not {'val-is-train', 'sigma-overlap'} & names(kept)
    with pytest.raises(KeyError, match='no rule nonsense'):
        examine_config(cfg, ignore=['nonsense'])


def test_a_config_without_anything_is_no_crash():
    from mmengine.config import Config

    assert names(examine_config(Config(dict()))) <= set(CONFIG_RULES)


def test_a_rule_that_fails_is_a_finding_of_its_own(cfg, monkeypatch):
    def fail(config):
        raise RuntimeError('strange config')
        yield

    monkeypatch.setitem(
        CONFIG_RULES, 'fails', Rule('fails', ERROR, 'Some advice.', fail)
    )
    (finding,) = examine_config(cfg)
    assert finding.severity == WARNING
    assert 'could not be checked: RuntimeError: strange' in finding.message


@pytest.mark.parametrize('rule', CONFIG_RULES.values(), ids=CONFIG_RULES)
def test_every_rule_has_a_test_and_a_sentence(rule):
    assert re.fullmatch(r'[a-z-]+', rule.name)
    assert rule.severity in (ERROR, WARNING)
    assert rule.advice.endswith('.')
    assert '. ' not in rule.advice.replace('MMPose 1.0.', '')
    tests = ''.join(path.read_text() for path in HERE.glob('*/test_*.py'))
    assert f"ask('{rule.name}'" in tests


def test_the_report_groups_by_rule_and_counts():
    one = Finding('some-rule', ERROR, 'first place', 'Do this.')
    two = Finding('some-rule', ERROR, 'second place', 'Do this.')
    three = Finding('other-rule', WARNING, 'third place', 'Do that.')
    lines = report_findings([one, two, three], CONFIG_RULES).splitlines()
    assert lines[:4] == [
        'error: some-rule',
        '  - first place',
        '  - second place',
        '  > Do this.',
    ]
    assert lines[-1].startswith('2 error(s), 1 warning(s)')


def test_the_list_names_every_rule():
    text = list_rules(CONFIG_RULES)
    assert all(f': {name}\n' in text for name in CONFIG_RULES)
