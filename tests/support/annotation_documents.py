# Copyright (c) cape_mm contributors. All rights reserved.
"""Small sound documents of every annotation format in JSON."""

from __future__ import annotations

from cape_mm.datasets.formats.cephalometric.aariz import SCHEMA as AARIZ
from cape_mm.datasets.formats.posetrack.keypoints import (
    POSETRACK18_KEYPOINTS,
)
from cape_mm.structures import get_schema

IMAGES = ('000001.png', '000002.png', '000003.png')


def mp100_document() -> dict:
    """Three images with two instances each, of two categories."""
    images = [
        dict(id=i, file_name=name, width=60, height=40)
        for i, name in enumerate(IMAGES, 1)
    ]
    annotations = [
        dict(
            id=10 + n,
            image_id=1 + n // 2,
            category_id=1 + n % 2,
            bbox=[1, 2, 50, 30],
            area=1500,
            iscrowd=0,
            num_keypoints=2,
            keypoints=[5 + n, 6, 2, 20, 8, 1, 0, 0, 0],
        )
        for n in range(6)
    ]
    categories = [
        dict(
            id=i,
            name=name,
            supercategory='kitchen',
            keypoints=['a', 'b', 'c'],
            skeleton=[[0, 1], [1, 2]],
        )
        for i, name in enumerate(('mug', 'cup'), 1)
    ]
    return dict(images=images, annotations=annotations, categories=categories)


def posetrack_document() -> dict:
    """Three frames of a video with two persons each."""
    content = mp100_document()
    names = list(POSETRACK18_KEYPOINTS)
    for image in content['images']:
        image.update(is_labeled=True, frame_id=image['id'])
        image.update(
            ignore_regions_x=[[0, 5, 5]], ignore_regions_y=[[0, 0, 5]]
        )
    for number, ann in enumerate(content['annotations']):
        ann.update(category_id=1, track_id=number % 2)
        ann['bbox_head'] = [5, 5, 10, 10]
        ann['keypoints'] = [5 + number, 6, 1] * (len(names) - 1) + [0, 0, 0]
    content['categories'] = [dict(id=1, name='person', keypoints=names)]
    return content


def annolist_document() -> dict:
    """Two frames of a video with two persons each."""

    def person(track_id: int) -> dict:
        points = [
            dict(id=[i], x=[5 + i], y=[6.5], is_visible=[i % 2])
            for i in range(3)
        ]
        box = dict(x1=[1], y1=[2], x2=[11], y2=[12])
        annopoints = [dict(point=points)]
        return dict(box, track_id=[track_id], annopoints=annopoints)

    region = dict(
        point=[dict(x=[a], y=[b]) for a, b in ((0, 0), (5, 0), (5, 5))]
    )
    return dict(
        annolist=[
            dict(
                image=[dict(name=name)],
                annorect=[person(0), person(1)],
                is_labeled=[1],
                ignore_regions=[region],
            )
            for name in IMAGES[:2]
        ]
    )


def cephalometric_document() -> dict:
    """Two cephalograms."""
    names = list(get_schema('isbi2015').names)
    content = mp100_document()
    content['images'] = content['images'][:2]
    for image in content['images']:
        image.update(spacing=[0.1, 0.1], spacing_source='file', subject='7')
    content['annotations'] = [
        dict(
            id=10 + i,
            image_id=1 + i,
            category_id=1,
            bbox=[0, 0, 60, 40],
            area=2400,
            iscrowd=0,
            num_keypoints=len(names),
            keypoints=[5 + i, 6, 2] * len(names),
        )
        for i in range(2)
    ]
    content['categories'] = [dict(id=1, name='ceph', keypoints=names)]
    content['info'] = dict(schema='isbi2015')
    return content


def aariz_document() -> dict:
    """A sound document."""
    return dict(
        ceph_id='annotations',
        landmarks=[
            dict(symbol=name, value=dict(x=5 + i, y=6))
            for i, name in enumerate(AARIZ.names[:6])
        ],
    )


def cl_detection_document() -> dict:
    """A sound document."""
    return dict(
        points=[
            dict(name=str(n), point=[n, 2 * n, c])
            for c in (1, 2)
            for n in range(1, 39)
        ]
    )


def pandas_document() -> list:
    """Two cephalograms of 2 x 2 pixels."""
    columns = {}
    for name in get_schema('document19').codes:
        columns[f'{name}_x'] = 1.0
        columns[f'{name}_y'] = 1.0
    return [dict(columns, Image=[number] * 12) for number in (1, 2)]


def rulers_document() -> dict:
    """A sound document."""
    names = [f'ruler_point_{e}_{a}' for e in ('up', 'down') for a in 'xy']
    return {str(n): dict(zip(names, (1, 2, 3, 4 + n))) for n in range(3)}


def request_document() -> dict:
    """A sound document."""
    return dict(
        category='mug',
        keypoint_names=['a', 'b'],
        skeleton=[[0, 1]],
        flip_pairs=[[0, 1]],
        supports=[dict(image=IMAGES[0], keypoints=[[1, 2], [3, 4, 2]])],
        queries=[
            dict(image=IMAGES[1], box=[1, 2, 30, 30]),
            dict(image=IMAGES[2], keypoints=[[1, 2, 2], None]),
        ],
    )


def predictions_document() -> dict:
    """A sound document."""
    content = request_document()
    content['queries'] = [
        dict(
            image=name,
            keypoints=[[1.5, 2.5], [3.0, 4.0]],
            scores=[0.5, 1.0],
            box=[1, 2, 30, 30],
            image_id=number,
        )
        for number, name in enumerate(IMAGES[1:])
    ]
    content['category_id'] = 1
    return content


def labelme_document() -> dict:
    """A sound document."""
    shapes = [
        dict(
            label=label,
            points=[[5.0 + i, 6.0]],
            shape_type='point',
            group_id=1,
            flags={},
        )
        for i, label in enumerate('abc')
    ]
    box = dict(
        label='mug',
        points=[[1.0, 2.0], [50.0, 30.0]],
        shape_type='rectangle',
        group_id=1,
        flags={},
    )
    return dict(
        version='5.0.1',
        flags={},
        shapes=[*shapes, box],
        imagePath=IMAGES[0],
        imageData=None,
        imageHeight=40,
        imageWidth=60,
    )


def label_studio_document() -> list:
    """A sound document."""

    def task(number: int) -> dict:
        result = [
            dict(
                id=f'{label}{number}',
                type='keypointlabels',
                original_width=60,
                original_height=40,
                value=dict(
                    x=10.0 + i, y=20.0, width=0.5, keypointlabels=[label]
                ),
            )
            for i, label in enumerate('abc')
        ]
        return dict(
            id=number,
            data=dict(img=IMAGES[number]),
            annotations=[dict(id=number, result=result)],
        )

    return [task(number) for number in range(2)]


def via_document() -> dict:
    """A sound document."""
    return {
        f'{name}100': dict(
            filename=name,
            size=100,
            file_attributes={},
            regions=[
                dict(
                    shape_attributes=dict(name='point', cx=5 + i, cy=6),
                    region_attributes=dict(label=label),
                )
                for i, label in enumerate('abc')
            ],
        )
        for name in IMAGES[:2]
    }
