# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import numpy as np
import pytest
from support.tiny_ceph import write_tiny_ceph

from cape_mm.apis import (
    CephalometricInferencer,
    RadiusCalibration,
    calibrate_radii,
    calibration_path,
    radius_coverage,
)
from cape_mm.errors import DataError


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return write_tiny_ceph(tmp_path_factory.mktemp('tiny'))


@pytest.fixture
def inferencer(tiny):
    return CephalometricInferencer(tiny.checkpoint, device='cpu')


def ann_file(tiny, part):
    return tiny.root / 'annotations' / f'cephalograms_{part}.json'


@pytest.fixture
def calibrated(tiny, inferencer):
    calibrate_radii(inferencer, ann_file(tiny, 'test'))
    return inferencer


def test_radii_cover_the_cephalograms_of_the_calibration(tiny, calibrated):
    rows = radius_coverage(calibrated, ann_file(tiny, 'test'))
    table = {row['name']: row for row in rows}
    assert 80 < table['all landmarks']['N'] <= 4 * 23, 'all labelled ones'
    assert table['all landmarks']['coverage'] >= 90
    assert table['all measurements']['coverage'] >= 90
    assert table['SNA']['N'] <= table['N']['N'] <= 4
    assert 'Wits' not in table, 'not available'


def test_results_have_radii_and_margins(tiny, calibrated):
    (result,) = calibrated(tiny.cephalograms[0], spacing=0.75)
    landmarks = result.pred_instances
    assert landmarks.keypoint_radii.shape == (1, 23)
    assert np.allclose(
        landmarks.keypoint_radii,
        landmarks.keypoint_spreads * calibrated.calibration.factors,
    )
    assert 'pred_fields' not in result, 'maps are large'
    one = result.measurements['S-N']
    assert one.margin > 0
    (pixels,) = calibrated(tiny.cephalograms[0])
    assert np.allclose(
        pixels.pred_instances.keypoint_radii * 0.75, landmarks.keypoint_radii
    )


def test_corrected_landmarks_are_measured_again(tiny, calibrated):
    (result,) = calibrated(tiny.cephalograms[0], spacing=0.75)
    landmarks, codes = result.pred_instances, result.landmark_codes
    start, end = codes.index('S'), codes.index('N')
    landmarks.keypoints[0, [start, end]] = [[10, 20], [50, 20]]
    landmarks.keypoint_spreads[0, [start, end]] = 0
    calibrated.measure(result)
    one = result.measurements['S-N']
    assert one.value == pytest.approx(30) and one.margin == pytest.approx(0)


def test_the_file_beside_the_checkpoint_is_found(tiny, calibrated):
    path = calibration_path(tiny.checkpoint)
    assert path == tiny.checkpoint.with_name('tiny.radii.json')
    calibrated.calibration.write(path)
    try:
        again = CephalometricInferencer(tiny.checkpoint, device='cpu')
        assert again.calibration == calibrated.calibration
    finally:
        path.unlink()
    plain = CephalometricInferencer(tiny.checkpoint, device='cpu')
    assert plain.calibration is None
    (result,) = plain(tiny.cephalograms[0])
    assert 'keypoint_radii' not in result.pred_instances
    assert 'keypoint_spreads' in result.pred_instances


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(checkpoint_sha256='0'), 'another checkpoint'),
        (dict(schema='isbi2015'), "schema 'isbi2015'"),
        (dict(factors='x'), 'holds no radii'),
        (dict(unknown=1), 'holds no radii'),
    ],
)
def test_radii_of_something_else_are_refused(
    tiny, calibrated, tmp_path, change, message
):
    path = tmp_path / 'radii.json'
    calibrated.calibration.write(path)
    content = dict(json.loads(path.read_text()), **change)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message) as error:
        RadiusCalibration.read(path, 'cephalogram23', tiny.checkpoint)
    assert 'calibrate_radii.py' in str(error.value)


def test_margins_keep_their_size_without_a_measurement(
    tiny, inferencer, tmp_path
):
    content = json.loads(ann_file(tiny, 'test').read_text())
    for annotation in content['annotations']:  # one landmark has none
        annotation['keypoints'][3:] = [0] * len(annotation['keypoints'][3:])
    path = tmp_path / 'one_landmark.json'
    path.write_text(json.dumps(content))
    found = calibrate_radii(inferencer, path, tiny.root / 'images')
    assert found.measurement_factor == 1.0
    assert np.isfinite(found.factors).all()


def test_one_cephalogram_is_refused(tiny, inferencer, tmp_path):
    content = json.loads(ann_file(tiny, 'val').read_text())
    content['images'] = content['images'][:1]
    first = content['images'][0]['id']
    content['annotations'] = [
        one for one in content['annotations'] if one['image_id'] == first
    ]
    path = tmp_path / 'one.json'
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match='radii need two'):
        calibrate_radii(inferencer, path, tiny.root / 'images')
