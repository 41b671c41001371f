# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np
import pytest

from cape_mm.errors import DataError

SVG = (
    '<line x1="1" y1="2" x2="3" y2="4" data-type="edge" '
    'data-node-from="2" data-node-to="1"></line>'
    '<circle r="0.75" cx="1" cy="2" data-type="element node" '
    'data-element-id="1" data-node-id="1" data-label-name="rim"></circle>'
    '<circle r="0.75" cx="3" cy="4" data-type="element node" '
    'data-element-id="2" data-node-id="2" data-label-name="handle"></circle>'
)
LABELS = f"""
<labels>
  <label><name>mug</name><type>skeleton</type><attributes></attributes>
    <svg>{SVG.replace('<', '&lt;').replace('>', '&gt;')}</svg></label>
  <label><name>rim</name><type>points</type><parent>mug</parent></label>
  <label><name>handle</name><type>points</type><parent>mug</parent></label>
</labels>"""
IMAGES = f"""<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>
<meta><task><name>mugs</name>{LABELS}</task></meta>
<image id="0" name="shelf/1.png" width="40" height="30">
  <box label="mug" xtl="1" ytl="2" xbr="30" ybr="25" group_id="3"></box>
  <skeleton label="mug" source="manual" occluded="0" z_order="0" group_id="3">
    <points label="handle" source="manual" outside="0" occluded="1"
      points="20.50,8.00"></points>
    <points label="rim" source="manual" outside="0" occluded="0"
      points="5.00,6.00"></points>
  </skeleton>
  <skeleton label="mug" source="manual" occluded="0" z_order="0">
    <points label="handle" outside="1" occluded="0" points="1.0,2.0"></points>
    <points label="rim" outside="0" occluded="0" points="35.00,6.00"></points>
  </skeleton>
</image>
</annotations>"""


def track(number, *shapes):
    return f'<track id="{number}" label="mug">{"".join(shapes)}</track>'


def skeleton(frame, x, outside=0, keyframe=1):
    return (
        f'<skeleton frame="{frame}" keyframe="{keyframe}" z_order="0" '
        f'outside="{outside}"><points label="rim" outside="0" occluded="0" '
        f'keyframe="{keyframe}" points="{x},6"></points>'
        f'<points label="handle" outside="0" occluded="0" '
        f'keyframe="{keyframe}" points="{x},16"></points></skeleton>'
    )


VIDEO = f"""<annotations><version>1.1</version><meta><task>{LABELS}
<original_size><width>40</width><height>30</height></original_size>
</task><source>mugs.avi</source></meta>
{track(0, skeleton(0, 5), skeleton(1, 6, keyframe=0), skeleton(2, 7, 1))}
{track(3, skeleton(1, 25))}
</annotations>"""


def test_skeletons_are_instances(tmp_path, image, write, read, report):
    image(tmp_path / 'images' / 'shelf' / '1.png')
    annotations = read(write(tmp_path / 'annotations.xml', IMAGES))
    category = annotations.categories[1]
    assert (category.name, category.keypoint_names) == (
        'mug',
        ('rim', 'handle'),
    )
    assert category.skeleton == ((1, 0),)
    (found,) = annotations.images
    assert found.name == 'shelf/1.png'
    first, second = found.instances
    assert first.box.tolist() == [1, 2, 30, 25]
    assert first.keypoints.tolist() == [[5, 6, 2], [20.5, 8, 1]]
    assert second.keypoints.tolist() == [[35, 6, 2], [0, 0, 0]]
    assert dict(report.counts) == dict(box_made=1)


def test_a_drawing_that_does_not_fit_is_counted(
    tmp_path, image, write, read, report
):
    image(tmp_path / '1.png')
    text = IMAGES.replace('data-node-from="2"', 'data-node-from="7"')
    annotations = read(write(tmp_path / 'a.xml', text))
    assert annotations.categories[1].skeleton == ()
    assert report.counts['bad_skeleton'] == 1


def test_loose_points_and_boxes_are_joined_by_group(
    tmp_path, image, write, read, report
):
    shapes = (
        '<box label="mug" xtl="2" ytl="3" xbr="30" ybr="25" group_id="4"/>'
        '<points label="rim" points="5.0,6.0" group_id="4" occluded="0"/>'
        '<points label="handle" points="9.0,6.0" group_id="4" occluded="1"/>'
        '<points label="face" points="1,2;3,4;5,6" group_id="7"/>'
        '<box label="face" xtl="1" ytl="1" xbr="9" ybr="9" group_id="7"/>'
        '<polyline label="edge" points="1,2;3,4"/><tag label="good"/>'
    )
    start = IMAGES.index('  <box')
    end = IMAGES.index('</image>')
    image(tmp_path / '1.png')
    path = write(tmp_path / 'a.xml', IMAGES[:start] + shapes + IMAGES[end:])
    annotations = read(path)
    names = [c.name for c in annotations.categories.values()]
    assert names == ['face', 'mug']
    face, mug = annotations.images[0].instances
    assert face.keypoints.tolist() == [[1, 2, 2], [3, 4, 2], [5, 6, 2]]
    assert face.box.tolist() == [1, 1, 9, 9]
    assert mug.keypoints.tolist() == [[5, 6, 2], [9, 6, 1]]
    assert mug.box.tolist() == [2, 3, 30, 25]
    assert report.counts['ignored_shape'] == 1


def test_tracks_are_read_from_frames(tmp_path, image, write, read, report):
    for number in range(3):
        image(tmp_path / f'images/frame_{number:06d}.PNG', seed=number)
    annotations = read(write(tmp_path / 'annotations.xml', VIDEO))
    assert [image.name for image in annotations.images] == [
        'frame_000000.PNG',
        'frame_000001.PNG',
    ]
    second = annotations.images[1].instances
    assert [mug.track_id for mug in second] == [0, 3]
    assert [mug.keypoints[0, 0] for mug in second] == [6, 25]
    assert report.counts['interpolated'] == 1


def test_tracks_are_read_from_the_video(tmp_path, write, read):
    codec = cv2.VideoWriter_fourcc(*'MJPG')
    video = cv2.VideoWriter(str(tmp_path / 'mugs.avi'), codec, 5, (40, 30))
    for number in range(3):
        video.write(np.full((30, 40, 3), 100 * number, np.uint8))
    video.release()
    annotations = read(write(tmp_path / 'annotations.xml', VIDEO))
    assert [(i.name, i.size) for i in annotations.images] == [
        ('mugs/000000.png', (40, 30)),
        ('mugs/000001.png', (40, 30)),
    ]
    pixels = annotations.images[1].read_pixels()
    assert pixels.shape == (30, 40, 3)
    assert abs(pixels.mean() - 100) < 5


def test_a_frame_that_is_nowhere_is_counted(tmp_path, write, read):
    with pytest.raises(DataError, match='2 images that are missing'):
        read(write(tmp_path / 'annotations.xml', VIDEO))


def test_entities_are_refused(tmp_path, write, read):
    text = '<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>'
    with pytest.raises(DataError, match='declares entities'):
        read(write(tmp_path / 'a.xml', text))


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('</annotations>', '', 'no valid XML'),
        (
            'points="5.00,6.00"',
            'points="5.00"',
            'image shelf/1.png has not the form of cvat',
        ),
        (
            'points="5.00,6.00"',
            '',
            'image shelf/1.png has not the form of cvat',
        ),
    ],
)
def test_a_broken_file_is_named(
    tmp_path, image, write, read, old, new, message
):
    image(tmp_path / 'shelf' / '1.png')
    path = write(tmp_path / 'a.xml', IMAGES.replace(old, new))
    with pytest.raises(DataError, match=message):
        read(path)
