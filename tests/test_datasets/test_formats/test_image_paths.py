# Copyright (c) cape_mm contributors. All rights reserved.
"""Annotations name images inside of their folder only, in every reader."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from cape_mm.apis.inputs.requests import read_request
from cape_mm.datasets.datasets import (
    CephalometricDataset,
    MP100Dataset,
    PoseTrackClipDataset,
)
from cape_mm.datasets.formats.image_paths import (
    check_image_names,
    link_or_copy,
)
from cape_mm.datasets.formats.mp100.copy_check import check_copy
from cape_mm.datasets.formats.mp100.source_images import copy_proven
from cape_mm.errors import DataError
from cape_mm.structures import get_schema

HOSTILE = {
    'parent': '../secret_000001.png',
    'deep parent': 'a/../../secret_000001.png',
    'absolute': '{outside}',
    'link': 'link_000001.png',
    'linked folder': 'linked/secret_000001.png',
    'drive': 'C:/secret_000001.png',
    'backslash': '..\\secret_000001.png',
    'URL': 'http://127.0.0.1/secret_000001.png',
    'file URL': 'file:///etc/passwd',
    'pipe': 'pipe_000001.png',
    'folder': 'folder_000001.png',
    'device': 'device_000001.png',
    'number': 5,
    'nothing': None,
    'empty': '',
    'zero byte': 'a\0_000001.png',
    'long': 'x' * 5000 + '_000001.png',
}
NEVER = set(HOSTILE) - {
    *('parent', 'deep parent', 'absolute', 'link', 'linked folder', 'drive')
}


@pytest.fixture
def root(tmp_path):
    """Folder with traps; a readable image lies beside it."""
    root = tmp_path / 'dataset' / 'images'
    (root / 'folder_000001.png').mkdir(parents=True)
    (root / 'a').mkdir()
    cv2.imwrite(str(root / 'good_000001.png'), np.zeros((40, 40, 3), np.uint8))
    outside = root.parent / 'secret_000001.png'
    cv2.imwrite(str(outside), np.zeros((40, 40, 3), np.uint8))
    (root / 'link_000001.png').symlink_to(outside)
    (root / 'linked').symlink_to(root.parent)
    (root / 'device_000001.png').symlink_to('/dev/zero')
    os.mkfifo(root / 'pipe_000001.png')
    return root


def _name(kind, root):
    name = HOSTILE[kind]
    outside = root.parent / 'secret_000001.png'
    return name.format(outside=outside) if isinstance(name, str) else name


def _write(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    return str(path)


def _mp100(root, name):
    image = dict(id=1, file_name=name, width=40, height=40)
    ann = dict(id=1, image_id=1, category_id=1, bbox=[1, 1, 30, 30], area=900)
    ann.update(keypoints=[5, 5, 2, 9, 9, 2], num_keypoints=2)
    category = dict(id=1, name='mug', keypoints=['a', 'b'])
    content = dict(images=[image], annotations=[ann], categories=[category])
    return _write(root.parent / 'annotations' / 'mp100.json', content)


def read_mp100(root, name, **kwargs):
    path = _mp100(root, name)
    MP100Dataset(ann_file=path, data_prefix=dict(img=str(root)), **kwargs)


def read_mp100_request(root, name, **kwargs):
    read_request(_mp100(root, name), str(root), **kwargs)


def read_plain_request(root, name, **kwargs):
    member = dict(image=name, keypoints=[[1, 1]])
    content = dict(supports=[member], queries=[dict(image='good_000001.png')])
    path = _write(root.parent / 'requests' / 'request.json', content)
    read_request(path, str(root), **kwargs)


def read_posetrack(root, name, **kwargs):
    names = ['nose', 'head_bottom', 'head_top', 'left_shoulder']
    names += ['right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist']
    names += ['right_wrist', 'left_hip', 'right_hip', 'left_knee']
    names += ['right_knee', 'left_ankle', 'right_ankle']
    image = dict(id=1, file_name=name, is_labeled=True, width=40, height=40)
    ann = dict(id=1, image_id=1, category_id=1, track_id=0)
    ann.update(keypoints=[5, 5, 1] * 15, bbox=[1, 1, 30, 30])
    category = dict(id=1, name='person', keypoints=names)
    content = dict(images=[image], annotations=[ann], categories=[category])
    path = _write(root.parent / 'annotations' / 'posetrack.json', content)
    PoseTrackClipDataset(
        ann_file=path, data_prefix=dict(img=str(root)), **kwargs
    )


def read_cephalograms(root, name, **kwargs):
    names = get_schema('isbi2015').names
    image = dict(id=1, file_name=name, width=40, height=40, spacing=None)
    ann = dict(id=1, image_id=1, category_id=1, bbox=[0, 0, 40, 40])
    ann.update(keypoints=[5, 5, 2] * len(names), area=1600, iscrowd=0)
    category = dict(id=1, name='cephalogram', keypoints=list(names))
    content = dict(images=[image], annotations=[ann], categories=[category])
    content['info'] = dict(schema='isbi2015')
    path = _write(root.parent / 'annotations' / 'ceph.json', content)
    CephalometricDataset(
        ann_file=path,
        schema='isbi2015',
        data_prefix=dict(img=str(root)),
        **kwargs,
    )


READERS = [
    read_mp100,
    read_mp100_request,
    read_plain_request,
    read_posetrack,
    read_cephalograms,
]


@pytest.mark.parametrize('read', READERS)
@pytest.mark.parametrize('kind', HOSTILE)
def test_name_that_leads_out_is_refused(read, kind, root):
    name = _name(kind, root)
    with pytest.raises(DataError, match=r'\.json'):
        read(root, name)


@pytest.mark.parametrize('read', READERS)
@pytest.mark.parametrize('kind', sorted(NEVER))
def test_what_is_no_path_of_a_file_is_refused_in_spite_of_consent(
    read, kind, root
):
    with pytest.raises(DataError, match=r'\.json'):
        read(root, _name(kind, root), allow_outside=True)


@pytest.mark.parametrize('read', READERS)
def test_name_inside_is_read(read, root):
    read(root, 'good_000001.png')
    (root / 'inner_000001.png').symlink_to(root / 'good_000001.png')
    read(root, 'inner_000001.png')


@pytest.mark.parametrize('read', READERS)
@pytest.mark.parametrize('kind', ['parent', 'absolute', 'link'])
def test_images_elsewhere_are_read_with_consent(read, kind, root):
    read(root, _name(kind, root), allow_outside=True)


def test_refusal_counts_the_names_and_gives_the_remedy(root):
    names = ['good_000001.png', '../a.png', '/b.png', 'missing.png']
    with pytest.raises(DataError) as error:
        check_image_names(names, root, 'file.json')
    text = str(error.value)
    assert 'file.json' in text and "'../a.png'" in text
    assert '1 other image' in text and 'allow_outside=True' in text


def test_whole_folder_may_be_a_link(root, tmp_path):
    link = tmp_path / 'elsewhere'
    link.symlink_to(root)
    check_image_names(['good_000001.png'], link, 'file.json')


def test_copy_of_mp100_writes_nothing_outside(root, tmp_path):
    target = tmp_path / 'dataset' / 'escaped.png'
    entry = dict(
        file_name='../escaped.png', found=str(root / 'good_000001.png')
    )
    report = dict(images=str(root), annotations='annotations', proven=[entry])
    with pytest.raises(DataError, match='escaped.png'):
        copy_proven(report)
    assert not target.exists()
    _mp100(root, '../escaped.png')
    annotations = root.parent / 'annotations'
    with pytest.raises(DataError, match='--allow-outside'):
        check_copy(annotations, root)


def test_links_of_converters_lie_inside(root, tmp_path):
    target = root / 'linked_000002.png'
    link_or_copy(Path(root.parent, 'secret_000001.png'), target)
    assert not target.is_symlink()
    assert target.samefile(root.parent / 'secret_000001.png')
    check_image_names([target.name], root, 'file.json')
