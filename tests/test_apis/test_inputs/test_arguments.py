# Copyright (c) cape_mm contributors. All rights reserved.
"""Arguments of a wrong kind are refused in a sentence that names them."""

from __future__ import annotations

import numpy as np
import pytest
from support.tiny_ceph import write_tiny_ceph
from support.tiny_tracking import write_tiny_tracking

from cape_mm.apis import (
    CapeInferencer,
    CephalometricInferencer,
    EpisodeRequest,
    PoseTrackingInferencer,
    RequestMember,
    check_keypoints,
    find_images,
    fit_category,
    fit_cephalograms,
    open_video,
    read_request,
)

CLASSES = (CapeInferencer, CephalometricInferencer, PoseTrackingInferencer)
POINTS = [[10, 10], [20, 20]]
REFUSED = (TypeError, ValueError, FileNotFoundError)


@pytest.fixture(scope='module')
def ceph(tmp_path_factory):
    tiny = write_tiny_ceph(tmp_path_factory.mktemp('ceph'))
    return CephalometricInferencer(tiny.checkpoint, device='cpu'), tiny


@pytest.fixture(scope='module')
def track(tmp_path_factory):
    tiny = write_tiny_tracking(tmp_path_factory.mktemp('track'))
    return PoseTrackingInferencer(tiny.checkpoint, device='cpu'), tiny


def refused(name, function, *args, **kwargs):
    """The call is refused, before it works or when the first result comes."""
    with pytest.raises(REFUSED) as error:
        results = function(*args, **kwargs)
        next(iter(results))
    text = str(error.value)
    assert name in text and '\n' not in text and len(text) < 300, text


@pytest.mark.parametrize('kind', CLASSES)
@pytest.mark.parametrize(
    'name, value',
    [
        ('checkpoint', 5),
        ('checkpoint', b'a'),
        ('config', [1]),
        ('allowed_types', 5),
        ('allowed_types', 'mmpose.X'),
        ('device', 'cuda:99'),
        ('device', [1]),
    ],
)
def test_constructor_names_the_argument(kind, name, value, tiny):
    arguments = dict(checkpoint=tiny.checkpoint, device='cpu')
    refused(name, kind, **dict(arguments, **{name: value}))


@pytest.mark.parametrize(
    'name, value',
    [
        ('support_images', 5),
        ('support_images', None),
        ('support_images', b'a'),
        ('keypoints', 5),
        ('keypoints', None),
        ('keypoint 0', [['a', 'b']]),
        ('queries', 5),
        ('queries', None),
        ('image', [5]),
        ('skeleton', 5),
        ('edge', [[0, 9]]),
        ('keypoint_names', 5),
        ('keypoint_names', ['a']),
        ('flip_pairs', 5),
        ('support_boxes', [[1, 2, 3], [1, 2]]),
        ('query_boxes', 5),
        ('box', [['a'] * 4]),
        ('batch_size', 'a'),
        ('batch_size', 2.5),
        ('batch_size', 0),
        ('on_error', 'ignore'),
    ],
)
def test_cape_inferencer_names_the_argument(name, value, inferencer, tiny):
    image = str(next((tiny.root / 'images').rglob('*.*')))
    arguments = dict(
        support_images=image, support_keypoints=POINTS, queries=[image]
    )
    given = {
        'keypoints': 'support_keypoints',
        'keypoint 0': 'support_keypoints',
        'image': 'queries',
        'edge': 'skeleton',
        'box': 'query_boxes',
    }.get(name, name)
    name = 'box' if name == 'support_boxes' else name
    refused(name, inferencer, **dict(arguments, **{given: value}))


@pytest.mark.parametrize(
    'name, value',
    [
        ('request', 5),
        ('supports', EpisodeRequest([5])),
        ('queries', EpisodeRequest([RequestMember('a', POINTS)], 5)),
    ],
)
def test_request_of_another_kind_is_named(name, value, inferencer):
    if name == 'queries':
        value.queries = 5
    refused(name, inferencer.predict_request, value)


@pytest.mark.parametrize(
    'name, value',
    [
        ('cephalograms', 5),
        ('cephalograms', [None]),
        ('uint8', np.zeros(3)),
        ('spacing', 'a'),
        ('spacing', [1, 2, 3]),
        ('spacing', -1),
        ('batch_size', None),
    ],
)
def test_cephalometric_inferencer_names_the_argument(name, value, ceph):
    inferencer, tiny = ceph
    given = 'cephalograms' if name == 'uint8' else name
    arguments = dict(cephalograms=tiny.cephalograms[0])
    refused(name, inferencer, **dict(arguments, **{given: value}))


@pytest.mark.parametrize(
    'name, value',
    [('video', 5), ('video', None), ('batch_size', 'a'), ('batch_size', 0)],
)
def test_tracking_inferencer_names_the_argument(name, value, track):
    inferencer, tiny = track
    refused(name, inferencer, **dict(dict(video=tiny.video), **{name: value}))


@pytest.mark.parametrize(
    'name, function, value',
    [
        ('path', read_request, 5),
        ('path', read_request, None),
        ('paths', find_images, 5),
        ('paths', find_images, [5]),
        ('video', open_video, [5]),
        ('request', fit_category, 5),
        ('ann_file', lambda x: fit_cephalograms(x, 'a.pth'), 5),
        ('minutes', lambda x: fit_cephalograms('a', 'b', None, x), 'a'),
        ('keypoints', lambda x: check_keypoints(x, 'a.png'), 5),
    ],
)
def test_functions_name_the_argument(name, function, value):
    refused(name, function, value)


def test_checkpoint_of_another_family_is_refused(tiny, ceph, track):
    cape = tiny.checkpoint
    for kind, paths in zip(
        CLASSES,
        (
            (ceph[1].checkpoint, track[1].checkpoint),
            (cape, track[1].checkpoint),
            (cape, ceph[1].checkpoint),
        ),
    ):
        for path in paths:
            with pytest.raises(ValueError, match=f'{path}.* is a .*, not for'):
                kind(path, device='cpu')


def test_an_empty_list_of_images_is_an_empty_result(ceph):
    assert list(ceph[0]([])) == []
