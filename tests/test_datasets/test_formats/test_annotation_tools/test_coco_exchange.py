# Copyright (c) cape_mm contributors. All rights reserved.
"""COCO files exchanged with the programs that define them."""

from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.formats.annotation_tools import to_coco
from cape_mm.datasets.formats.annotation_tools.coco import (
    write_coco,
    write_coco_results,
)
from cape_mm.errors import DataError


def test_an_export_of_datumaro_is_read(mugs, tmp_path, read, report):
    dataset = pytest.importorskip('datumaro.components.dataset')
    base = pytest.importorskip('datumaro.components.dataset_base')
    kinds = pytest.importorskip('datumaro.components.annotation')
    media = pytest.importorskip('datumaro.components.media')
    category = mugs.categories[7]
    items = [
        base.DatasetItem(
            id=image.name[:-4],
            subset='train',
            media=media.Image.from_file(path=str(image.path)),
            annotations=[
                kinds.Points(
                    [5.25, 6, 20, 8 + number, 0, 0],
                    [2, 1, 0],
                    label=0,
                    id=1,
                    group=1,
                ),
                kinds.Bbox(2, 3, 28, 22, label=0, id=1, group=1),
            ],
        )
        for number, image in enumerate(mugs.images)
    ]
    labels = kinds.LabelCategories.from_iterable([category.name])
    points = kinds.PointsCategories.from_iterable(
        [(0, list(category.keypoint_names), set(category.skeleton))]
    )
    categories = {
        kinds.AnnotationType.label: labels,
        kinds.AnnotationType.points: points,
    }
    dataset.Dataset.from_iterable(items, categories=categories).export(
        str(tmp_path / 'out'), 'coco_person_keypoints', save_media=True
    )
    annotations = read(tmp_path / 'out')
    assert annotations.categories[1].skeleton == category.skeleton
    assert annotations.categories[1].keypoint_names == category.keypoint_names
    assert len(annotations.images) == 10
    for image in annotations.images:
        (mug,) = image.instances
        number = int(image.name[-5])
        expected = mugs.images[number].instances[0]
        np.testing.assert_allclose(mug.keypoints, expected.keypoints)
        np.testing.assert_allclose(mug.box, expected.box)
    assert not report


def test_written_datasets_are_read_again(
    predicted, tmp_path, read, assert_same, report
):
    for number, entry in enumerate(predicted.images):
        entry.image_id = 50 - number
    (line,) = write_coco(predicted, tmp_path / 'out')
    assert line.endswith('10 images, 11 instances')
    found = read(tmp_path / 'out')
    assert_same(found, predicted, prefix='default/')
    assert found.categories[1].skeleton == ((0, 1), (1, 2))
    assert [image.image_id for image in found.images] == [*range(50, 40, -1)]
    assert not report


def test_written_datasets_are_those_of_pycocotools(predicted, tmp_path):
    coco = pytest.importorskip('pycocotools.coco')
    write_coco(predicted, tmp_path)
    file = 'annotations/person_keypoints_default.json'
    dataset = coco.COCO(str(tmp_path / file))
    (category,) = dataset.loadCats(dataset.getCatIds())
    assert category['keypoints'] == ['rim left', 'rim right', 'handle']
    assert category['skeleton'] == [[1, 2], [2, 3]], 'from 1'
    (image_id,) = dataset.getImgIds(imgIds=[4])
    first, second = dataset.loadAnns(dataset.getAnnIds(imgIds=[image_id]))
    assert first['keypoints'] == [5.25, 6, 2, 20, 11, 2, 0, 0, 0]
    assert second['bbox'] == [20, 20, 20, 10]


def test_written_datasets_are_those_of_datumaro(predicted, tmp_path):
    dm = pytest.importorskip('datumaro')
    write_coco(predicted, tmp_path, link=False)
    dataset = dm.Dataset.import_from(str(tmp_path), 'coco_person_keypoints')
    assert len(dataset) == 10
    item = dataset.get('shelf/3', 'default')
    assert item.media.size == (30, 40), 'the image is found'
    points = [a for a in item.annotations if a.type.name == 'points']
    mug = min(points, key=lambda mug: mug.points)
    assert len(points) == 2
    assert mug.points == [5.25, 6, 20, 11, 0, 0]
    assert [v.name for v in mug.visibility] == [
        *('visible', 'visible', 'absent'),
    ]
    (labels,) = dataset.categories()[dm.AnnotationType.points].items.values()
    assert labels.labels == ['rim left', 'rim right', 'handle']
    assert {*labels.joints} == {(1, 2), (2, 3)}


def test_written_results_are_evaluated_by_pycocotools(
    predicted, tmp_path, read, write, assert_same
):
    coco = pytest.importorskip('pycocotools.coco')
    evaluation = pytest.importorskip('pycocotools.cocoeval')
    for number, entry in enumerate(predicted.images):
        entry.image_id = 100 + number
    # the truth has another order and further images
    truth = to_coco(predicted, keep_ids=True)
    truth['images'] = truth['images'][::-1]
    truth['images'].append(dict(id=5, file_name='x', width=9, height=9))
    truth = coco.COCO(str(write(tmp_path / 'truth.json', truth)))
    write_coco_results(predicted, tmp_path / 'out')
    results = truth.loadRes(str(tmp_path / 'out' / 'results.json'))
    score = evaluation.COCOeval(truth, results, 'keypoints')
    score.params.kpt_oks_sigmas = np.full(3, 0.05)
    score.params.areaRng[0] = [0, 1e10]
    score.evaluate()
    score.accumulate()
    score.summarize()
    assert score.stats[0] == pytest.approx(1)
    (first, _) = results.loadAnns(results.getAnnIds(imgIds=[103]))
    assert first['keypoints'][:6] == [5.25, 6, 2, 20, 11, 2]
    assert first['score'] == 0.75
    found = read(
        tmp_path / 'out' / 'results.json', image_root=tmp_path / 'source'
    )
    assert_same(found, predicted)
    assert [image.image_id for image in found.images] == [*range(100, 110)]


def test_results_need_their_dataset(predicted, tmp_path, read):
    write_coco_results(predicted, tmp_path / 'out')
    (tmp_path / 'out' / 'dataset.json').unlink()
    with pytest.raises(DataError, match=r'one COCO file .*there is none'):
        read(tmp_path / 'out' / 'results.json')
