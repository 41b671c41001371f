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

from cape_mm.cli.arguments import add_inference, one_line_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Track the poses of all persons in a video'
    )
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('video', help='video file, or folder of frames')
    parser.add_argument(
        '--frames', action='store_true', help='write the drawn frames, too'
    )
    parser.add_argument(
        '--no-video', action='store_true', help='write no video'
    )
    parser.add_argument(
        '--format',
        choices=('mp4', 'webm', 'avi'),
        default='mp4',
        help='of the video: H.264, VP9 or MJPG (default: mp4)',
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
        help='least visibility of a keypoint that is drawn or written '
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
    add_inference(parser, 'work_dirs/video_pose_demo', batch_size=4)
    args = parser.parse_args()
    if args.fps is not None and not 0 < args.fps < float('inf'):
        parser.error(f'--fps is {args.fps}, must be positive')
    return args


def main() -> None:
    """Track, draw and write."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.demos import track_video

    with one_line_errors():
        track_video(args)


if __name__ == '__main__':
    main()
