# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import Iterable

from cape_mm.evaluation.metrics.posetrack.posetrack_records import (
    POSETRACK18_CATEGORY,
)


class PoseTrackStream:
    """Write a file of PoseTrack18 while its frames come.

    Nothing is held per frame: records go to two files beside the target. One
    has no name. The other one begins with a dot, and takes the name of the
    target when it is complete; what was there before stays until then.

    Args:
        target (Path): File to write; its folder is made.
    """

    def __init__(self, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self.target = target
        self._part = target.with_name(f'.{target.name}.{os.getpid()}.part')
        # Each image has the length of the video, which is known at its end.
        with ExitStack() as files:
            self._images = files.enter_context(
                TemporaryFile('w+', dir=str(target.parent))
            )
            self._file = files.enter_context(open(self._part, 'w'))
            self._files = files.pop_all()
        self._file.write('{"annotations": [')
        self._comma = ''

    def add(self, image: dict, persons: Iterable[dict]) -> None:
        """Write one frame.

        Args:
            image (dict): Its record.
            persons (Iterable[dict]): The records of its persons.
        """
        self._images.write(json.dumps(image) + '\n')
        for person in persons:
            self._file.write(self._comma + json.dumps(person))
            self._comma = ', '

    def finish(self, num_frames: int) -> None:
        """Complete the file and give it its name.

        Args:
            num_frames (int): Least length of the video that images tell.
        """
        self._file.write('], "images": [')
        self._images.seek(0)
        comma = ''
        for row in self._images:
            image = json.loads(row)
            image['nframes'] = max(image['nframes'], num_frames)
            self._file.write(comma + json.dumps(image))
            comma = ', '
        category = json.dumps(POSETRACK18_CATEGORY)
        self._file.write(f'], "categories": [{category}]}}\n')
        self._files.close()
        os.replace(self._part, self.target)

    def discard(self) -> None:
        """Leave nothing behind."""
        try:
            self._files.close()
        finally:
            self._part.unlink(missing_ok=True)
