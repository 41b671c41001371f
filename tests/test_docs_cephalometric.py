# Copyright (c) cape_mm contributors. All rights reserved.
"""The page of the cephalometric family agrees with the code."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from support.cephalogram_samples import (
    evaluate_cephalograms,
    random_cephalograms,
)

from cape_mm.checks import CONFIG_RULES as RULES
from cape_mm.evaluation.metrics import (
    CephalometricMeasurementMetric,
    CephalometricMetric,
)
from cape_mm.registry import HOOKS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / 'docs' / 'en'
CONFIGS = ROOT / 'configs' / 'cephalometric'
PAGES = [
    FOLDER / 'cephalometric.md',
    FOLDER / 'cephalometric_results.md',
    CONFIGS / 'README.md',
    FOLDER / 'guards.md',
]
TEXT = PAGES[0].read_text('utf-8')


def section(title):
    """Text from a heading to the next one of its level."""
    level = re.search(rf'^(#+) {title}$', TEXT, re.MULTILINE)[1]
    body = TEXT.split(f'\n{level} {title}\n')[1]
    return re.split(rf'\n{level} ', body)[0]


def table(title, first='`'):
    """Cells of the rows of a section that begin like this."""
    for line in section(title).splitlines():
        if line.startswith(f'| {first}'):
            yield [cell.strip() for cell in line.strip('|').split(' |')]


def test_tables_are_those_of_the_code():
    generator = runpy.run_path(str(ROOT / 'docs' / 'cephalometric_tables.py'))
    for page in generator['PAGES']:
        text = page.read_text('utf-8')
        assert generator['fill'](text) == text, (
            f'{page} is not up to date: run docs/cephalometric_tables.py'
        )


def test_metric_keys_exist():
    cephalograms = random_cephalograms(6, scores=np.ones(19))
    metric = CephalometricMetric(bootstrap=dict())
    keys = set(evaluate_cephalograms(metric, cephalograms))
    keys |= set(
        evaluate_cephalograms(CephalometricMeasurementMetric(), cephalograms)
    )
    listed = {
        key
        for row in table('Metrics')
        for key in re.findall(r'`([\w.-]+)`', row[0])
    }
    # not of the schema of these cephalograms
    assert listed - keys == {'Wits_error'}
    assert keys - listed == {k for k in keys if k.endswith('_error')} - {
        *('SNA_error', 'angle_error', 'length_error')
    }


def test_checks_of_the_old_run_exist():
    rows = list(table('What the old run got wrong', ''))[1:]
    named = {name for row in rows for name in re.findall(r'`([^`]+)`', row[2])}
    hooks = {name for name in named if name.endswith('Hook')}
    assert all(HOOKS.get(f'cape_mm.{hook}') for hook in hooks)
    rules = {name for name in named if '-' in name}
    assert rules <= set(RULES)
    assert len(rows) > 20 and len(rules) > 40
    assert all('`' in row[2] or 'early stopping' in row[2] for row in rows)
    # what that run did not have: files, mirrors and UDP
    assert set(RULES) - rules == {
        *('dataset-builds', 'pipeline-runs', 'metric-works', 'udp-pairing'),
        *('flip-test-untrained', 'random-validation', 'learning-rate-high'),
    }


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_commands_files_and_options_exist(page):
    text = page.read_text('utf-8')
    shared = (ROOT / 'cape_mm' / 'cli' / 'arguments.py').read_text()
    for path in re.findall(r'(?:tools|configs|cape_mm)/[\w./-]+\.py', text):
        assert (ROOT / path).is_file(), path
    for block in re.findall(r'```bash\n(.*?)```', text, flags=re.DOTALL):
        for line in block.replace('\\\n', ' ').splitlines():
            script = re.search(r'python (\S+)', line)
            if script is None:
                continue
            source = (ROOT / script[1]).read_text() + shared
            for option in re.findall(r'(?<![\w-])--[a-z-]+', line):
                assert f"'{option}'" in source, line


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for link in re.findall(r'\]\(([^)]+)\)', page.read_text('utf-8')):
        if link.startswith('http'):
            continue
        path, _, anchor = link.partition('#')
        target = page if not path else (page.parent / path).resolve()
        assert target.exists(), link
        if anchor:
            titles = re.findall(r'^#+ (.*)$', target.read_text(), re.MULTILINE)
            anchors = {
                re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-')
                for title in titles
            }
            assert anchor in anchors, link
