# Copyright (c) cape_mm contributors. All rights reserved.
"""Video, config file and checkpoint of a tiny tracker, as a user has them."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from cape_mm.registry import MODELS
from support.tiny_pavenet import model_config

SIZE = (48, 32)
LENGTH = 7
SIGMAS = dict(sigmas=[0.1] * 15)
#: Seconds at which a video of variable frame rate displays its frames.
TIMES = [0.0, 0.04, 0.3, 0.35, 1.0, 2.0]
_IDENTITY = struct.pack('>9i', 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)


class TinyTracking(NamedTuple):
    frames: Path
    video: Path
    config: Path
    checkpoint: Path


def write_tiny_tracking(folder: Path) -> TinyTracking:
    """Write everything; the weights are random."""
    tiny = TinyTracking(
        folder / 'walk', folder / 'run.avi', folder / 'a.py', folder / 'a.pth'
    )
    write_frames(tiny.frames)
    write_video(tiny.video)
    cfg = Config(dict(default_scope='mmpose', model=_model()))
    cfg.test_dataloader = dict(
        dataset=dict(
            type='cape_mm.PoseTrackClipDataset',
            num_frames=3,
            pipeline=[
                dict(type='cape_mm.LoadClipImages'),
                dict(type='cape_mm.WarpClip'),
                dict(type='cape_mm.PackClipInputs'),
            ],
        )
    )
    tiny.config.write_text(cfg.pretty_text)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    content = dict(
        meta=dict(cfg=cfg.pretty_text), state_dict=model.state_dict()
    )
    torch.save(content, tiny.checkpoint)
    return tiny


def images(count: int = LENGTH) -> np.ndarray:
    """(N, H, W, 3) uint8, BGR; the blue of frame n is about 20 n."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (count, SIZE[1], SIZE[0], 3), np.uint8)
    frames[..., 0] = 20 * np.arange(count)[:, None, None]
    return frames


def write_frames(folder: Path, count: int = LENGTH) -> None:
    folder.mkdir()
    for number, frame in enumerate(images(count)):
        cv2.imwrite(str(folder / f'frame_{number + 5}.png'), frame)


def write_video(path: Path, count: int = LENGTH) -> None:
    code = cv2.VideoWriter_fourcc(*'MJPG')
    writer = cv2.VideoWriter(str(path), code, 10, SIZE)
    for frame in images(count):
        writer.write(frame)
    writer.release()


def write_times(path: Path, encoder: str) -> Path:
    """A video whose upper left quarter is white, with frames at `TIMES`."""
    av = pytest.importorskip('av')
    image = np.zeros((32, 48, 3), np.uint8)
    image[:16, :24] = 255
    with av.open(str(path), 'w') as file:
        stream = file.add_stream(encoder, rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 32, 'yuv420p'
        stream.codec_context.time_base = Fraction(1, 1000)
        for time in TIMES:
            frame = av.VideoFrame.from_ndarray(image, format='bgr24')
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def turn_video(path: Path, matrix: tuple[int, ...]) -> None:
    """Put a, b, c, d, x, y of a display matrix into the head of an MP4."""
    content = path.read_bytes()
    place = content.index(_IDENTITY, content.index(b'tkhd'))
    a, b, c, d, x, y = (value << 16 for value in matrix)
    turned = struct.pack('>9i', a, b, 0, c, d, 0, x, y, 1 << 30)
    path.write_bytes(content[:place] + turned + content[place + 36 :])


def _model() -> dict:
    config = model_config()
    config['head']['num_keypoints'] = 15
    config['head']['criterion']['metainfo'] = SIGMAS
    config['tracker'].update(metainfo=SIGMAS, max_tracks=5)
    return config
