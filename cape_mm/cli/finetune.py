# Copyright (c) cape_mm contributors. All rights reserved.
"""Fit a model to some labelled images, as ``tools/finetune.py`` does."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from cape_mm.apis import (
    EpisodeRequest,
    RequestMember,
    fit_category,
    fit_cephalograms,
    write_cephalogram_fit,
    write_fit,
)
from cape_mm.apis.cephalometric_inferencer import NO_CHECKPOINT
from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.annotation_tools import (
    REPAIRS,
    read_annotations,
)
from cape_mm.errors import DataError, UsageError
from cape_mm.evaluation.functional.keypoints import PCK_THRESHOLDS
from cape_mm.evaluation.metrics.result_tables import format_table

from .training_tables import format_markdown


def finetune(args: Namespace) -> None:
    """Fit a model, print how it compares, write it."""
    out_dir = Path(args.out_dir)
    path = out_dir / 'finetuned.pth'
    if path.exists():
        raise FileExistsError(
            f'{path} is there already: move it away, or choose another '
            '--out-dir'
        )
    out_dir.mkdir(parents=True, exist_ok=True)  # before the work
    if args.family == 'cephalometric':
        _fit_cephalograms(args, out_dir, path)
    else:
        _fit_category(args, out_dir, path)


def _fit_category(args: Namespace, out_dir: Path, path: Path) -> None:
    """Fit the default model to one category."""
    request = read_labels(args.data, args.image_root, args.category)
    print(
        f'{len(request.supports)} labelled instances of '
        f'{request.category_name!r}, {len(request.keypoint_names)} keypoints',
        file=sys.stderr,
    )
    fit = fit_category(
        request,
        args.checkpoint,
        args.config,
        args.shots,
        args.minutes,
        args.seed,
        args.device,
    )
    if fit.rows:
        print(
            f'on {fit.num_held_out} held-out instance(s) of '
            f'{len(request.supports)}:\n{_format(fit.rows)}'
        )
    print(fit.reason)
    write_fit(fit, request, out_dir)
    print(
        f'{path}, its config and supports.json are written after '
        f'{fit.seconds:.0f} CPU-s; predict with: python '
        f'tools/demo/cape_demo.py {path} --json {out_dir}/supports.json '
        '--allow-outside '
        '--query IMAGES'
    )


def _fit_cephalograms(args: Namespace, out_dir: Path, path: Path) -> None:
    """Fit a cephalometric checkpoint."""
    if args.checkpoint is None:
        raise UsageError(
            f'--family cephalometric needs --checkpoint; {NO_CHECKPOINT}'
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


def read_labels(
    source: Path, image_root: Path | None = None, category: str | None = None
) -> EpisodeRequest:
    """Read all labelled instances of one category.

    Args:
        source (Path): Annotation file, or folder of any annotation tool.
        image_root (Path, optional): Folder of the images. Defaults to the
            usual places beside the file.
        category (str, optional): Name of the category. Defaults to the only
            one.

    Returns:
        EpisodeRequest: The instances as supports.

    Raises:
        FileNotFoundError: If there is no such source.
        DataError: If it is broken or has several categories.
    """
    report = AnnotationReport(str(source), problems=REPAIRS)
    annotations = read_annotations(
        [source],
        report,
        image_root=image_root,
        category=category,
        decode=True,
    )
    if report:
        print(report, file=sys.stderr)
    pairs = [
        (instance, image)
        for image in annotations.images
        for instance in image.instances
        if (instance.keypoints[:, 2] > 0).any()
    ]
    used = {instance.category_id for instance, _ in pairs}
    if len(used) != 1:
        names = ', '.join(repr(annotations.categories[k].name) for k in used)
        raise DataError(
            f'{source} has {len(used)} categories with labels ({names}): '
            'choose one with --category'
            if used
            else f'{source} has no labelled instance'
        )
    if any(image.read_pixels for _, image in pairs):
        raise DataError(
            f'{source} has frames of videos: write them with '
            'tools/dataset_converters/import_annotations.py first'
        )
    supports = [
        RequestMember(
            str(image.path),
            instance.keypoints.tolist(),
            None if instance.box is None else instance.box.tolist(),
        )
        for instance, image in pairs
    ]
    return EpisodeRequest.from_category(
        annotations.categories[used.pop()], supports
    )


def _format(rows: dict[str, dict[str, float]]) -> str:
    """Table for people."""
    names = {
        'copy': 'copy of the supports',
        'matcher': 'matcher, few-shot',
        'aligned': 'matcher, refined by a fitted head',
        'heatmap': 'ordinary heatmap head',
        'refined heatmap': 'heatmap head, refined by a fitted head',
    }
    body = [
        [names[key], *(f'{v:.1f}' for k, v in row.items() if k != 'error')]
        + [f'{100 * row["error"]:.2f}']
        for key, row in rows.items()
    ]
    return format_markdown(
        [
            *('held-out', *PCK_THRESHOLDS),
            'mean error, % of size',
        ],
        body,
    )
