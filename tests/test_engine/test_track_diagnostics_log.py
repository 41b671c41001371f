# Copyright (c) cape_mm contributors. All rights reserved.
"""How the log averages diagnostics that some iterations leave out."""

from __future__ import annotations

import json

import pytest
import torch
from support.toy_project import ToyPoseModel

# What four iterations of the first epoch know.
KNOWN = (
    dict(n_trk=0.0, n_trk_pos=0.0, n_det_pos=3.0, det_kpt_l1=0.04),
    dict(n_trk=2.0, n_trk_pos=1.0, n_det_pos=2.0, det_kpt_l1=0.02),
    dict(n_trk=4.0, n_trk_pos=3.0, n_det_pos=0.0),
    dict(n_trk=2.0, n_trk_pos=2.0, n_det_pos=1.0, det_kpt_l1=0.03),
)
TRACKED = (
    {},
    dict(trk_kpt_l1=0.1, trk_id_con=0.5, trk_cls_val=0.2, det_cls_val=0.1),
    dict(trk_kpt_l1=0.2, trk_id_con=1.0, trk_cls_val=0.4, det_cls_val=0.3),
    {},
)


@pytest.fixture
def first_line(toy_runner, tmp_path, monkeypatch):
    """Scalars of one epoch of four iterations with those diagnostics."""
    plain = ToyPoseModel.forward
    iterations = iter(zip(KNOWN, TRACKED))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        results = plain(self, inputs, data_samples, mode)
        if mode == 'loss':
            known, tracked = next(iterations)
            for key, value in {**known, **tracked}.items():
                results[key] = torch.tensor(value)
        return results

    monkeypatch.setattr(ToyPoseModel, 'forward', forward)
    options = {
        'train_cfg.max_epochs': 1,
        'default_hooks.logger.interval': 4,
    }
    toy_runner(tmp_path, **options).train()
    file = next(tmp_path.glob('*/vis_data/scalars.json'))
    return json.loads(file.read_text().splitlines()[0])


def test_diagnostics_are_averages_over_iterations_that_have_them(first_line):
    expected = dict(
        n_trk=2.0,
        n_trk_pos=1.5,
        n_det_pos=1.5,
        det_kpt_l1=0.03,
        trk_kpt_l1=0.15,
        trk_id_con=0.75,
        trk_cls_val=0.3,
        det_cls_val=0.2,
    )
    logged = {key: first_line[key] for key in expected}
    assert logged == pytest.approx(expected)


def test_diagnostics_are_not_part_of_the_loss(first_line):
    assert first_line['loss'] == pytest.approx(first_line['loss_toy'])
