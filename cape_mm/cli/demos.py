# Copyright (c) cape_mm contributors. All rights reserved.
"""Predict, draw and write, as ``tools/demo`` and ``tools/deployment`` do."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import mmcv
import mmengine

from cape_mm.apis import (
    CephalometricInferencer,
    PoseTrackingInferencer,
    TrackExport,
    compare_onnx,
    describe_cephalogram,
    export_onnx,
    find_images,
    open_video,
    read_cephalogram,
    review_table,
    write_table,
)
from cape_mm.apis.cephalometric_inferencer import NO_CHECKPOINT
from cape_mm.datasets.formats.annotation_tools.image_search import (
    IMAGE_SUFFIXES,
)
from cape_mm.datasets.formats.cephalometric import is_dicom
from cape_mm.datasets.synthetic import draw_cephalogram
from cape_mm.errors import UsageError
from cape_mm.evaluation.functional.cephalometric_norms import (
    available_norms,
    load_norms,
)
from cape_mm.visualization import (
    TrackVisualizer,
    draw_sheet,
)
from cape_mm.visualization.tracked_video_writer import TrackedVideoWriter


def measure_cephalograms(args: Namespace) -> None:
    """Find the landmarks of cephalograms, and measure them."""
    if args.norms not in available_norms():
        raise UsageError(
            f'no norms {args.norms!r}; there are '
            f'{", ".join(available_norms())}'
        )
    if args.checkpoint is None or _is_cephalogram(args.checkpoint):
        raise UsageError(
            f'{NO_CHECKPOINT}; then CHECKPOINT is the first argument'
        )
    norms = load_norms(args.norms)
    paths = find_images(args.cephalograms, with_dicom=True)
    inferencer = CephalometricInferencer(
        args.checkpoint, args.config, args.device, args.min_score, args.radii
    )
    out_dir = Path(args.out_dir)
    entries, tables = [], dict(landmarks=[], measurements=[])
    results = inferencer(paths, args.spacing, args.batch_size)
    for number, (path, result) in enumerate(zip(paths, results)):
        name = f'{number:04d}_{Path(path).stem}.png'
        image = read_cephalogram(path)
        sheet = draw_sheet(image, result, Path(path).name, norms, args.height)
        mmcv.imwrite(mmcv.rgb2bgr(sheet), str(out_dir / name))
        entry = dict(describe_cephalogram(result, norms), visualization=name)
        entries.append(entry)
        for kind, rows in tables.items():
            rows += [dict(image=path, **row) for row in entry[kind]]
    tables['to_check'] = review_table(entries)
    for kind, rows in tables.items():
        write_table(out_dir / f'{kind}.csv', rows)
    content = dict(
        schema=inferencer.schema.name, norms=args.norms, cephalograms=entries
    )
    mmengine.dump(
        content, out_dir / 'predictions.json', indent=2, allow_nan=False
    )
    print(
        f'{len(entries)} sheet(s), landmarks.csv, measurements.csv, '
        f'to_check.csv and predictions.json are in {out_dir}'
    )


def _is_cephalogram(path: str) -> bool:
    """Whether a path is an image, a DICOM file or a folder of them."""
    where = Path(path).expanduser()
    return (
        where.is_dir()
        or where.suffix.lower() in IMAGE_SUFFIXES
        or (where.is_file() and is_dicom(where))
    )


def track_video(args: Namespace) -> None:
    """Track the poses of all persons in a video."""
    source, out_dir = open_video(args.video), Path(args.out_dir)
    inferencer = PoseTrackingInferencer(
        args.checkpoint, args.config, args.device
    )
    visualizer = TrackVisualizer(name='video_pose_demo')
    visualizer.set_dataset_meta(inferencer.dataset_meta)
    export = TrackExport(
        out_dir, inferencer.keypoint_names, args.kpt_score_thr, args.kpt_thr
    )
    # other names than a source in the same folder may have
    video = out_dir / f'{source.video_id}_tracks.{args.format}'
    frames = out_dir / f'{source.video_id}_frames'
    writer = TrackedVideoWriter(
        None if args.no_video else video,
        frames if args.frames else None,
        args.fps or source.fps or 25.0,
    )
    with export, writer:
        pairs = inferencer.predict(source, args.batch_size, progress=True)
        for frame, result in pairs:
            export.add(result)
            image = visualizer.draw_frame(
                frame.image[..., ::-1],
                result,
                args.kpt_thr,
                args.boxes,
                args.kpt_score_thr,
            )
            time = None if args.fps else frame.time
            writer.write(image, f'{frame.number:08d}.jpg', time)
        written = [export.finish()]
    written += [] if args.no_video else [video]
    written += [frames] if args.frames else []
    print(
        f'{export.num_frames} frames with {export.num_tracks} tracks, '
        f'{source.skipped} frames skipped: '
        f'{", ".join(map(str, written))}'
    )


def export_cephalometric_onnx(args: Namespace) -> None:
    """Export the network of a cephalometric model, and compare it."""
    inferencer = CephalometricInferencer(
        args.checkpoint, args.config, device='cpu'
    )
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    export_onnx(inferencer, args.out, args.opset)
    cephalograms = args.cephalograms or [
        draw_cephalogram(seed=0, number=0, split='test').image
    ]
    found = compare_onnx(inferencer, args.out, cephalograms)
    text = (
        f'{args.out}: on {len(cephalograms)} cephalogram(s) heatmaps differ '
        f'by up to {found["heatmaps"]:.2g}, scores by {found["scores"]:.2g}, '
        f'landmarks by {found["landmarks_px"]:.2g} pixels'
    )
    if found['landmarks_px'] > args.tolerance:
        sys.exit(f'{text}: more than {args.tolerance:g}')
    print(text)
