# Copyright (c) cape_mm contributors. All rights reserved.
"""What the buttons of the page do, beside those at an image."""

from __future__ import annotations

import html
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Iterator

from cape_mm.errors import DataError

from .labels import ACCEPTED, set_keypoint_names
from .panel import Sessions, guard, warn
from .predict import Progress, load_inferencer, predict, queries_of
from .project import MAX_SHOTS, Project
from .session import Session, describe_project

try:
    import gradio as gr
except ImportError:  # the server says so, see `serve`
    gr = None

#: Seconds between two updates of the progress.
_INTERVAL = 0.3


class Handlers:
    """Handlers of events; each gets values of the page and its request.

    Args:
        sessions (Sessions): All tabs.
        out_dir (Path): Folder of the files that are downloaded.
        config (str, optional): Config of the model.
        device (str, optional): Device of the model.
    """

    def __init__(
        self,
        sessions: Sessions,
        out_dir: Path,
        config: str | None = None,
        device: str | None = None,
    ) -> None:
        self._sessions, self._out_dir = sessions, out_dir
        self._config, self._device = config, device

    @guard
    def open_folder(
        self, folder: str, source: str, category: str, request: gr.Request
    ) -> Any:
        """Open a project: its summary, names and category."""
        session = self._sessions(request)
        with session.busy:
            session.open(folder, source, category)
            project = session.project
        return [*_describe(project), project.labels.category]

    @guard
    def save_names(self, text: str, request: gr.Request) -> Any:
        """Take over names of keypoints: summary and names."""
        session = self._sessions(request)
        with session.busy:
            session.project.do(set_keypoint_names, text.splitlines())
            session.cursor = None
            return _describe(session.project)

    def show(self, describe: Callable[[Project], Any]) -> Callable:
        """Handler that describes the project, if one is open."""

        def run(request: gr.Request) -> Any:
            session = self._sessions(request)
            if not session.has_project:
                return gr.skip()
            return describe(session.project)

        return run

    def predict(self, only_one: bool) -> Callable:
        """Handler that predicts the current image, or all not decided."""

        def run(
            checkpoint: str, detect: bool, request: gr.Request
        ) -> Iterator[tuple[str, Any]]:
            session = self._sessions(request)
            if not session.predicting.acquire(blocking=False):
                warn(DataError('a prediction runs already: wait, or stop it'))
                yield gr.skip(), gr.skip()
                return
            try:
                session.stop.clear()
                yield from self._predict(session, only_one, checkpoint, detect)
            except Exception as error:
                warn(error)
                yield '', gr.skip()
            finally:
                session.predicting.release()

        return run

    def stop(self, request: gr.Request) -> None:
        """End a prediction; what is done is kept."""
        self._sessions(request).stop.set()

    @guard
    def make_zip(
        self, formats: list[str], with_predictions: bool, request: gr.Request
    ) -> Any:
        """Write labels: the zip and what is in it."""
        # imported late, as drawing takes seconds to load
        from .export import export_zip

        project = self._sessions(request).project
        target = Path(tempfile.mkdtemp(dir=self._out_dir))
        path, lines = export_zip(project, formats, target, with_predictions)
        return str(path), '\n\n'.join(lines)

    def _predict(
        self, session: Session, only_one: bool, checkpoint: str, detect: bool
    ) -> Iterator[tuple[str, Any]]:
        """Progress and shots while a prediction runs."""
        project = session.project
        keys = queries_of(project.labels)
        if only_one:
            keys = [session.find_cursor().key]
            if project.labels.instances[keys[0]].status == ACCEPTED:
                raise DataError(
                    f'{keys[0]} is labelled: go to another image, or press '
                    'Clear there to predict it anew'
                )
        if not keys:
            raise DataError('every image is accepted or rejected already')
        progress = Progress(0, len(keys))
        yield _bar(progress, 'The model is loaded'), gr.skip()
        model = load_inferencer(checkpoint, self._config, self._device)
        shown = 0.0
        with closing(predict(project, keys, model, detect=detect)) as steps:
            for progress in steps:
                if session.stop.is_set():
                    break
                if progress.seconds - shown > _INTERVAL:
                    shown = progress.seconds
                    yield _bar(progress, progress), gr.skip()
        text = progress
        if progress.done < progress.total:
            text = (
                f'stopped after {progress.done} of {progress.total} images: '
                'what is done is kept'
            )
        yield (
            _bar(progress, text),
            f'{describe_shots(project)} Check the predictions in **Correct**.',
        )


def describe_shots(project: Project) -> str:
    """What the next prediction begins with, in words."""
    labels, shots = project.labels, len(project.find_shots())
    count, note = len(labels.keys(ACCEPTED)), ''
    if shots < count:
        note = f' ({shots} used: the last {MAX_SHOTS} whose file is there)'
    return (
        f'{count} labelled image(s) are the shots{note}, '
        f'{len(queries_of(labels))} can be predicted.'
    )


def _describe(project: Project) -> list[str]:
    """Summary and names of keypoints."""
    names = '\n'.join(project.labels.keypoint_names)
    return [describe_project(project), names]


def _bar(progress: Progress, text: object) -> str:
    """Progress in HTML."""
    return (
        f'<progress value="{progress.done}" max="{progress.total}" '
        f'style="width: 100%"></progress><p>{html.escape(str(text))}</p>'
    )
