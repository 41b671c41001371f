# Copyright (c) cape_mm contributors. All rights reserved.
"""A project: a folder of images and an ordinary annotation file beside them.

The file is ``annotations/project.json`` in MP-100 layout. Labels are its
``annotations``; the key ``studio`` has what other readers do not need:
predictions that are not accepted yet, and which keypoints were corrected.
"""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterable

import numpy as np

from cape_mm.datasets.formats.annotation_tools import (
    AnnotatedImage,
    AnnotatedInstance,
    Annotations,
    to_coco,
)
from cape_mm.datasets.formats.mp100.annotation_file import Category
from cape_mm.errors import DataError

from .labels import ACCEPTED, PREDICTED, History, Labels
from .opening import FOLDER, find_images, read_project
from .project_file import studio_content

if TYPE_CHECKING:
    from cape_mm.apis import EpisodeRequest

_FILE = 'project.json'
#: Projects that are open in this process, by their file.
_OPEN: dict[Path, Project] = {}
_OPENING = threading.Lock()
#: Shots of a prediction: more cost time and memory, and help little.
MAX_SHOTS = 10


class ProjectInUseError(DataError):
    """A project is open in another tab of this process."""


class Project:
    """Labels of a folder of images, saved after every action.

    Opened by :func:`open_project`, which keeps others out until
    :meth:`close`.

    Args:
        root (Path): Folder of the images.
        path (Path): Annotation file.
        labels (Labels): Labels to begin with.
        lock (Any): Open file that holds the lock.
        notes (Sequence[str]): Remarks on what was read.
    """

    def __init__(
        self,
        root: Path,
        path: Path,
        labels: Labels,
        lock: Any,
        notes: Iterable[str] = (),
    ) -> None:
        self.root, self.path = root, path
        self.notes = list(notes)
        self._lock, self._busy = lock, threading.RLock()
        self._history = History(labels)

    @property
    def labels(self) -> Labels:
        """Labels: Labels as they are."""
        return self._history.present

    @property
    def is_open(self) -> bool:
        """bool: Whether this project may still be changed here."""
        return not self._lock.closed

    def do(self, action: Callable[..., Labels], *args: Any) -> None:
        """Take a step, see :mod:`.labels`, and save.

        Args:
            action (Callable): Function from labels and arguments to labels.
            *args: Its further arguments.

        Raises:
            DataError: If it cannot be done, or the project was opened
                elsewhere.
        """
        with self._busy:
            labels = action(self.labels, *args)
            self._move_to(self._history.do(labels))

    def amend(
        self, known: Labels | None, action: Callable[[Labels], Labels]
    ) -> Labels | None:
        """Do the same as a part of the last step, if that led to ``known``.

        Returns:
            Labels | None: ``known`` of the next call.
        """
        with self._busy:
            labels = action(self.labels)
            if labels == self.labels:
                return known
            history = self._history.do(labels)
            if self.labels is known:
                history = replace(history, past=self._history.past)
            self._move_to(history)
            return labels

    def undo(self) -> None:
        """Take a step back, and save."""
        with self._busy:
            self._move_to(self._history.undo())

    def redo(self) -> None:
        """Take an undone step again, and save."""
        with self._busy:
            self._move_to(self._history.redo())

    def close(self) -> None:
        """Let others open the project; everything has been saved."""
        with self._busy:
            self._lock.close()
        with _OPENING:
            if _OPEN.get(self.path) is self:
                del _OPEN[self.path]

    def image_path(self, key: str) -> Path:
        """File of the image of an instance."""
        return self.root / self.labels.instances[key].image

    def find_shots(self) -> list[str]:
        """Accepted instances whose image is there, those accepted last."""
        labels = self.labels
        keys = [
            key
            for key in labels.keys(ACCEPTED)
            if self.image_path(key).is_file()
        ]
        order = {key: number for number, key in enumerate(labels.reviewed)}
        latest = sorted(keys, key=lambda key: order.get(key, -1))[-MAX_SHOTS:]
        return [key for key in keys if key in latest]

    def make_request(self, queries: Iterable[str]) -> EpisodeRequest:
        """Request for some images, with those of :meth:`find_shots`.

        Args:
            queries (Iterable[str]): Keys of instances.

        Returns:
            EpisodeRequest: As the command line has it.

        Raises:
            DataError: If nothing is labelled yet.
        """
        # imported late, as it takes seconds, and the page is not to wait
        from cape_mm.apis import EpisodeRequest, RequestMember

        def member(key: str, points: list | None = None) -> RequestMember:
            box = labels.instances[key].box
            path = str(self.root / labels.instances[key].image)
            return RequestMember(path, points, None if box is None else [*box])

        labels = self.labels
        supports = []
        for key in self.find_shots():
            instance = labels.instances[key]
            points = [list(point) for point in instance.keypoints]
            supports.append(member(key, points))
        if not supports:
            raise DataError(
                'no image is labelled yet: click its keypoints in Annotate'
            )
        pairs = labels.flip_pairs
        return EpisodeRequest(
            supports,
            [member(key) for key in queries],
            labels.category,
            list(labels.keypoint_names),
            [list(edge) for edge in labels.skeleton],
            None if pairs is None else [list(pair) for pair in pairs],
        )

    def _move_to(self, history: History) -> None:
        """Save labels, then have them."""
        if not self.is_open:
            raise DataError(
                f'{self.root} was opened in another tab: open it again here '
                'to go on'
            )
        if history.present is not self._history.present:
            _save(self.path, self.root, history.present)
        self._history = history


def open_project(
    folder: str | os.PathLike[str],
    source: str | os.PathLike[str] | None = None,
    category: str | None = None,
    take_over: bool = False,
) -> Project:
    """Open a folder of images, and keep others out of it.

    Without a project there, annotations of any tool that lie in the folder
    are imported.

    Args:
        folder (str | Path): Folder of the images, or with a folder ``images``.
        source (str | Path, optional): File or folder of an annotation tool to
            import. Defaults to what lies in the folder.
        category (str, optional): The category to import, if there are
            several; name of a new one. A project keeps its own.
        take_over (bool): Whether another tab of this process loses the
            project. Defaults to False.

    Returns:
        Project: The project.

    Raises:
        FileNotFoundError: If there is no such folder or source.
        DataError: If it is open elsewhere, has no image, or annotations
            cannot be read.
        ImportError: If a package for the format is missing.
    """
    folder = Path(folder).expanduser().resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f'there is no folder {folder}')
    has_own = (folder / 'images').is_dir()
    root = folder / 'images' if has_own else folder
    path = folder / FOLDER / _FILE
    notes: list[str] = []
    images = find_images(root, notes)
    with _OPENING:
        other = _OPEN.get(path)
        if other is not None and other.is_open:
            if not take_over:
                raise ProjectInUseError(
                    f'{folder} is open in another tab: go on there, or press '
                    'Open once more to take it over; the other tab can then '
                    'change nothing'
                )
            with other._busy:  # not while it saves
                other._lock.close()
        lock = _hold(path)
        try:
            labels = read_project(path, root, images, source, category, notes)
            project = Project(root, path, labels, lock, notes)
            if not path.exists():
                _save(path, root, labels)
        except BaseException:
            lock.close()
            raise
        _OPEN[path] = project
    return project


def to_annotations(
    labels: Labels, root: Path, with_predictions: bool = False
) -> Annotations:
    """Labels as what all exporters take.

    Args:
        labels (Labels): Labels of a project.
        root (Path): Folder of the images.
        with_predictions (bool): Whether predictions that are not accepted
            yet are there, too, with their scores. Defaults to False.

    Returns:
        Annotations: All images, with their accepted instances.
    """
    status = (ACCEPTED, PREDICTED) if with_predictions else (ACCEPTED,)
    images: dict[str, AnnotatedImage] = {}
    for instance in labels.instances.values():
        image = images.setdefault(
            instance.image,
            AnnotatedImage(
                instance.image, root / instance.image, instance.size
            ),
        )
        if instance.status not in status:
            continue
        extra = {}
        if instance.status == PREDICTED:
            scores = np.array(instance.scores)
            extra = dict(keypoint_scores=scores, score=instance.mean_score)
        box = instance.box
        image.instances.append(
            AnnotatedInstance(
                1,
                np.array(instance.keypoints, np.float64).reshape(-1, 3),
                None if box is None else np.array(box),
                **extra,
            )
        )
    category = Category(
        1,
        labels.category,
        '',
        labels.keypoint_names,
        labels.skeleton,
        len(labels.keypoint_names),
        labels.flip_pairs,
    )
    return Annotations({1: category}, list(images.values()))


def _save(path: Path, root: Path, labels: Labels) -> None:
    """Replace the annotation file as a whole."""
    content: dict[str, Any] = to_coco(to_annotations(labels, root))
    studio_content(content, labels)
    part = path.with_name(f'{path.name}.part')
    try:
        with open(part, 'w', encoding='utf-8') as file:
            file.write(json.dumps(content) + '\n')
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise DataError(
            f'{path} cannot be written ({error}): nothing was changed'
        ) from None


def _hold(path: Path) -> Any:
    """Lock a project; the lock ends with the process, however it ends."""
    try:
        path.parent.mkdir(exist_ok=True)
        path.with_name('.studio').touch()
        # not closed here: open, it holds the lock
        file = path.with_name('.studio').open('r+', encoding='utf-8')
    except OSError as error:
        raise DataError(
            f'{path.parent} cannot be written ({error}): the labels need a '
            'place beside the images'
        ) from None
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip()
        file.close()
        raise DataError(
            f'{path.parent.parent} is open in another program ({owner}): '
            'close it there first'
        ) from None
    except (ImportError, OSError):  # a system or disk without such locks
        pass
    file.truncate(0)
    start = time.strftime('%Y-%m-%d %H:%M:%S')
    file.write(f'process {os.getpid()} since {start}\n')
    file.flush()
    return file
