# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import copy
import json

import cv2
import numpy as np
import pytest

POINTS = [5, 6, 2, 11, 7, 1, 20, 9, 2, 0, 0, 0]


def write_image(path, width=40, height=30, seed=0):
    pixels = np.random.default_rng(seed).integers(
        0, 256, (height, width, 3), dtype=np.uint8
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture
def image():
    """Write an image of noise."""
    return write_image


@pytest.fixture
def content():
    """A car, a skirt and two animals; every image has one object."""
    names = dict(
        car='car/1.png',
        skirt='skirt/000001.png',
        cow_body='cow_body/a.png',
        ferret_face='ferret_face/b.png',
    )
    content = dict(images=[], annotations=[], categories=[])
    for number, (name, file_name) in enumerate(names.items(), start=1):
        content['categories'].append(
            dict(
                id=number,
                name=name,
                supercategory='any',
                keypoints=['a', 'b', 'c', 'd'],
                skeleton=[[0, 1]],
            )
        )
        content['images'].append(
            dict(id=number, file_name=file_name, width=40, height=30)
        )
        content['annotations'].append(
            dict(
                id=100 + number,
                image_id=number,
                category_id=number,
                bbox=[2, 3, 25 + number, 20],
                area=500,
                iscrowd=0,
                num_keypoints=3,
                keypoints=list(POINTS),
                segmentation=[[number, 1, 2, 3, 4, 5]],
            )
        )
    return content


@pytest.fixture
def mp100(tmp_path, content):
    """The same as a folder with all images."""
    root = tmp_path / 'mp100'
    for number, image in enumerate(content['images']):
        write_image(root / 'images' / image['file_name'], seed=number)
    (root / 'annotations').mkdir()
    path = root / 'annotations' / 'mp100_split1_test.json'
    path.write_text(json.dumps(content))
    return root


@pytest.fixture
def carfusion(tmp_path, content):
    """A download of CarFusion: the car of the first image, and another."""
    root = tmp_path / 'carfusion'
    car = content['annotations'][0]
    write_image(root / 'train' / 'car_a' / '77_0001.png', seed=50)
    write_image(root / 'train' / 'car_b' / '78_0002.png', seed=51)
    other = dict(copy.deepcopy(car), id=2, image_id=2)
    other['keypoints'][0] += 1
    other['segmentation'] = [[9, 9, 9]]
    original = dict(
        images=[
            dict(id=1, file_name='car_a/77_0001.png'),
            dict(id=2, file_name='car_b/78_0002.png'),
        ],
        annotations=[dict(car, id=1, image_id=1), other],
        categories=[dict(id=1, name='car')],
    )
    (root / 'annotations').mkdir()
    path = root / 'annotations' / 'car_keypoints_train.json'
    path.write_text(json.dumps(original))
    return root


@pytest.fixture
def deepfashion2(tmp_path):
    """DeepFashion2: one file name in two folders, annotated differently."""
    root = tmp_path / 'deepfashion2'
    for seed, folder in enumerate(('train', 'validation')):
        write_image(root / folder / 'image' / '000001.png', seed=60 + seed)
        landmarks = list(POINTS)
        landmarks[0] += seed
        annos = root / folder / 'annos' / '000001.json'
        annos.parent.mkdir()
        annos.write_text(
            json.dumps(dict(source='shop', item1=dict(landmarks=landmarks)))
        )
    return root
