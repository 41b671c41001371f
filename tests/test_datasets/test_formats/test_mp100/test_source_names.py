# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.datasets.formats.mp100.source_names import source_of


@pytest.mark.parametrize(
    'key, name, source',
    [
        (18, 'face', 'AFLW'),
        (40, 'face', '300W'),
        (7, 'face', 'unknown'),
        (32, 'car', 'CarFusion'),
        (14, 'Woodpecker', 'CUB-200'),
        (8, 'sling_dress', 'DeepFashion2'),
        (43, 'spider_monkey_body', 'AP-10K'),
        (21, 'bobcat_body', 'AP-10K'),
        (4, 'fennecfox_face', 'AnimalWeb'),
        (66, 'fly', 'DeepPoseKit'),
        (98, 'table', 'Keypoint-5'),
        (5, 'snail', 'unknown'),
    ],
)
def test_source_of_the_categories_of_mp100(key, name, source):
    assert source_of({}, dict(id=key, name=name)) == source


def test_a_source_that_the_file_names_counts():
    image = dict(source='ATRW')
    assert source_of(image, dict(id=1, name='tiger_body')) == 'ATRW'
