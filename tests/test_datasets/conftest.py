# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

SIZE = (64, 48)


def make_content(instances, num_keypoints):
    """Annotations of category 10, 20, ... with one image per instance."""
    content = dict(images=[], annotations=[], categories=[])
    for number, (count, points) in enumerate(zip(instances, num_keypoints)):
        category_id = 10 * (number + 1)
        content['categories'].append(
            dict(
                id=category_id,
                name='face',
                supercategory='animal face',
                keypoints=[f'point {i}' for i in range(points)],
                skeleton=[[i, i + 1] for i in range(points - 1)],
            )
        )
        for _ in range(count):
            index = len(content['images']) + 1
            content['images'].append(
                dict(
                    id=index,
                    file_name=f'c{category_id}/{index}.png',
                    width=SIZE[0],
                    height=SIZE[1],
                )
            )
            keypoints = []
            for i in range(points):
                keypoints += [20 + 2 * i + index % 3, 15 + i, 1 + i % 2]
            content['annotations'].append(
                dict(
                    id=100 + index,
                    image_id=index,
                    category_id=category_id,
                    bbox=[10, 8, 31, 25],
                    area=31 * 25,
                    iscrowd=0,
                    num_keypoints=points,
                    keypoints=keypoints,
                )
            )
    return content


@pytest.fixture
def write_mp100(tmp_path):
    """Write a tiny dataset in MP-100 layout, return the dataset's config.

    ``edit`` changes the annotations before they are written.
    """

    def write(instances=(4, 3), num_keypoints=(5, 3), edit=None):
        content = make_content(instances, num_keypoints)
        rng = np.random.default_rng(0)
        for image in content['images']:
            path = tmp_path / 'images' / image['file_name']
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8)
            cv2.imwrite(str(path), pixels)
        if edit is not None:
            edit(content)
        (tmp_path / 'ann.json').write_text(json.dumps(content))
        return dict(
            type='cape_mm.MP100Dataset',
            data_root=str(tmp_path),
            ann_file='ann.json',
        )

    return write


@pytest.fixture
def pipeline():
    """MMPose's transforms of one member, without augmentation."""
    size = (32, 32)
    return [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale', padding=1.25),
        dict(type='TopdownAffine', input_size=size),
        dict(
            type='GenerateTarget',
            encoder=dict(type='cape_mm.NormalizedLabel', input_size=size),
        ),
        dict(type='PackPoseInputs'),
    ]


@pytest.fixture
def augmenting_pipeline(pipeline):
    """The same with everything random that the package has."""
    return [
        *pipeline[:1],
        dict(type='cape_mm.RandomPhotometric'),
        *pipeline[1:2],
        dict(type='cape_mm.RandomScaleRotation'),
        *pipeline[2:],
    ]


@pytest.fixture
def warnings_logged(monkeypatch):
    """Collect what the datasets log as warnings."""
    from cape_mm.datasets.datasets import episode_dataset, mp100_dataset

    texts = []

    def collect(text, logger=None, level=20):
        if level >= 30:
            texts.append(text)

    for module in (episode_dataset, mp100_dataset):
        monkeypatch.setattr(module, 'print_log', collect)
    return texts
