# Copyright (c) cape_mm contributors. All rights reserved.
"""One browser tab: its project, and where it is in it."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Callable

from cape_mm.errors import DataError

from .editor import Cursor, go_to, order_by_worth, stay_valid
from .labels import ACCEPTED, EMPTY, MIN_SCORE, PREDICTED, REJECTED, Labels
from .project import Project, ProjectInUseError, open_project


class Session:
    """A browser tab.

    Attributes:
        busy (threading.RLock): Held while an action runs, so that quick
            clicks come one after the other.
        stop (threading.Event): Set to end a prediction.
        predicting (threading.Lock): Held while a prediction runs.
        cursor (Cursor, optional): Where the user is; the same in all parts of
            the page.
    """

    def __init__(self) -> None:
        self.busy = threading.RLock()
        self.stop = threading.Event()
        self.predicting = threading.Lock()
        self.cursor: Cursor | None = None
        self._project: Project | None = None
        self._folder: Path | None = None
        self._refused: str | None = None

    @property
    def project(self) -> Project:
        """Project: The open project.

        A tab that slept, as phones do, opens it again.
        """
        with self.busy:
            if self._project is None and self._folder is not None:
                self._project = open_project(self._folder)
        if self._project is None:
            raise DataError(
                'no project is open: give a folder of images in Project'
            )
        return self._project

    @property
    def has_project(self) -> bool:
        """bool: Whether there is an open project."""
        return self._project is not None

    def open(self, folder: str, source: str = '', category: str = '') -> None:
        """Open a project in the place of the one before.

        If it was refused because it is open elsewhere, a second call takes it
        over.

        Args:
            folder (str): Folder of the images.
            source (str): Annotations to import. Defaults to none.
            category (str): The kind of object. Defaults to that of the
                project.

        Raises:
            DataError: If it cannot be opened.
        """
        if not folder.strip():
            raise DataError('no folder is given: write that of your images')
        given = str(Path(folder.strip()).expanduser().resolve())
        category = category.strip()
        is_again = self._folder == Path(given) and self.has_project
        if is_again:  # its lock is in the way; if it fails, it opens again
            self.close(for_good=False)
        take_over, self._refused = given == self._refused, None
        try:
            project = open_project(
                given, source.strip() or None, category or None, take_over
            )
        except ProjectInUseError:
            self._refused = given
            raise
        self.close()
        self._project = project
        labels = self._project.labels
        if is_again and category and category != labels.category:
            self._project.do(lambda known: replace(known, category=category))
        self._folder = Path(given)
        self.cursor = stay_valid(self._project.labels, None)

    def close(self, for_good: bool = True) -> None:
        """Let others open the project."""
        self.stop.set()
        if self._project is not None:
            self._project.close()
        self._project = None
        if for_good:
            self._folder = self.cursor = None

    def find_cursor(self) -> Cursor:
        """Where the user is, on an instance that there is."""
        self.cursor = stay_valid(self.project.labels, self.cursor)
        return self.cursor

    def step(self, by: int, to_correct: bool) -> None:
        """Go some instances further in the list, and stay in it."""
        keys = list_keys(self.project.labels, to_correct)
        key = self.find_cursor().key
        if not keys:
            raise DataError('no prediction is left to be checked')
        place = keys.index(key) + by if key in keys else 0
        place = min(max(place, 0), len(keys) - 1)
        self.cursor = go_to(self.project.labels, keys[place])

    def decide(self, action: Callable) -> None:
        """Accept or reject, and go to the prediction most worth a look."""
        project, key = self.project, self.find_cursor().key
        project.do(action, key)
        key = next(iter(order_by_worth(project.labels)), key)
        self.cursor = go_to(project.labels, key)


def list_keys(labels: Labels, to_correct: bool) -> list[str]:
    """Instances of a list: all, or predictions and what was accepted."""
    if to_correct:
        return [*order_by_worth(labels), *labels.reviewed]
    return list(labels.instances)


def describe_instance(labels: Labels, key: str) -> str:
    """An instance as an entry of a list."""
    instance = labels.instances[key]
    if instance.status == EMPTY:
        return key
    if instance.status == PREDICTED:
        low = sum(score < MIN_SCORE for score in instance.scores)
        note = f', {low} uncertain' if low else ''
        return f'{key} — score {instance.mean_score:.2f}{note}'
    if instance.status == REJECTED:
        return f'{key} — rejected'
    count = sum(v > 0 for _, _, v in instance.keypoints)
    note = ''
    if instance.scores is not None:
        note = f', {len(instance.corrected)} corrected'
    return f'{key} — {count} of {len(instance.keypoints)} labelled{note}'


def describe_project(project: Project) -> str:
    """What there is in a project, in Markdown."""
    labels = project.labels
    counts = {
        'labelled': len(labels.keys(ACCEPTED)),
        'predicted': len(labels.keys(PREDICTED)),
        'rejected': len(labels.keys(REJECTED)),
        'without labels': len(labels.keys(EMPTY)),
    }
    found = ', '.join(f'{n} {name}' for name, n in counts.items() if n)
    count = len({instance.image for instance in labels.instances.values()})
    lines = [
        f'**{count} images** of {labels.category}: {found}.',
        f'Saved after every action in `{project.path}`.',
    ]
    if not labels.keypoint_names:
        lines.append('Write the names of the keypoints next.')
    elif not labels.keys(ACCEPTED):
        lines.append('Label one image in **Annotate** next.')
    return '\n\n'.join([*lines, *project.notes])
