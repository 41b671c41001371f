# Copyright (c) cape_mm contributors. All rights reserved.
"""Tiny videos in PoseTrack's layouts, with known persons."""

from __future__ import annotations

import json

import cv2
import numpy as np

from cape_mm.datasets.formats.posetrack.keypoints import (
    POSETRACK17_KEYPOINTS,
    POSETRACK18_KEYPOINTS,
)

SIZE = (64, 48)
NAMES = list(POSETRACK18_KEYPOINTS)
EARS = [3, 4]


def person_points(number, frame):
    """(17, 3) keypoints of a person; persons stand side by side."""
    points = np.zeros((17, 3))
    points[:, 0] = 6 + 16 * number + frame + np.arange(17) % 5
    points[:, 1] = 8 + 1.5 * np.arange(17)
    points[:, 2] = 1
    points[EARS] = 0
    return points


def track_id(number):
    """Not the number, so that a mix-up of the two is noticed."""
    return 7 * number + 3


def make_content(name, num_frames=6, persons=3, first=0, unlabelled=()):
    """PoseTrack18 content of one video."""
    images, annotations = [], []
    for frame in range(num_frames):
        image_id = 10**10 + first * 10**4 + frame
        is_labeled = frame not in unlabelled
        images.append(
            dict(
                id=image_id,
                frame_id=image_id,
                vid_id=name[:6],
                file_name=f'images/{name}/{frame:06d}.png',
                nframes=num_frames,
                is_labeled=is_labeled,
                width=SIZE[0],
                height=SIZE[1],
                ignore_regions_x=[[0, 5, 5]],
                ignore_regions_y=[[0, 0, 5]],
            )
        )
        for number in range(persons if is_labeled else 0):
            points = person_points(number, frame)
            x, y = points[0, :2].tolist()
            annotations.append(
                dict(
                    id=100 * image_id + number,
                    image_id=image_id,
                    category_id=1,
                    track_id=track_id(number),
                    bbox=[x - 1, y - 1, 6, 28],
                    bbox_head=[x - 1, y - 1, 5, 4],
                    keypoints=points.ravel().tolist(),
                    num_keypoints=15,
                    iscrowd=0,
                )
            )
    category = dict(id=1, name='person', keypoints=list(NAMES), skeleton=[])
    return dict(images=images, annotations=annotations, categories=[category])


def write_images(root, content):
    """Images of noise, other ones for each frame."""
    rng = np.random.default_rng(len(content['images']))
    for image in content['images']:
        path = root / image['file_name']
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (image['height'], image['width'], 3)
        pixels = rng.integers(0, 256, shape, dtype=np.uint8)
        cv2.imwrite(str(path), pixels)


def write_videos(root, lengths=(6, 4), edit=None, merged=False, **kwargs):
    """Write videos ``000001_a``, ...; returns the dataset's config."""
    contents = {}
    for number, length in enumerate(lengths, start=1):
        name = f'{number:06d}_{"abcdef"[number - 1]}'
        contents[name] = make_content(name, length, first=number, **kwargs)
    if edit is not None:
        edit(contents)
    for content in contents.values():
        write_images(root, content)
    folder = root / 'annotations' / 'train'
    folder.mkdir(parents=True)
    if merged:
        whole = {
            key: [
                item for content in contents.values() for item in content[key]
            ]
            for key in ('images', 'annotations')
        }
        whole['categories'] = contents['000001_a']['categories']
        (folder / 'all.json').write_text(json.dumps(whole))
    else:
        for name, content in contents.items():
            (folder / f'{name}.json').write_text(json.dumps(content))
    return dict(
        type='cape_mm.PoseTrackClipDataset',
        data_root=str(root),
        ann_file='annotations/train/all.json'
        if merged
        else 'annotations/train',
    )


def to_annolist(content):
    """The same video as PoseTrack17 writes it: frames count from 1."""
    annolist = []
    for image in content['images']:
        rects = []
        for annotation in content['annotations']:
            if annotation['image_id'] != image['id']:
                continue
            points = np.reshape(annotation['keypoints'], (17, 3))
            x, y, width, height = annotation['bbox_head']
            rects.append(
                dict(
                    x1=[x],
                    y1=[y],
                    x2=[x + width],
                    y2=[y + height],
                    track_id=[annotation['track_id']],
                    annopoints=[
                        dict(
                            point=[
                                dict(
                                    id=[POSETRACK17_KEYPOINTS.index(name)],
                                    x=[float(px)],
                                    y=[float(py)],
                                    is_visible=[1],
                                )
                                for name, (px, py, flag) in zip(NAMES, points)
                                if flag
                            ]
                        )
                    ],
                )
            )
        stem = int(image['file_name'][-10:-4]) + 1
        annolist.append(
            dict(
                image=[
                    dict(name=f'images/bonn/{image["vid_id"]}/{stem:08d}.png')
                ],
                imgnum=[stem],
                is_labeled=[int(image['is_labeled'])],
                ignore_regions=[
                    dict(
                        point=[
                            dict(x=[x], y=[y]) for x, y in zip(all_x, all_y)
                        ]
                    )
                    for all_x, all_y in zip(
                        image['ignore_regions_x'], image['ignore_regions_y']
                    )
                ],
                annorect=rects,
            )
        )
    return dict(annolist=annolist)


PLAIN = [
    dict(type='cape_mm.LoadClipImages'),
    dict(type='cape_mm.WarpClip'),
    dict(type='cape_mm.PackClipInputs'),
]
AUGMENTING = [
    PLAIN[0],
    dict(type='cape_mm.RandomClipPhotometric'),
    dict(type='cape_mm.RandomClipFlip'),
    dict(type='cape_mm.RandomClipAffine', scale=(0.7, 1.3), shift=0.1),
    dict(type='cape_mm.RandomClipCrop', size_range=(24, 40)),
    dict(type='cape_mm.ClipResize', long_edge=48, short_edge=(24, 40)),
    *PLAIN[1:],
]
