# Copyright (c) cape_mm contributors. All rights reserved.
"""Fit a cephalometric checkpoint, as ``tools/finetune.py`` does."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from cape_mm.apis import fit_cephalograms, write_cephalogram_fit
from cape_mm.apis.cephalometric_inferencer import NO_CHECKPOINT
from cape_mm.errors import UsageError
from cape_mm.evaluation.metrics.result_tables import format_table


def finetune_cephalograms(args: Namespace) -> None:
    """Fit a model, print how it compares, write it."""
    if args.checkpoint is None:
        raise UsageError(
            f'--family cephalometric needs --checkpoint; {NO_CHECKPOINT}'
        )
    out_dir = Path(args.out_dir)
    path = out_dir / 'finetuned.pth'
    if path.exists():
        raise FileExistsError(
            f'{path} is there already: move it away, or choose another '
            '--out-dir'
        )
    fit = fit_cephalograms(
        args.data,
        args.checkpoint,
        args.image_root,
        args.minutes,
        args.seed,
        args.device,
        args.config,
    )
    rows = [dict(weights=name, **row) for name, row in fit.rows.items()]
    print(
        f'on {fit.num_held_out} held-out cephalogram(s) of '
        f'{fit.num_labelled}, errors in {fit.unit}:\n{format_table(rows)}'
    )
    print(fit.reason)
    write_cephalogram_fit(fit, out_dir)
    print(
        f'{path} is written after {fit.seconds:.0f} CPU-s; predict with: '
        f'python tools/demo/cephalometric_demo.py {path} CEPHALOGRAMS'
    )
