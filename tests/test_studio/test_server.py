# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cape_mm.errors import DataError, UsageError
from cape_mm.studio import labels as actions
from cape_mm.studio.server import launch, serve
from cape_mm.studio.session import (
    Session,
    describe_instance,
    describe_project,
)

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'demo' / 'studio.py'
POINTS = [(10, 20), (30, 40), (50, 5)]


@pytest.mark.parametrize(
    'host, variable, message',
    [
        ('0.0.0.0', None, 'set a password'),
        ('127.0.0.1', 'NO_SUCH_VARIABLE', 'is not set'),
        ('0.0.0.0', 'NO_SUCH_VARIABLE', 'is not set'),
    ],
)
def test_others_are_let_in_with_a_password_only(host, variable, message):
    args = Namespace(listen=host, port=None, password_env=variable)
    with pytest.raises(UsageError, match=message):
        serve(args)


def test_the_tool_says_in_one_line_what_is_wrong():
    command = [sys.executable, str(TOOL), '--listen', '0.0.0.0']
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith('studio.py: error: --listen 0.0.0.0 lets')
    assert done.stderr.count('\n') == 1


@pytest.fixture
def session(project):
    project.close()
    session = Session()
    session.open(str(project.root))
    yield session
    session.close()


def test_without_project_the_page_says_so():
    session = Session()
    with pytest.raises(DataError, match='no project is open'):
        session.find_cursor()
    with pytest.raises(DataError, match='no folder is given'):
        session.open(' ')


def test_a_second_tab_takes_over_by_opening_twice(session):
    other, folder = Session(), str(session.project.root)
    with pytest.raises(DataError, match='press Open once more'):
        other.open(folder)
    other.open(folder)
    with pytest.raises(DataError, match='opened in another tab'):
        session.project.do(actions.set_box, 'a.jpg', [1, 1, 9, 9])
    other.close()


def test_a_tab_that_slept_opens_its_project_again(session):
    project = session.project
    session.close(for_good=False)
    assert not project.is_open
    assert session.project.labels == project.labels


def test_deciding_goes_on_to_the_lowest_score(session):
    project = session.project
    for key, score in [('a.jpg', 0.8), ('b.jpg', 0.4), ('c/d.png', 0.5)]:
        project.do(actions.set_prediction, key, POINTS, [score] * 3)
    session.step(-2, to_correct=True)
    assert session.find_cursor().key == 'b.jpg'
    session.decide(actions.accept)
    assert session.find_cursor().key == 'c/d.png'
    session.decide(actions.reject)
    assert session.find_cursor().key == 'a.jpg'
    assert project.labels.reviewed == ('b.jpg',)
    session.step(1, to_correct=True)
    assert session.find_cursor().key == 'b.jpg'


def test_a_project_that_cannot_be_opened_leaves_the_one_before(
    session, tmp_path
):
    project = session.project
    with pytest.raises(FileNotFoundError):
        session.open(str(tmp_path / 'nowhere'))
    assert session.project is project and project.is_open
    with pytest.raises(DataError, match='is a project already'):
        session.open(str(project.root), source=str(project.path))
    assert session.project.labels == project.labels
    other = Session()
    with pytest.raises(DataError, match='press Open once more'):
        other.open(str(project.root))


def test_a_failure_is_no_first_step_of_a_take_over(session):
    folder, other = str(session.project.root), Session()
    session.close()
    with pytest.raises(DataError, match='is a project already'):
        other.open(folder, source=folder)
    session.open(folder)
    with pytest.raises(DataError, match='press Open once more'):
        other.open(folder)


def test_states_are_told_in_words(session):
    project = session.project
    assert describe_instance(project.labels, 'a.jpg') == 'a.jpg'
    project.do(actions.set_prediction, 'a.jpg', POINTS, [0.9, 0.9, 0.2])
    expected = 'a.jpg — score 0.67, 1 uncertain'
    assert describe_instance(project.labels, 'a.jpg') == expected
    project.do(actions.place_keypoint, 'a.jpg', 2, 4, 5)
    expected = 'a.jpg — 3 of 3 labelled, 1 corrected'
    assert describe_instance(project.labels, 'a.jpg') == expected
    project.do(actions.reject, 'b.jpg')
    assert describe_instance(project.labels, 'b.jpg') == 'b.jpg — rejected'
    project.do(lambda known: actions.add_instance(known, 'a.jpg')[0])
    text = describe_project(project)
    assert '3 images' in text
    assert '1 labelled, 1 rejected, 2 without labels' in text


def test_a_kind_of_object_renames_the_open_project_alone(
    session, write_image, tmp_path
):
    folder = str(session.project.root)
    session.open(folder, category='mug')
    assert session.project.labels.category == 'mug'
    write_image('a.jpg', folder=tmp_path / 'others')
    session.open(str(tmp_path / 'others'), category='cup')
    session.open(folder, category='cup')  # what stood there still
    assert session.project.labels.category == 'mug'


@pytest.fixture
def page(tmp_path):
    pytest.importorskip('gradio')
    from cape_mm.studio.page import build_page

    return build_page(tmp_path / 'out')


def test_a_visitor_names_no_config_and_uploads_no_file(
    page, tmp_path, monkeypatch
):
    import httpx

    assert 'Config' not in [
        getattr(block, 'label', '') for block in page.blocks.values()
    ]
    monkeypatch.setattr('cape_mm.studio.server._load_models', lambda: None)
    url = launch(page)
    route = f'{url}gradio_api/upload'
    try:
        answer = httpx.post(route, files={'files': ('a.py', b'print(1)')})
    finally:
        page.close()
    assert answer.status_code == 413, answer.text


@pytest.fixture
def warnings(monkeypatch):
    import gradio

    texts = []
    monkeypatch.setattr(
        gradio, 'Warning', lambda text, **_: texts.append(text)
    )
    return texts


def test_one_prediction_runs_at_a_time_with_the_config_of_the_tool(
    project, session, tmp_path, warnings, monkeypatch
):
    handlers = pytest.importorskip('cape_mm.studio.handlers')
    request = SimpleNamespace(session_hash='tab')
    run = handlers.Handlers({}, tmp_path, 'mine.py', 'cpu')
    run._sessions = lambda _: session
    given = []

    def load(*args):
        given.append(args)
        # a second one, while the first one runs
        list(run.predict(True)('', False, request))
        raise DataError('no such model')

    monkeypatch.setattr(handlers, 'load_inferencer', load)
    list(run.predict(False)('a.pth', False, request))
    assert given == [('a.pth', 'mine.py', 'cpu')]
    assert 'a prediction runs already' in warnings[0]
    assert warnings[1:] == ['no such model']
    assert not session.predicting.locked()


def test_faults_of_the_program_are_not_told_as_those_of_the_user(warnings):
    panel = pytest.importorskip('cape_mm.studio.panel')

    def fail(error):
        raise error

    panel.guard(fail)(DataError('<b>'))
    panel.guard(fail)(PermissionError(13, 'Permission denied', 'a.json'))
    assert warnings[0] == '&lt;b&gt;'
    assert "'a.json': Permission denied" in warnings[1]
    with pytest.raises(ZeroDivisionError):
        panel.guard(fail)(ZeroDivisionError())


def handler_of(page, elem_id, event):
    """What an event of a component calls."""
    (component,) = (b for b in page.blocks.values() if b.elem_id == elem_id)
    return next(
        entry.fn
        for entry in page.fns.values()
        if (component._id, event) in entry.targets
    )


def test_events_of_an_image_that_is_left_do_nothing(page, session):
    project = session.project
    request = SimpleNamespace(session_hash='tab')
    edit = handler_of(page, 'correct-table', 'input')
    click = handler_of(page, 'correct-image', 'select')
    click.__self__._sessions['tab'] = session
    for key, score in [('a.jpg', 0.4), ('b.jpg', 0.8)]:
        project.do(actions.set_prediction, key, POINTS, [score] * 3)
    session.step(-2, to_correct=True)
    place = click.__self__.show(request)[-1]
    session.decide(actions.accept)
    before = project.labels
    event = SimpleNamespace(index=(100, 100))
    table = [[name, 1, 2, 2, ''] for name in before.keypoint_names]
    edit(request, place, table)
    values = click(place, request, event)
    assert project.labels == before
    edit(request, values[-1], table)
    assert project.labels.instances['b.jpg'].keypoints == ((1, 2, 2),) * 3
