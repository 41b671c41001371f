# Copyright (c) cape_mm contributors. All rights reserved.
"""Calibrate the radii of landmarks, as ``tools/analysis_tools`` does."""

from __future__ import annotations

from argparse import Namespace

from cape_mm.apis import (
    CephalometricInferencer,
    calibrate_radii,
    calibration_path,
    radius_coverage,
)
from cape_mm.errors import UsageError
from cape_mm.evaluation.metrics.result_tables import format_table


def calibrate(args: Namespace) -> None:
    """Write the radii of a checkpoint beside it, and check their coverage."""
    if not 0.5 <= args.coverage < 1:
        raise UsageError(
            f'--coverage is {args.coverage:g}, must be from 0.5 to below 1'
        )
    inferencer = CephalometricInferencer(
        args.checkpoint, args.config, args.device
    )
    calibration = calibrate_radii(
        inferencer, args.ann_file, args.images, args.coverage
    )
    path = calibration_path(args.checkpoint)
    calibration.write(path)
    print(
        f'{path}: radii for {args.coverage:.0%} of the landmarks, from '
        f'{calibration.num_cephalograms} cephalograms of {args.ann_file}'
    )
    if args.check:
        rows = radius_coverage(inferencer, args.check, args.images)
        print(f'Within their radii or margins, {args.check}:')
        print(format_table(rows))
