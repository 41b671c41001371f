# Copyright (c) cape_mm contributors. All rights reserved.
"""An image to click on, with its list, buttons and table: used twice."""

from __future__ import annotations

import html
from dataclasses import replace
from functools import wraps
from typing import Any, Callable

import numpy as np

from cape_mm.cli.arguments import explain
from cape_mm.errors import DataError

from . import editor
from .editor import MODES
from .labels import accept, add_instance, clear, reject
from .session import Session, describe_instance, list_keys

try:
    import gradio as gr
except ImportError:  # the server says so, see `serve`
    gr = None

_STEPS = {'←': (-1, 0), '↑': (0, -1), '↓': (0, 1), '→': (1, 0)}
_FLAGS = {'Visible': 2, 'Hidden': 1, 'Not visible': 0}
#: What all events share: no page of an API, which is no access control, and no
#: flicker.
QUIET: dict[str, Any] = dict(
    api_visibility='private', show_progress='hidden', concurrency_limit=None
)
#: Nor is a quick click lost while another one is answered.
_QUICK = dict(QUIET, trigger_mode='multiple')


class Sessions(dict):
    """Sessions of all tabs, by the hash that Gradio gives each."""

    def __call__(self, request: gr.Request) -> Session:
        """The session of a request."""
        return self.setdefault(request.session_hash, Session())

    def leave(self, request: gr.Request) -> None:
        """A tab was closed, or sleeps."""
        if request.session_hash in self:
            self[request.session_hash].close(for_good=False)


def warn(error: Exception) -> None:
    """Show an error for the user in the page; raise any other one."""
    text = explain(error)
    if text is None:
        raise error
    gr.Warning(html.escape(text, quote=False), duration=20)


def guard(action: Callable) -> Callable:
    """Show errors for the user as warnings; the page stays as it is."""

    @wraps(action)
    def run(*args: Any) -> Any:
        try:
            return action(*args)
        except Exception as error:
            warn(error)
            return gr.skip()

    return run


class Panel:
    """An image to click on.

    Args:
        sessions (Sessions): All tabs.
        to_correct (bool): Whether it goes through predictions, those most
            worth a look first, instead of all images.
    """

    def __init__(self, sessions: Sessions, to_correct: bool) -> None:
        self._sessions, self._to_correct = sessions, to_correct
        kind = 'correct' if to_correct else 'annotate'
        #: What the browser displays, as events may come from another image.
        self.place = gr.Textbox(visible='hidden', elem_id=f'{kind}-place')
        with gr.Row(equal_height=True):
            back = gr.Button('◀', min_width=40, scale=0)
            self.item = gr.Dropdown(
                [], label='Image', scale=4, elem_id=f'{kind}-item'
            )
            forth = gr.Button('▶', min_width=40, scale=0)
            if to_correct:
                yes = gr.Button(
                    'Accept', variant='primary', min_width=90, scale=0
                )
                no = gr.Button('Reject', min_width=90, scale=0)
        with gr.Row():
            with gr.Column(scale=3, min_width=300):
                self.prompt = gr.Markdown(elem_id=f'{kind}-prompt')
                self.image = gr.Image(
                    interactive=False,
                    show_label=False,
                    format='jpeg',
                    buttons=[],
                    elem_id=f'{kind}-image',
                    elem_classes='canvas',
                )
                with gr.Row(elem_classes='tools'):
                    undo = gr.Button('Undo', min_width=70, size='sm')
                    redo = gr.Button('Redo', min_width=70, size='sm')
                    zoom = gr.Button('Zoom', min_width=70, size='sm')
                    flags = [
                        gr.Button(name, min_width=70, size='sm')
                        for name in _FLAGS
                    ]
                with gr.Row(elem_classes='tools'):
                    arrows = [
                        gr.Button(
                            *(name,),
                            min_width=40,
                            size='sm',
                            elem_classes=f'arrow-{number}',
                        )
                        for number, name in enumerate(_STEPS)
                    ]
                    clear_all = gr.Button('Clear', min_width=70, size='sm')
                    more = gr.Button('Another object', min_width=70, size='sm')
            with gr.Column(scale=1, min_width=260):
                self.mode = gr.Radio(
                    list(MODES), value=MODES[0], label='A click is for'
                )
                self.target = gr.Radio(
                    [], label='Keypoint', elem_id=f'{kind}-target'
                )
                with gr.Accordion('Table', open=False):
                    self.table = gr.Dataframe(
                        headers=['name', 'x', 'y', 'v', 'score'],
                        type='array',
                        interactive=True,
                        static_columns=[0, 4],
                        show_label=False,
                        elem_id=f'{kind}-table',
                    )
                    gr.Markdown(
                        'Pixels; v: 2 visible, 1 hidden, 0 not visible.'
                    )
        self.outputs = [
            *(self.prompt, self.image, self.item),
            *(self.target, self.table, self.mode, self.place),
        ]

        def on(event: Callable, action: Callable, *inputs: Any) -> None:
            handle = self._handler(action)
            event(handle, list(inputs), self.outputs, **_QUICK)

        def on_image(event: Callable, action: Callable, *inputs: Any) -> None:
            on(event, _check_place(action), self.place, *inputs)

        self.image.select(self._on_click, self.place, self.outputs, **_QUICK)
        on(back.click, lambda s: s.step(-1, to_correct))
        on(forth.click, lambda s: s.step(1, to_correct))
        on(self.item.input, _choose, self.item)
        on(self.mode.input, _set_mode, self.mode)
        on(undo.click, lambda s: s.project.undo())
        on(redo.click, lambda s: s.project.redo())
        on_image(self.target.input, _select, self.target)
        on_image(self.table.input, _edit, self.table)
        on_image(zoom.click, _use(editor.zoom, with_labels=True))
        on_image(clear_all.click, _clear)
        on_image(more.click, _add_instance)
        for button, v in zip(flags, _FLAGS.values()):
            on_image(button.click, _use(editor.flag, v))
        for button, step in zip(arrows, _STEPS.values()):
            on_image(button.click, _use(editor.nudge, *step))
        if to_correct:
            on_image(yes.click, lambda s: s.decide(accept))
            on_image(no.click, lambda s: s.decide(reject))

    def show(self, request: gr.Request) -> Any:
        """Values of all outputs."""
        session = self._sessions(request)
        if not session.has_project:
            return gr.skip()
        return guard(self._render)(session)

    def show_first(self, request: gr.Request) -> Any:
        """The same, beginning with the instance most worth a look."""
        session = self._sessions(request)
        if session.has_project:
            keys = list_keys(session.project.labels, True)
            if keys and session.find_cursor().key not in keys:
                session.cursor = editor.go_to(session.project.labels, keys[0])
        return self.show(request)

    def _handler(self, action: Callable) -> Callable:
        """Handler that does something in a session, then shows it."""

        @guard
        def run(request: gr.Request, *values: Any) -> Any:
            session = self._sessions(request)
            with session.busy:
                try:
                    action(session, *values)
                except Exception as error:
                    warn(error)
                return self._render(session)

        return run

    def _on_click(
        self, place: str, request: gr.Request, event: gr.SelectData
    ) -> Any:
        x, y = event.index

        def click(session: Session) -> None:
            from .canvas import view_image

            project, cursor = session.project, session.find_cursor()
            view = view_image(project.image_path(cursor.key), cursor)
            # Gradio rounds, with 0 at the edge of the first pixel
            (point,) = view.to_original(np.array([[x, y]]) - 0.5)
            side = max(view.image.shape[:2]) * editor.REACH
            reach = float(side / np.max(view.scale))
            session.cursor = editor.click(project, cursor, *point, reach)

        return self._handler(_check_place(click))(request, place)

    def _render(self, session: Session) -> list:
        from .canvas import draw_labels, view_image

        project, cursor = session.project, session.find_cursor()
        labels = project.labels
        keys = list_keys(labels, self._to_correct)
        if cursor.key not in keys:
            keys = [*keys, cursor.key]
        try:
            view = view_image(project.image_path(cursor.key), cursor)
            image = draw_labels(view, labels, cursor)
        except (DataError, FileNotFoundError) as error:
            warn(error)
            image = None
        instance = labels.instances[cursor.key]
        marks = {0: '○', 1: '◐', 2: '●'}
        targets = [
            (f'{marks[v]} {name}', index)
            for index, (name, (_, _, v)) in enumerate(
                zip(labels.keypoint_names, instance.keypoints)
            )
        ]
        entries = [(describe_instance(labels, key), key) for key in keys]
        return [
            editor.describe(labels, cursor),
            image,
            gr.update(choices=entries, value=cursor.key),
            gr.update(choices=targets, value=cursor.target),
            editor.make_table(labels, cursor.key),
            *(cursor.mode, _place_of(cursor)),
        ]


def _place_of(cursor: editor.Cursor) -> str:
    """The part of an image that is displayed."""
    return f'{cursor.key}|{cursor.zoom}'


def _check_place(action: Callable) -> Callable:
    """Do nothing if the browser did not display the cursor's image yet."""

    def check(session: Session, place: str, *values: Any) -> None:
        if place == _place_of(session.find_cursor()):
            action(session, *values)

    return check


def _use(action: Callable, *args: Any, with_labels: bool = False) -> Callable:
    """An action of :mod:`.editor` as one on a session."""

    def use(session: Session) -> None:
        project, cursor = session.project, session.find_cursor()
        first = project.labels if with_labels else project
        session.cursor = action(first, cursor, *args)

    return use


def _choose(session: Session, key: str) -> None:
    session.cursor = editor.go_to(session.project.labels, key)


def _select(session: Session, index: int) -> None:
    cursor = session.find_cursor()
    session.cursor = replace(cursor, target=index, last=index)


def _set_mode(session: Session, mode: str) -> None:
    cursor = session.find_cursor()
    session.cursor = replace(cursor, mode=mode, corner=None, edge=None)


def _edit(session: Session, rows: list[list]) -> None:
    editor.apply_table(session.project, session.find_cursor().key, rows)


def _clear(session: Session) -> None:
    project, key = session.project, session.find_cursor().key
    project.do(clear, key)
    session.cursor = editor.go_to(project.labels, key)


def _add_instance(session: Session) -> None:
    project, key = session.project, session.find_cursor().key
    labels, new = add_instance(project.labels, key)
    project.do(lambda _: labels)
    session.cursor = editor.go_to(labels, new)
