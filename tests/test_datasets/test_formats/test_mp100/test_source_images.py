# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import copy
import json

import pytest

from cape_mm.datasets.formats.image_check import check_images
from cape_mm.datasets.formats.mp100.source_images import (
    Candidate,
    find_matches,
    is_same_instance,
    prove,
    source_of,
)
from cape_mm.errors import DataError

IMAGE = dict(file_name='car/1.png', width=40, height=30)
ANN = dict(
    bbox=[1, 2, 3, 4],
    num_keypoints=3,
    keypoints=[5, 6, 2, 7, 8, 1, 9, 10, 2],
    segmentation=[[1, 2, 3, 4, 5, 6]],
)


@pytest.fixture
def search(mp100, content):
    def search(**downloads):
        images = mp100 / 'images'
        states = check_images(content['images'], images)
        # the same file twice, as in MP-100 an image is in many
        return find_matches([content, content], states, images, **downloads)

    return search


def names(results):
    return [result['file_name'] for result in results]


def test_complete_data_need_no_search(search, carfusion, deepfashion2):
    assert search(carfusion=carfusion, deepfashion2=deepfashion2) == ([], [])


def test_car_is_found_under_its_original_name(search, mp100, carfusion):
    (mp100 / 'images' / 'car' / '1.png').unlink()
    (match,), unproven = search(carfusion=carfusion)
    assert match['file_name'] == 'car/1.png' and not unproven
    assert match['found'] == str(carfusion / 'train' / 'car_a' / '77_0001.png')
    assert 'same annotations (1)' in match['proof']


def test_car_with_twins_is_not_proven(search, mp100, carfusion):
    (mp100 / 'images' / 'car' / '1.png').unlink()
    path = carfusion / 'annotations' / 'car_keypoints_train.json'
    original = json.loads(path.read_text())
    original['annotations'][1] = dict(
        original['annotations'][0], id=2, image_id=2
    )
    path.write_text(json.dumps(original))
    matches, (unproven,) = search(carfusion=carfusion)
    assert not matches and '2 different images' in unproven['reason']


def test_wrong_folder_of_carfusion_is_an_error(search, mp100, tmp_path):
    with pytest.raises(FileNotFoundError, match='annotations'):
        search(carfusion=tmp_path)


def test_broken_file_of_carfusion_is_named(search, carfusion):
    (carfusion / 'annotations' / 'car_keypoints_test.json').write_text('{')
    with pytest.raises(DataError, match='_test.json is no valid JSON'):
        search(carfusion=carfusion)


def test_folder_of_a_dress_is_recognised_by_its_landmarks(
    search, mp100, deepfashion2
):
    (mp100 / 'images' / 'skirt' / '000001.png').unlink()
    (match,), unproven = search(deepfashion2=deepfashion2)
    assert match['found'] == str(
        deepfashion2 / 'train' / 'image' / '000001.png'
    )
    assert '2 compared' in match['proof'] and not unproven


def test_dress_without_original_annotations_is_not_proven(
    search, mp100, deepfashion2
):
    (mp100 / 'images' / 'skirt' / '000001.png').unlink()
    for path in deepfashion2.glob('*/annos/*.json'):
        path.unlink()
    matches, (unproven,) = search(deepfashion2=deepfashion2)
    assert not matches and 'other annotations' in unproven['reason']


def test_image_from_the_wrong_folder_is_noticed_by_its_size(
    search, mp100, deepfashion2, image
):
    image(mp100 / 'images' / 'skirt' / '000001.png', width=50)
    (match,), _ = search(deepfashion2=deepfashion2)
    assert match['file_name'] == 'skirt/000001.png'


def test_name_that_differs_in_case_only(search, mp100):
    folder = mp100 / 'images' / 'cow_body'
    (folder / 'a.png').rename(folder / 'A.PNG')
    (match,), unproven = search()
    assert match['found'] == str(folder / 'A.PNG') and not unproven
    (folder / 'a.Png').write_bytes((folder / 'A.PNG').read_bytes())
    assert names(search()[1]) == ['cow_body/a.png']


def test_other_missing_images_are_not_guessed(search, mp100, carfusion):
    (mp100 / 'images' / 'ferret_face' / 'b.png').unlink()
    assert search(carfusion=carfusion) == ([], [])


def changed(**changes):
    return dict(copy.deepcopy(ANN), **changes)


@pytest.mark.parametrize(
    'other, same',
    [
        (changed(), True),
        # visible or hidden may be written differently, labelled may not
        (changed(keypoints=[5, 6, 1, 7, 8, 2, 9, 10, 2]), True),
        (changed(bbox=[0, 0, 1, 1], segmentation=None), True),
        (changed(keypoints=[1] * 9), False),
        # other keypoints, but the same box and outline
        (changed(keypoints=[5, 6, 2] * 4), True),
        (changed(keypoints=None, segmentation=[]), False),
        (changed(keypoints=None, bbox=[0, 0, 1, 1]), False),
        (changed(keypoints=None, num_keypoints=4), False),
        (changed(keypoints=[5, 6, 2, 7, 8, 0, 9, 10, 2], bbox=[0]), False),
    ],
)
def test_what_makes_two_annotations_one_instance(other, same):
    assert is_same_instance(ANN, other) is same


def test_two_keypoints_are_no_proof():
    few = dict(keypoints=[5, 6, 2, 7, 8, 2])
    assert not is_same_instance(few, copy.deepcopy(few))


def test_unique_candidate_is_proven(tmp_path, image):
    good = Candidate(image(tmp_path / 'x.png'), [changed()])
    other = Candidate(
        image(tmp_path / 'y.png', seed=1),
        [changed(keypoints=[1] * 9, bbox=[0] * 4)],
    )
    result = prove(IMAGE, [ANN], [other, good])
    assert result['found'] == str(good.path)
    assert 'size 40 x 30' in result['proof']


def test_every_annotation_must_be_found(tmp_path, image):
    candidate = Candidate(image(tmp_path / 'x.png'), [changed()])
    second = changed(keypoints=[1, 1, 2, 2, 2, 2, 3, 3, 2], segmentation=[])
    assert 'reason' in prove(IMAGE, [ANN, second], [candidate])
    candidate.annotations.append(second)
    assert 'proof' in prove(IMAGE, [ANN, second], [candidate])


def test_another_size_is_no_proof(tmp_path, image):
    path = image(tmp_path / 'x.png', width=41)
    result = prove(IMAGE, [ANN], [Candidate(path, [changed()])])
    assert 'another size' in result['reason']


def test_two_that_fit_are_no_proof_unless_they_are_equal(tmp_path, image):
    paths = [image(tmp_path / f'{n}.png', seed=n) for n in range(2)]
    candidates = [Candidate(path, [changed()]) for path in paths]
    result = prove(IMAGE, [ANN], candidates)
    assert '2 different' in result['reason']
    paths[1].write_bytes(paths[0].read_bytes())
    assert 'proof' in prove(IMAGE, [ANN], candidates)


def test_nothing_to_compare_is_no_proof(tmp_path, image):
    path = image(tmp_path / 'x.png')
    for records, candidates, reason in (
        ([ANN], [], 'no candidate'),
        ([], [Candidate(path, [])], 'no annotation'),
        ([ANN], [Candidate(path, [])], 'other annotations'),
        (
            [ANN],
            [Candidate(tmp_path / 'gone.png', [changed()])],
            'does not exist',
        ),
    ):
        result = prove(IMAGE, records, candidates)
        assert reason in result['reason']


@pytest.mark.parametrize(
    'key, name, source',
    [
        (18, 'face', 'AFLW'),
        (40, 'face', '300W'),
        (7, 'face', 'unknown'),
        (32, 'car', 'CarFusion'),
        (14, 'Woodpecker', 'CUB-200'),
        (8, 'sling_dress', 'DeepFashion2'),
        (43, 'spider_monkey_body', 'AP-10K'),
        (21, 'bobcat_body', 'AP-10K'),
        (4, 'fennecfox_face', 'AnimalWeb'),
        (66, 'fly', 'DeepPoseKit'),
        (98, 'table', 'Keypoint-5'),
        (5, 'snail', 'unknown'),
    ],
)
def test_source_of_the_categories_of_mp100(key, name, source):
    assert source_of({}, dict(id=key, name=name)) == source


def test_a_source_that_the_file_names_counts():
    image = dict(source='ATRW')
    assert source_of(image, dict(id=1, name='tiger_body')) == 'ATRW'
