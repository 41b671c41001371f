# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from cape_mm.datasets.datasets import MP100Dataset
from cape_mm.datasets.formats.annotation_tools import export_annotations
from cape_mm.errors import DataError
from cape_mm.studio import labels as actions
from cape_mm.studio.project import open_project, to_annotations

POINTS = [(10, 20), (30, 40), (50, 5)]
ROOT = Path(__file__).resolve().parents[2]


def label(project, key='a.jpg'):
    for index, point in enumerate(POINTS):
        project.do(actions.place_keypoint, key, index, *point)


def test_everything_is_there_after_closing_and_opening(project):
    label(project)
    project.do(actions.flag_keypoint, 'a.jpg', 1, 1)
    project.do(actions.toggle_edge, 0, 2)
    project.do(actions.set_box, 'b.jpg', [1, 2, 30, 40])
    scores = [0.9, 0.2, 0.5]
    project.do(actions.set_prediction, 'c/d.png', POINTS, scores)
    project.do(lambda labels: actions.add_instance(labels, 'a.jpg')[0])
    project.do(actions.place_keypoint, 'c/d.png', 1, 5, 6)
    project.do(actions.set_prediction, 'b.jpg', POINTS, scores)
    project.close()
    again = open_project(project.path.parents[1])
    assert again.labels == project.labels
    again.close()


def test_a_skeleton_that_seems_to_count_from_1_is_read_as_written(project):
    names = ['a', 'b', 'c', 'd', 'e']
    project.do(actions.set_keypoint_names, names)
    for edge in [(1, 2), (2, 3), (3, 4), (4, 1)]:
        project.do(actions.toggle_edge, *edge)
    project.close()
    again = open_project(project.root)
    assert again.labels.skeleton == ((1, 2), (2, 3), (3, 4), (4, 1))
    again.close()


def test_images_that_a_project_may_not_name_are_left_out(
    project, write_image, tmp_path
):
    project.close()
    outside = write_image('e.jpg', folder=tmp_path / 'elsewhere')
    (project.root / 'e.jpg').symlink_to(outside)
    (project.root / 'f.jpg').symlink_to(project.root / 'a.jpg')
    for _ in range(2):
        again = open_project(project.root)
        assert list(again.labels.instances) == [
            *('a.jpg', 'b.jpg', 'c/d.png', 'f.jpg'),
        ]
        assert '1 file(s) are left out' in again.notes[0]
        assert "'e.jpg' is a link to" in again.notes[0]
        label(again)
        again.close()


def test_the_folder_images_of_a_project_is_a_folder_of_its_own(
    write_image, tmp_path
):
    write_image('a.jpg', folder=tmp_path / 'photos' / 'images')
    outer = open_project(tmp_path / 'photos')
    outer.do(actions.set_keypoint_names, ['one'])
    outer.do(actions.place_keypoint, 'a.jpg', 0, 3, 4)
    inner = open_project(tmp_path / 'photos' / 'images')
    assert inner.labels.keys('accepted') == []
    inner.close()
    outer.close()


def test_a_folder_of_too_many_files_is_refused_and_left_as_it_is(
    write_image, tmp_path, monkeypatch
):
    folder = write_image('a.jpg').parent
    for number in range(3):
        (folder / f'{number}.txt').touch()
    monkeypatch.setattr('cape_mm.studio.opening._MOST_FILES', 3)
    with pytest.raises(DataError, match='more than 3 files'):
        open_project(folder)
    assert not (folder / 'annotations').exists()


def test_the_file_is_an_mp100_file_with_the_labels_alone(project):
    label(project)
    project.do(actions.set_prediction, 'b.jpg', POINTS, [0.9, 0.9, 0.9])
    dataset = MP100Dataset(
        str(project.path), data_prefix=dict(img=str(project.root))
    )
    assert len(dataset) == 1
    info = dataset.get_data_info(0)
    np.testing.assert_allclose(info['keypoints'][0], POINTS)
    names = dataset.categories[1].keypoint_names
    assert names == ('rim left', 'rim right', 'handle')


def test_undo_and_redo_reach_the_file(project):
    label(project)
    project.undo()
    content = json.loads(project.path.read_text())
    assert content['annotations'][0]['num_keypoints'] == 2
    project.redo()
    content = json.loads(project.path.read_text())
    assert content['annotations'][0]['num_keypoints'] == 3


def test_amending_is_no_step_of_its_own(project):
    before = project.labels
    scores = [0.9, 0.9, 0.9]
    project.do(actions.set_prediction, 'a.jpg', POINTS, scores)
    project.amend(
        project.labels,
        lambda known: actions.set_prediction(known, 'b.jpg', POINTS, scores),
    )
    project.undo()
    assert project.labels == before


def test_a_second_tab_is_told_and_may_take_over(project):
    folder = project.path.parents[1]
    with pytest.raises(DataError, match='open in another tab'):
        open_project(folder)
    label(project)
    second = open_project(folder, take_over=True)
    assert second.labels == project.labels
    with pytest.raises(DataError, match='opened in another tab'):
        label(project)
    label(second, 'b.jpg')
    project.close()  # the first tab ends: the second one keeps the folder
    with pytest.raises(DataError, match='open in another tab'):
        open_project(folder)
    second.close()
    open_project(folder).close()


def test_a_take_over_waits_for_an_action_that_is_being_saved(
    project, monkeypatch
):
    folder, saving = project.root, threading.Event()
    taken = []

    def take_over():
        saving.wait()
        taken.append(open_project(folder, take_over=True))

    thread = threading.Thread(target=take_over)
    thread.start()
    replace = os.replace

    def replace_slowly(*args):
        saving.set()
        time.sleep(0.3)
        assert not taken
        replace(*args)

    monkeypatch.setattr(os, 'replace', replace_slowly)
    project.do(actions.place_keypoint, 'a.jpg', 0, 3, 4)
    thread.join()
    assert taken[0].labels == project.labels
    taken[0].close()


def test_a_second_tab_is_told_without_file_locks(project, monkeypatch):
    folder = project.root
    project.close()
    monkeypatch.setitem(sys.modules, 'fcntl', None)  # as on Windows
    first = open_project(folder)
    with pytest.raises(DataError, match='open in another tab'):
        open_project(folder)
    second = open_project(folder, take_over=True)
    assert not first.is_open
    second.close()
    open_project(folder).close()


_WORKER = """
import sys
from cape_mm.studio import labels as actions
from cape_mm.studio.project import open_project

project = open_project(sys.argv[1])
number = 0
while True:
    number += 1
    x = number % 70
    project.do(actions.place_keypoint, 'a.jpg', 0, x, x % 50)
    print(x, flush=True)
"""


def test_a_killed_process_loses_no_action_and_no_lock(project):
    folder = project.path.parents[1]
    project.close()
    worker = subprocess.Popen(
        [sys.executable, '-c', _WORKER, str(folder)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    lines = [worker.stdout.readline() for _ in range(20)]
    with pytest.raises(DataError, match=f'process {worker.pid}'):
        open_project(folder)
    os.kill(worker.pid, signal.SIGKILL)
    lines += worker.stdout.readlines()
    worker.wait()
    again = open_project(folder)
    x, _, v = again.labels.instances['a.jpg'].keypoints[0]
    last = int(lines[-1])
    # an action that was saved may not have been reported any more
    assert x in (last, (last + 1) % 70)
    assert v == 2
    again.close()


def test_a_full_disk_changes_nothing(project, monkeypatch):
    before = project.labels

    def refuse(*_):
        raise OSError('no space left on device')

    monkeypatch.setattr(os, 'replace', refuse)
    with pytest.raises(DataError, match='no space left'):
        label(project)
    assert project.labels == before


def test_a_thousand_images_are_listed_within_a_second(write_image, tmp_path):
    first = write_image('0.jpg')
    for number in range(1, 1000):
        shutil.copy(first, first.with_name(f'{number}.jpg'))
    start = time.process_time()
    project = open_project(tmp_path / 'mugs')
    assert time.process_time() - start < 1.0
    assert len(project.labels.instances) == 1000
    start = time.process_time()
    project.do(actions.set_keypoint_names, ['rim'])
    project.do(actions.place_keypoint, '7.jpg', 0, 3, 4)
    assert time.process_time() - start < 0.5
    project.close()


@pytest.mark.parametrize('format', ['coco', 'labelme', 'mp100', 'yolo-pose'])
def test_an_export_opened_is_an_import(project, tmp_path, format):
    label(project)
    label(project, 'b.jpg')
    project.do(actions.toggle_edge, 0, 2)
    annotations = to_annotations(project.labels, project.root)
    export_annotations(annotations, format, tmp_path / 'out', link=False)
    again = open_project(tmp_path / 'out')
    accepted = again.labels.keys('accepted')
    assert len(accepted) == 2
    for key in accepted:
        points = np.array(again.labels.instances[key].keypoints)
        np.testing.assert_allclose(points[:, :2], POINTS, atol=0.01)
    again.close()


def test_predictions_with_scores_are_imported_as_predictions(
    project, tmp_path
):
    project.do(actions.set_prediction, 'a.jpg', POINTS, [0.9, 0.8, 0.7])
    annotations = to_annotations(project.labels, project.root, True)
    export_annotations(annotations, 'coco', tmp_path / 'out', link=False)
    again = open_project(tmp_path / 'out')
    (key,) = again.labels.keys('predicted')
    assert again.labels.instances[key].scores == (0.9, 0.8, 0.7)
    again.close()


def test_one_of_several_categories_has_to_be_chosen(real_mini, tmp_path):
    shutil.copytree(real_mini / 'images' / 'duck', tmp_path / 'duck')
    source = real_mini / 'annotations' / 'mp100_split1_val.json'
    project = open_project(tmp_path / 'duck', source, 'duck')
    assert len(project.labels.keys('accepted')) == 9
    assert len(project.labels.keypoint_names) == 10
    project.close()
    (tmp_path / 'duck' / 'annotations' / 'project.json').unlink()
    shutil.copytree(
        real_mini / 'images' / 'tongue_ultrasound', tmp_path / 'duck' / 'more'
    )
    with pytest.raises(DataError, match='write one of them'):
        open_project(tmp_path / 'duck', source)


def test_a_missing_image_keeps_its_labels_and_is_named(project):
    label(project)
    project.close()
    (project.root / 'a.jpg').unlink()
    again = open_project(project.root)
    assert any('a.jpg: put them back' in note for note in again.notes)
    again.do(actions.set_box, 'b.jpg', [1, 1, 9, 9])
    assert again.labels.keys('accepted') == ['a.jpg']
    again.close()


def test_unreadable_and_replaced_images_are_named(project, write_image):
    label(project)
    project.close()
    (project.root / 'broken.jpg').write_bytes(b'no image')
    write_image('a.jpg', 50, 90)
    again = open_project(project.root)
    assert '1 file(s) are left out: broken.jpg' in again.notes[0]
    assert 'check its keypoints' in again.notes[1]
    again.close()


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda c: c['images'][0].update(file_name='../x.jpg'), 'leads out'),
        (lambda c: c['categories'].append(c['categories'][0]), 'no project'),
        (lambda c: c['annotations'][0].update(image_id=99), 'no such image'),
        (lambda c: c['annotations'][0].update(keypoints=[1]), 'must have 9'),
        (lambda c: c.update(studio=[]), 'not an object'),
        (
            lambda c: c['annotations'][0]['studio'].update(corrected=[7]),
            'corrected is',
        ),
        (
            lambda c: c['studio'].update(
                instances=[dict(image_id=1, key='x', status='good')]
            ),
            "no status 'good'",
        ),
    ],
)
def test_a_damaged_project_is_refused_in_one_sentence(
    project, change, message
):
    label(project)
    project.close()
    content = json.loads(project.path.read_text())
    change(content)
    project.path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        open_project(project.root)
    change_back = open_project  # the lock is free again
    project.path.unlink()
    change_back(project.root).close()


def test_labels_of_another_tool_in_the_project_file_are_accepted(project):
    label(project)
    project.close()
    content = json.loads(project.path.read_text())
    del content['studio'], content['annotations'][0]['studio']
    project.path.write_text(json.dumps(content))
    again = open_project(project.root)
    assert again.labels.keys('accepted') == ['a.jpg']
    again.close()


def test_the_request_has_accepted_images_as_shots(project):
    with pytest.raises(DataError, match='no image is labelled'):
        project.make_request(['b.jpg'])
    label(project)
    project.do(actions.set_box, 'b.jpg', [1, 2, 30, 40])
    request = project.make_request(['b.jpg'])
    assert [s.image for s in request.supports] == [str(project.root / 'a.jpg')]
    assert request.queries[0].box == [1, 2, 30, 40]
    assert request.keypoint_names == ['rim left', 'rim right', 'handle']


def test_shots_are_the_last_ten_whose_image_is_there(write_image, tmp_path):
    keys = [f'{number:02}.jpg' for number in range(13)]
    folder = [write_image(key) for key in keys][0].parent
    project = open_project(folder)
    project.do(actions.set_keypoint_names, ['one'])
    for key in keys[1:]:
        project.do(actions.place_keypoint, key, 0, 3, 4)
    project.do(actions.set_prediction, keys[0], [(-2, 99)], [0.9])
    project.do(actions.accept, keys[0])
    (folder / keys[5]).unlink()
    shots = [keys[0], *keys[3:5], *keys[6:]]
    assert project.find_shots() == shots
    handlers = pytest.importorskip('cape_mm.studio.handlers')
    text = '13 labelled image(s) are the shots (10 used: the last 10 whose'
    assert handlers.describe_shots(project).startswith(text)
    supports = project.make_request([]).supports
    assert [Path(shot.image).name for shot in supports] == shots
    assert supports[0].keypoints == [[0, 59, 2]]
    project.close()


@pytest.mark.parametrize(
    'folder, error, message',
    [
        ('nowhere', FileNotFoundError, 'no folder'),
        ('empty', DataError, 'no image in'),
    ],
)
def test_a_folder_that_cannot_be_a_project_is_refused(
    tmp_path, folder, error, message
):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(error, match=message):
        open_project(tmp_path / folder)
