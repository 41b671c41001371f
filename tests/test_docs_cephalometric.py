# Copyright (c) cape_mm contributors. All rights reserved.
"""The page of the cephalometric family says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from support.cephalogram_samples import (
    evaluate_cephalograms,
    random_cephalograms,
)
from support.golden_face import POINTS

from cape_mm.checks import CONFIG_RULES as RULES
from cape_mm.evaluation.functional import (
    FORMULAS,
    measure,
    missing_landmarks,
)
from cape_mm.evaluation.functional.cephalometric_formulas import (
    HORIZONTAL,
    distance_along,
    distance_in_front,
    signed_angle,
    turn,
    unsigned_angle,
)
from cape_mm.evaluation.functional.cephalometric_norms import load_norms
from cape_mm.evaluation.metrics import (
    CephalometricMeasurementMetric,
    CephalometricMetric,
)
from cape_mm.registry import HOOKS
from cape_mm.structures import available_schemas, get_schema

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / 'docs' / 'en'
CONFIGS = ROOT / 'configs' / 'cephalometric'
PAGES = [
    FOLDER / 'cephalometric.md',
    CONFIGS / 'README.md',
    FOLDER / 'guards.md',
]
TEXT = PAGES[0].read_text('utf-8')
#: A face with all landmarks that measurements need; made up.
FACE = dict(POINTS, D=(55, 100), U6=(40, 68), L6=(40, 72))


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


def calculate(formula):
    """Value of a formula in the notation of the page."""
    points = {code: np.array(xy, float) for code, xy in FACE.items()}
    forward = points['Or'] - points['Po']

    def arrow(text):
        start, end = text.split('→')
        return points[end] - points[start]

    def take(match):
        name, *words = re.split(r'\(|, |\)', match[0])[:3]
        return repr(
            float(
                {
                    '∠': lambda u, v: unsigned_angle(arrow(u), arrow(v)),
                    '↻': lambda u, v: signed_angle(arrow(u), arrow(v)),
                    'd': lambda p, q: np.hypot(*(points[q] - points[p])),
                    'front': lambda p, line: distance_in_front(
                        points[p], *(points[c] for c in line.split('→'))
                    ),
                    'along': lambda u, _: distance_along(arrow(u), forward),
                    'across': lambda u, _: distance_along(
                        arrow(u), turn(forward, 90)
                    ),
                }[name](*words)
            )
        )

    text = re.sub(r'(∠|↻|\bd|front|along|across)\([^)]*\)', take, formula)
    names = '|'.join(sorted(FORMULAS, key=len, reverse=True))
    text = re.sub(
        rf"(?<![\w'])({names})(?![\w'])",
        lambda match: repr(measured()[match[1]]),
        text,
    )
    assert re.fullmatch(r'[-\d.e+/ ()−]*', text), text
    return eval(text.replace('−', '-'))


def measured():
    codes = sorted({c for f in FORMULAS.values() for c in f.codes})
    schema = get_schema('aariz29')
    codes = [code for code in codes if code != HORIZONTAL]
    # no schema has D and the cusps of molars
    schema = type(schema)(
        'all',
        tuple(type(schema.landmarks[0])(c, c, '') for c in codes),
        '',
        '',
    )
    points = np.array([FACE[code] for code in codes], float)
    found = measure(points, np.ones(len(codes)), schema, (1.0, 1.0))
    return {name: result.value for name, result in found.items()}


MEASUREMENTS = {row[0].strip('`'): row[1:] for row in table('Measurements')}
FORMULA_ROWS = {n: row for n, row in MEASUREMENTS.items() if n in FORMULAS}


def test_all_measurements_are_listed_with_their_units():
    assert list(FORMULA_ROWS) == list(FORMULAS)
    for name, (_, unit, *_) in FORMULA_ROWS.items():
        assert unit == FORMULAS[name].unit, name


@pytest.mark.parametrize('name', FORMULAS)
def test_formulas_are_those_of_the_code(name):
    formula = FORMULA_ROWS[name][0]
    value = measured()[name]
    if name == 'MW':  # golden face: U1 in front
        formula = formula.split(', with the sign')[0]
    if name == 'Wits':
        codes = re.findall(r'\b[UL]\d\b', formula)
        assert codes == ['U6', 'L6', 'U1', 'L1']
        assert formula.startswith('along(B→A')
        return
    assert calculate(formula) == pytest.approx(value, abs=1e-9)


def test_norms_are_those_of_the_file():
    norms = load_norms()
    for name, (_, _, customary, source) in FORMULA_ROWS.items():
        norm = norms.get(name)
        if norm is None:
            assert not customary and not source, name
            continue
        assert source == norm.source
        numbers = [float(n) for n in re.findall(r'-?[\d.]+', customary)]
        if '±' in customary:
            assert numbers == [norm.mean, norm.sd]
        elif ' to ' in customary:
            assert tuple(numbers) == norm.band and norm.mean is None
        else:
            assert numbers == [norm.mean] and norm.band is None


def test_what_schemas_lack():
    rows = {n: row[0] for n, row in MEASUREMENTS.items() if n not in FORMULAS}
    assert set(rows) == set(available_schemas())
    for name, lacks in rows.items():
        missing = missing_landmarks(get_schema(name).codes)
        expected = [m for m, codes in missing.items() if codes]
        if lacks.startswith('everything'):
            assert expected == list(FORMULAS)
        else:
            assert re.findall(r'`([^`]+)`', lacks) == expected


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
    # what nobody planted in that run: files, mirrors and UDP
    assert set(RULES) - rules == {
        *('dataset-builds', 'pipeline-runs', 'metric-works', 'udp-pairing'),
        *('flip-test-untrained', 'random-validation'),
    }


def test_columns_are_those_of_the_configs():
    title = 'The two columns of the training document'
    rows = {row[0]: row[1:] for row in table(title, '')}
    for column, name in enumerate(('original', 'stable')):
        path = CONFIGS / f'hrnetv2_w18_cephalometric_{name}.py'
        cfg = Config.fromfile(str(path))
        optimizer = cfg.optim_wrapper.optimizer
        warmup, cosine = cfg.param_scheduler
        told = {key: values[column] for key, values in rows.items()}
        assert float(told['learning rate']) == optimizer.lr
        assert int(told['batch size']) == cfg.train_dataloader.batch_size
        sigma = told['sigma, in cells of the heatmap']
        assert float(sigma) == cfg.codec.sigma
        assert int(told['epochs']) == cfg.train_cfg.max_epochs
        assert float(told['weight decay']) == optimizer.weight_decay
        every = told['validation every']
        assert every == f'{cfg.train_cfg.val_interval} epochs'
        assert told['optimiser'] == optimizer.type
        assert told['warm-up'] == (
            f'{warmup.end} iterations from {warmup.start_factor:g}'
        )
        assert float(told['cosine down to']) == cosine.eta_min


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.stem)
def test_commands_files_and_options_exist(page):
    text = page.read_text('utf-8')
    for path in re.findall(r'(?:tools|configs|cape_mm)/[\w./-]+\.py', text):
        assert (ROOT / path).is_file(), path
    for block in re.findall(r'```bash\n(.*?)```', text, flags=re.DOTALL):
        for line in block.replace('\\\n', ' ').splitlines():
            script = re.search(r'python (\S+)', line)
            if script is None:
                continue
            source = (ROOT / script[1]).read_text()
            for option in re.findall(r'(?<![\w-])--[a-z-]+', line):
                # all tools with a runner share this one
                if option != '--cfg-options':
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
