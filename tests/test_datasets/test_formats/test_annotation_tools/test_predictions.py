# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.errors import DataError


@pytest.fixture
def predictions(tmp_path, image):
    """Content of a file on two images in different folders."""
    paths = [image(tmp_path / folder / '1.png') for folder in 'ab']
    return dict(
        category='mug',
        keypoint_names=['rim', 'foot', 'handle'],
        skeleton=[[0, 1]],
        supports=[dict(image=str(paths[0]), keypoints=[[1, 2, 2]] * 3)],
        queries=[
            dict(
                image=str(path),
                box=box,
                keypoints=[[5, 6], [10.5, 20], None],
                scores=[0.9, 0.5, 0.1],
                visualization='x.png',
            )
            for path, box in zip(paths, ([2, 3, 30, 25], [0, 0, 39, 29]))
        ],
    )


def test_predictions_are_annotations(tmp_path, write, predictions, read):
    path = write(tmp_path / 'out' / 'predictions.json', predictions)
    annotations = read(path)
    category = annotations.categories[1]
    assert (category.name, category.skeleton) == ('mug', ((0, 1),))
    first, second = annotations.images
    assert [first.name, second.name] == ['a/1.png', 'b/1.png']
    (mug,) = first.instances
    assert mug.keypoints.tolist() == [[5, 6, 2], [10.5, 20, 2], [0, 0, 0]]
    assert mug.keypoint_scores.tolist() == [0.9, 0.5, 0.1]
    assert mug.score == pytest.approx(0.7), 'of those that were found'
    assert mug.box.tolist() == [2, 3, 30, 25]
    # the whole image is no box
    np.testing.assert_allclose(second.instances[0].box, [3.6, 4.6, 11.9, 21.4])


def test_images_that_are_gone_are_counted(
    tmp_path, write, predictions, read, report
):
    path = write(tmp_path / 'out' / 'predictions.json', predictions)
    (tmp_path / 'a' / '1.png').unlink()
    assert len(read(path).images) == 1
    assert report.counts['missing_image'] == 1


def test_images_of_the_web_are_counted(
    tmp_path, write, predictions, read, report
):
    predictions['queries'][0]['image'] = 'https://host/a/1.png'
    path = write(tmp_path / 'out' / 'predictions.json', predictions)
    (image,) = read(path).images
    assert image.path == tmp_path / 'b' / '1.png'
    assert report.counts['missing_image'] == 1


def test_images_may_have_moved(tmp_path, write, predictions, read):
    path = write(tmp_path / 'out' / 'predictions.json', predictions)
    for folder in 'ab':
        (tmp_path / folder).rename(tmp_path / 'out' / folder)
    found = read(path, image_root=tmp_path / 'out').images
    assert [image.name for image in found] == ['a/1.png', 'b/1.png']


def test_a_broken_file_is_named(tmp_path, write, predictions, read):
    del predictions['category']
    path = write(tmp_path / 'predictions.json', predictions)
    with pytest.raises(DataError, match='has not the form of predictions'):
        read(path)
