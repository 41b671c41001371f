# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest

TOOL = 'dataset_converters/prepare_mp100.py'


@pytest.fixture
def run(call_tool, capsys):
    def run(*args):
        with pytest.raises(SystemExit) as end:
            call_tool(TOOL, *args)
        return end.value.code, capsys.readouterr().out

    return run


@pytest.fixture
def fashion(mp100_mini, tmp_path):
    """A writable copy without one dress, which DeepFashion2 has."""
    root = tmp_path / 'mp100'
    shutil.copytree(mp100_mini / 'annotations', root / 'annotations')
    shutil.copytree(mp100_mini / 'images', root / 'images')
    path = root / 'annotations' / 'mp100_split1_train.json'
    for folder in (root, *root.rglob('*')):
        folder.chmod(0o755)
    content = json.loads(path.read_text())
    dress = next(i for i in content['images'] if 'dress' in i['file_name'])
    ann = next(
        a for a in content['annotations'] if a['image_id'] == dress['id']
    )
    # as in DeepFashion2, whose names of files are plain numbers
    image = root / 'images' / dress['file_name']
    download = tmp_path / 'deepfashion2'
    target = download / 'train' / 'image' / image.name
    target.parent.mkdir(parents=True)
    image.rename(target)
    annos = download / 'train' / 'annos' / f'{image.stem}.json'
    annos.parent.mkdir()
    landmarks = dict(item1=dict(landmarks=ann['keypoints']))
    annos.write_text(json.dumps(landmarks))
    return root, download, image


def test_complete_data(run, mp100_mini):
    code, out = run(mp100_mini, '--queries', 1)
    assert code == 0
    assert 'No image is missing' in out
    assert '3 of 15 are there' in out
    assert 'all 300 pairs can be evaluated' in out


def test_nothing_is_changed_without_apply(run, fashion, tmp_path):
    root, download, image = fashion
    report = tmp_path / 'report.json'
    code, out = run(root, '--deepfashion2', download, '--json', report)
    assert code == 1
    assert '1 images found under another name, proven' in out
    assert 'Nothing was changed' in out
    assert not image.exists()
    content = json.loads(report.read_text())
    (name,) = content['bad_images']
    assert content['bad_images'][name] == 'missing'
    assert content['proven'][0]['file_name'] == name
    assert 'copied' not in content['proven'][0]


def test_proven_images_are_copied_on_demand(run, fashion):
    root, download, image = fashion
    code, out = run(root, '--deepfashion2', download, '--apply')
    assert code == 0 and f'-> {image}' in out
    original = download / 'train' / 'image' / image.name
    assert image.read_bytes() == original.read_bytes()
    assert run(root)[0] == 0


def test_existing_files_are_never_overwritten(run, fashion):
    root, download, image = fashion
    precious = (root / 'images').glob('*/*.jpg')
    shutil.copy(next(p for p in precious if 'dress' not in str(p)), image)
    before = image.read_bytes()
    code, out = run(root, '--deepfashion2', download, '--apply')
    assert code == 1 and 'NOT copied' in out
    assert image.read_bytes() == before


def test_unproven_images_are_left_alone(run, fashion):
    root, download, image = fashion
    shutil.rmtree(download / 'train' / 'annos')
    code, out = run(root, '--deepfashion2', download, '--apply')
    assert code == 1 and 'not proven (left alone)' in out
    assert not image.exists()


@pytest.mark.parametrize('flag', ['--carfusion', '--deepfashion2'])
def test_missing_folders_end_with_one_sentence(run, flag, mp100_mini):
    code, _ = run(mp100_mini, flag, 'nowhere')
    assert code == 'prepare_mp100.py: error: there is no folder nowhere'


def test_folder_without_annotations(run, tmp_path):
    assert 'no annotation files' in run(tmp_path)[0]


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


def test_half_an_image_is_found_unless_it_has_to_be_quick(run, fashion):
    root, _, image = fashion
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    other = next(iter((root / 'images').rglob('*.*g')))
    height, width = cv2.imread(str(other)).shape[:2]
    pixels = cv2.resize(pixels, (width, height))
    other.write_bytes(cv2.imencode('.jpg', pixels)[1].tobytes()[:-400])
    assert 'unreadable' in run(root)[1]
    assert 'unreadable' not in run(root, '--quick')[1]
