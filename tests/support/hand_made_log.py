# Copyright (c) cape_mm contributors. All rights reserved.
"""Logs of pose tracking with known faults."""

from __future__ import annotations

import json

NUM_LINES = 30


def healthy_line(number):
    """Line ``number`` of 30 of a training as it should be."""
    progress = number / (NUM_LINES - 1)
    base = -1.5 - 2.5 * progress
    return {
        'lr': 1e-4,
        'loss': 5.0 - 25 * progress,
        'enc_loss_cls': 0.4 - 0.3 * progress,
        'enc_loss_kpt': -2.0 - 2.5 * progress,
        'd0.loss_cls': 0.5 - 0.3 * progress,
        'd0.loss_kpt': base + 0.3,
        'd1.loss_cls': 0.5 - 0.35 * progress,
        'd1.loss_kpt': base + 0.1,
        'loss_cls': 0.5 - 0.4 * progress,
        'loss_kpt': base,
        'd0.loss_kpt_refine': base - 0.1,
        'd1.loss_kpt_refine': base - 0.2,
        'trk_kpt_l1': 0.06 - 0.045 * progress,
        'det_kpt_l1': 0.05 - 0.04 * progress,
        'n_trk': 2.0,
        'n_trk_pos': 1.7,
        'n_det_pos': 1.2,
        'trk_id_con': 0.8 + 0.15 * progress,
        'trk_cls_val': 0.2,
        'det_cls_val': 0.1,
        'grad_norm': 60.0 - 30 * progress,
        'memory': 14473,
        'data_time': 0.02,
        'time': 0.4,
    }


def make_lines(change=None, since=0, until=NUM_LINES):
    """Lines of which those from ``since`` on are changed.

    Args:
        change (dict): New values, None for a key that is missing.
        since (int): First changed line.
        until (int): First line that is as it was.
    """
    lines = []
    for number in range(NUM_LINES):
        values = healthy_line(number)
        if since <= number < until:
            values.update(change or {})
        lines.append({k: v for k, v in values.items() if v is not None})
    return lines


def write_scalars(path, lines, epoch=1, interval=50, before=0):
    """Write them as MMEngine's LocalVisBackend does, with a validation.

    Args:
        path (Path): File to write.
        lines (list): Lines, as from :func:`make_lines`.
        epoch (int): Epoch of all lines.
        interval (int): Iterations from line to line.
        before (int): Iterations that were before a run was resumed.
    """
    rows = []
    for number, values in enumerate(lines, start=1):
        step = before + number * interval
        rows.append(dict(values, epoch=epoch, iter=step, step=step))
    rows.append(dict(AP=0.5, MOTA=0.3, step=epoch))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(map(json.dumps, rows)) + '\n')
    return path
