# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.cli.single_image_table import judge_memory


def scalars(pck, loss=0.01, pck_005=1.0, gap=0.0):
    lines = []
    for epoch, value in enumerate(pck, start=1):
        lines.append(dict(loss=loss, step=20 * epoch))
        lines.append(
            {
                'PCK': value,
                'PCK@0.05': pck_005,
                'NME_ar': 0.001,
                'ar_tf_gap': gap,
                'step': epoch,
            }
        )
    return lines


def test_a_run_that_memorises_passes():
    row = judge_memory(scalars([0.5, 1.0, 1.0]), tested_pck=1.0)
    assert row['passed']
    assert row['first_best_epoch'] == 2


@pytest.mark.parametrize(
    'case',
    [
        dict(scalars=scalars([0.5, 0.9])),
        dict(scalars=scalars([1.0, 0.9, 1.0])),
        dict(scalars=scalars([1.0], loss=0.2)),
        dict(scalars=scalars([1.0], pck_005=0.9)),
        dict(scalars=scalars([1.0], gap=0.2)),
        dict(scalars=scalars([1.0]), tested_pck=0.9),
    ],
    ids=['never', 'drop', 'loss', 'coarse', 'gap', 'test'],
)
def test_a_run_that_misses_one_criterion_fails(case):
    row = judge_memory(**dict(dict(tested_pck=1.0), **case))
    assert not row['passed']


@pytest.mark.slow
def test_the_synthetic_image_is_memorised(start_tool, tmp_path):
    """The promise of the README, trained for real: about a minute."""
    out = start_tool(
        'analysis_tools/single_image_table.py', '--seeds', 0, cwd=tmp_path
    )
    assert '1 of 1 runs meet all criteria' in out
