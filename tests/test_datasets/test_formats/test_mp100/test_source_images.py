# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import pytest

from cape_mm.datasets.formats.mp100 import check_images, find_matches
from cape_mm.errors import DataError


@pytest.fixture
def search(mp100, content):
    def search(**downloads):
        images = mp100 / 'images'
        states = check_images(content['images'], images)
        # the same file twice, as in MP-100 an image is in many
        return find_matches([content, content], states, images, **downloads)

    return search


def names(results):
    return [result.file_name for result in results]


def test_complete_data_need_no_search(search, carfusion, deepfashion2):
    assert search(carfusion=carfusion, deepfashion2=deepfashion2) == ([], [])


def test_car_is_found_under_its_original_name(search, mp100, carfusion):
    (mp100 / 'images' / 'car' / '1.png').unlink()
    (match,), unproven = search(carfusion=carfusion)
    assert match.file_name == 'car/1.png' and not unproven
    assert match.path == carfusion / 'train' / 'car_a' / '77_0001.png'
    assert 'same annotations (1)' in match.proof


def test_car_with_twins_is_not_proven(search, mp100, carfusion):
    (mp100 / 'images' / 'car' / '1.png').unlink()
    path = carfusion / 'annotations' / 'car_keypoints_train.json'
    original = json.loads(path.read_text())
    original['annotations'][1] = dict(
        original['annotations'][0], id=2, image_id=2
    )
    path.write_text(json.dumps(original))
    matches, (unproven,) = search(carfusion=carfusion)
    assert not matches and '2 different images' in unproven.reason


def test_wrong_folder_of_carfusion_is_an_error(search, mp100, tmp_path):
    with pytest.raises(FileNotFoundError, match='annotations'):
        search(carfusion=tmp_path)


def test_broken_file_of_carfusion_is_named(search, carfusion):
    (carfusion / 'annotations' / 'car_keypoints_test.json').write_text('{')
    with pytest.raises(DataError, match='_test.json is no valid JSON'):
        search(carfusion=carfusion)


def test_folder_of_a_dress_is_told_by_its_landmarks(
    search, mp100, deepfashion2
):
    (mp100 / 'images' / 'skirt' / '000001.png').unlink()
    (match,), unproven = search(deepfashion2=deepfashion2)
    assert match.path == deepfashion2 / 'train' / 'image' / '000001.png'
    assert '2 looked at' in match.proof and not unproven


def test_dress_without_original_annotations_is_not_proven(
    search, mp100, deepfashion2
):
    (mp100 / 'images' / 'skirt' / '000001.png').unlink()
    for path in deepfashion2.glob('*/annos/*.json'):
        path.unlink()
    matches, (unproven,) = search(deepfashion2=deepfashion2)
    assert not matches and 'other annotations' in unproven.reason


def test_image_from_the_wrong_folder_is_noticed_by_its_size(
    search, mp100, deepfashion2, image
):
    image(mp100 / 'images' / 'skirt' / '000001.png', width=50)
    (match,), _ = search(deepfashion2=deepfashion2)
    assert match.file_name == 'skirt/000001.png'


def test_name_that_differs_in_case_only(search, mp100):
    folder = mp100 / 'images' / 'cow_body'
    (folder / 'a.png').rename(folder / 'A.PNG')
    (match,), unproven = search()
    assert match.path == folder / 'A.PNG' and not unproven
    (folder / 'a.Png').write_bytes((folder / 'A.PNG').read_bytes())
    assert names(search()[1]) == ['cow_body/a.png']


def test_other_missing_images_are_not_guessed(search, mp100, carfusion):
    (mp100 / 'images' / 'ferret_face' / 'b.png').unlink()
    assert search(carfusion=carfusion) == ([], [])
