# Copyright (c) cape_mm contributors. All rights reserved.
"""Write the images of docs/en/studio.md: each tab of the studio.

    python docs/studio_screenshots.py

Needs gradio, playwright and chromium. The photographs are those of
`tools/demo/photos`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cape_mm.studio import labels as actions  # noqa: E402
from cape_mm.studio.project import open_project  # noqa: E402

_OUT = ROOT / 'docs' / 'en' / 'images'
_PHOTOS = ROOT / 'tools' / 'demo' / 'photos'
_NAMES = ('mouth', 'ear', 'shoulder', 'tail', 'elbow', 'hind_knee')
_PORT = 7961


def prepare(folder: Path) -> None:
    """Make a project of six sheep, of which the first one is labelled."""
    shutil.copytree(_PHOTOS / 'images' / 'sheep', folder)
    content = json.loads((_PHOTOS / 'annotations/photos.json').read_text())
    first = min(path.name for path in folder.iterdir())
    (image,) = (
        i for i in content['images'] if i['file_name'] == f'sheep/{first}'
    )
    (label,) = (
        a for a in content['annotations'] if a['image_id'] == image['id']
    )
    names = next(
        c['keypoints']
        for c in content['categories']
        if c['id'] == label['category_id']
    )
    points = np.reshape(label['keypoints'], (-1, 3)).tolist()
    project = open_project(folder, category='sheep')
    project.do(actions.set_keypoint_names, _NAMES)
    for index, name in enumerate(_NAMES):
        x, y, v = points[names.index(name)]
        project.do(actions.place_keypoint, first, index, x, y, v)
    for edge in [(0, 1), (1, 2), (2, 3), (2, 4), (3, 5)]:
        project.do(actions.toggle_edge, *edge)
    project.close()


def photograph(page: Page, tab: str, ready: str) -> None:
    """Write the image of a tab, once a text of it is there."""
    page.get_by_role('tab', name=tab).click()
    page.wait_for_function(
        '(text) => document.body.innerText.includes(text)', arg=ready
    )
    page.wait_for_timeout(4000)
    page.screenshot(
        path=_OUT / f'studio_{tab.lower()}.jpg', type='jpeg', quality=75
    )


def main() -> None:
    """Write all images."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, 'sheep')
        prepare(folder)
        server = subprocess.Popen(
            [
                *(sys.executable, str(ROOT / 'tools/demo/studio.py')),
                *(str(folder), '--port', str(_PORT)),
            ],
            stdout=subprocess.PIPE,
        )
        server.stdout.readline()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=shutil.which('chromium'),
                    args=['--no-sandbox', '--disable-gpu'],
                )
                page = browser.new_page(viewport=dict(width=1100, height=920))
                page.set_default_timeout(120_000)
                page.goto(f'http://127.0.0.1:{_PORT}')
                photograph(page, 'Project', '1 labelled')
                photograph(page, 'Annotate', 'Click a keypoint')
                page.get_by_role('tab', name='Predict').click()
                page.get_by_role('button', name='Predict all').click()
                photograph(page, 'Predict', '5 of 5 images in')
                photograph(page, 'Correct', 'Lowest scores first')
                page.get_by_role('tab', name='Export').click()
                page.get_by_role('button', name='Make the zip').click()
                photograph(page, 'Export', 'person_keypoints_default')
                browser.close()
        finally:
            server.terminate()


if __name__ == '__main__':
    main()
