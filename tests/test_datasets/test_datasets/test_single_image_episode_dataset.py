# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from pathlib import Path

import cv2
import pytest
import torch

from cape_mm.errors import DataError
from cape_mm.registry import DATASETS


@pytest.fixture
def build(write_mp100, pipeline):
    def build(**kwargs):
        cfg = dict(
            type='cape_mm.SingleImageEpisodeDataset',
            dataset=write_mp100(),
            pipeline=pipeline,
            num_episodes=4,
            category_id=20,
        )
        return DATASETS.build(dict(cfg, **kwargs))

    return build


def test_same_instance_is_support_and_query_in_every_episode(build):
    dataset = build(image_index=1, num_shots=2, num_queries=3)
    assert len(dataset) == 4
    first = dataset[0]['inputs']['support'][0]
    for index in range(4):
        item = dataset[index]
        sample = item['data_samples']
        assert {m.id for m in sample.supports + sample.queries} == {106}
        images = torch.cat(
            [item['inputs']['support'], item['inputs']['query']]
        )
        assert len(images) == 5
        assert all(torch.equal(image, first) for image in images)


def test_first_instance_is_the_default(build):
    assert build()[0]['data_samples'].queries[0].id == 105


def test_metainfo_differs_between_images(build):
    first, second = (
        build(image_index=index).metainfo['drawn_from'] for index in (0, 1)
    )
    assert first == dict(categories=[20], num_instances=1, annotation_id=105)
    assert second == dict(first, annotation_id=106)


def test_category_with_one_instance_is_enough(build, write_mp100):
    data = write_mp100(instances=(1,), num_keypoints=(4,))
    item = build(dataset=data, category_id=10)[0]
    assert item['data_samples'].queries[0].id == 101


def test_wrong_category_lists_what_exists(build):
    with pytest.raises(DataError, match="10 'face': 4 instances"):
        build(category_id=3)


def test_wrong_index_lists_what_exists(build):
    with pytest.raises(DataError, match='it has 0 to 2'):
        build(image_index=3)


def test_unreadable_image_stops_the_run(build):
    dataset = build()
    path = Path(dataset.dataset.data_prefix['img'], 'c20/5.png')
    path.write_text('no image')
    with pytest.raises(DataError, match='5.png'):
        dataset[0]


def test_description_names_the_image(build):
    text = build(image_index=2).describe()
    assert 'support and query are the same image' in text
    assert 'c20/7.png, annotation 107 (number 2 of its category)' in text
    assert "category: 20 'face'" in text
    assert 'keypoints: 3, labelled: 3, of these inside the crop: 3' in text
    assert 'crop: 38 x 38 pixels of the image, resized to 32 x 32' in text
    assert 'episodes per epoch: 4' in text


@pytest.mark.parametrize('category_id', [17, 18, 19, 20])
def test_real_single_images(category_id, mp100_mini, build):
    data = dict(
        type='cape_mm.MP100Dataset',
        data_root=str(mp100_mini),
        ann_file='annotations/extra_outside_splits.json',
    )
    dataset = build(dataset=data, category_id=category_id)
    sample = dataset[0]['data_samples']
    labels = sample.queries[0].gt_instance_labels
    visible = sample.queries[0].gt_instances.keypoints_visible
    # The 1.25 times larger crop holds every labelled point.
    assert (labels.keypoint_weights.numpy() == visible).all()


def test_numbers_may_come_as_text(build):
    dataset = build(category_id='20', image_index='1')
    assert dataset[0]['data_samples'].queries[0].id == 106


def test_a_name_instead_of_an_id_lists_what_exists(build):
    with pytest.raises(DataError, match="10 'face': 4 instances"):
        build(category_id='face')


def test_text_instead_of_an_index_lists_what_exists(build):
    with pytest.raises(DataError, match='it has 0 to 2'):
        build(image_index='first')


def test_image_of_another_size_than_annotated_is_refused(build):
    dataset = build()
    path = dataset.dataset.get_data_info(dataset.dataset.find_instance(20, 0))[
        'img_path'
    ]
    image = cv2.imread(path)
    cv2.imwrite(path, cv2.resize(image, None, fx=0.5, fy=0.5))
    with pytest.raises(DataError, match='its annotation is for') as error:
        dataset[0]
    assert path in str(error.value)
    assert '(annotation 105)' in str(error.value)
