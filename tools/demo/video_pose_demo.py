# Copyright (c) cape_mm contributors. All rights reserved.
"""Track the poses of all persons in a video.

    python tools/demo/video_pose_demo.py CHECKPOINT VIDEO

VIDEO is a video file or a folder with the frames of one, in the order of their
names. Into `--out-dir` go `<video>_tracks.mp4`, each person in the colour of
its track, `<video>.json` with all poses in the format of PoseTrack18, and with
`--frames` the drawn frames in `<video>_frames`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Track the poses of all persons in a video'
    )
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('video', help='video file, or folder of frames')
    parser.add_argument(
        '--config', help='config file (default: stored in the checkpoint)'
    )
    parser.add_argument('--out-dir', default='work_dirs/video_pose_demo')
    parser.add_argument(
        '--frames', action='store_true', help='write the drawn frames, too'
    )
    parser.add_argument(
        '--no-video', action='store_true', help='write no video'
    )
    parser.add_argument(
        '--format',
        choices=('mp4', 'avi'),
        default='mp4',
        help='of the video (default: mp4)',
    )
    parser.add_argument(
        '--fps',
        type=float,
        help='of the video that is written (default: as it is read, 25 for '
        'folders)',
    )
    parser.add_argument(
        '--kpt-thr',
        type=float,
        default=0.3,
        help='least visibility of a joint that is drawn or written '
        '(default: 0.3)',
    )
    parser.add_argument(
        '--kpt-score-thr',
        type=float,
        default=0.0,
        help='least score of one, for models that do not predict visibility '
        '(default: 0)',
    )
    parser.add_argument('--boxes', action='store_true', help='draw boxes, too')
    parser.add_argument('--device', help='e.g. cpu or cuda:0')
    parser.add_argument('--batch-size', type=int, default=4)
    args = parser.parse_args()
    if args.batch_size < 1:
        parser.error(f'--batch-size is {args.batch_size}, must be >= 1')
    if args.fps is not None and not 0 < args.fps < float('inf'):
        parser.error(f'--fps is {args.fps}, must be positive')
    return args


def run(args: argparse.Namespace) -> None:
    """Track, draw and write."""
    from cape_mm.apis import ClipPoseInferencer, open_video
    from cape_mm.apis.track_export import TrackExport
    from cape_mm.visualization import TrackVisualizer
    from cape_mm.visualization.tracked_video_writer import TrackedVideoWriter

    source, out_dir = open_video(args.video), Path(args.out_dir)
    inferencer = ClipPoseInferencer(args.checkpoint, args.config, args.device)
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
            drawn = visualizer.draw_frame(
                frame.image[..., ::-1],
                result,
                args.kpt_thr,
                args.boxes,
                args.kpt_score_thr,
            )
            writer.write(drawn, f'{frame.number:08d}.jpg')
        written = [export.finish()]
    written += [] if args.no_video else [video]
    written += [frames] if args.frames else []
    print(
        f'{export.num_frames} frames with {export.num_tracks} tracks, '
        f'{source.skipped} frames skipped: '
        f'{", ".join(map(str, written))}'
    )


def main() -> None:
    """Run, and end with one sentence when the user's input is wrong."""
    args = parse_args()
    with one_line_errors():
        run(args)


if __name__ == '__main__':
    main()
