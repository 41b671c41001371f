# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from mmengine.dataset import pseudo_collate

from cape_mm.datasets.formats.cephalometric import (
    CephalometricRecord,
    write_coco,
)
from cape_mm.errors import DataError
from cape_mm.registry import DATASETS
from cape_mm.structures import get_schema

META_KEYS = ('id', 'img_id', 'img_path', 'ori_shape', 'input_size',
             'input_center', 'input_scale', 'spacing', 'spacing_source',
             'device', 'subject')  # fmt: skip
PIPELINE = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale', padding=1.0),
    dict(type='TopdownAffine', input_size=(32, 40)),
    dict(type='PackPoseInputs', meta_keys=META_KEYS),
]
SPACINGS = [(0.1, 0.2), None, (0.3, 0.3)]


@pytest.fixture
def write(tmp_path):
    """Write three cephalograms, return the dataset's config.

    ``edit`` changes the content of the file before it is read.
    """

    def write_cephalograms(name='isbi2015', edit=None):
        schema = get_schema(name)
        rng = np.random.default_rng(0)
        records = [
            CephalometricRecord(
                image_path=f'{number}.png',
                keypoints_px=rng.uniform(1, 38, (len(schema), 2)),
                visible=np.arange(len(schema)) % 3,
                spacing=spacing,
                spacing_source='file' if spacing else 'unknown',
                device='X1',
                subject=f's{number}',
                class_labels=dict(ANB=number),
                image=rng.integers(0, 256, (50, 40), dtype=np.uint8),
            )
            for number, spacing in enumerate(SPACINGS)
        ]
        path = tmp_path / 'ann.json'
        write_coco(records, schema, path, tmp_path / 'images')
        if edit is not None:
            content = json.loads(path.read_text())
            edit(content)
            path.write_text(json.dumps(content))
        return dict(
            type='cape_mm.CephalometricDataset',
            ann_file='ann.json',
            schema=name,
            data_root=str(tmp_path),
        )

    return write_cephalograms


@pytest.fixture
def log(monkeypatch):
    """What the dataset logs."""
    lines = []
    monkeypatch.setattr(
        'cape_mm.datasets.datasets.cephalometric_dataset.print_log',
        lambda text, **kwargs: lines.append(text),
    )
    return lines


def read_points(tmp_path, index=0):
    content = json.loads((tmp_path / 'ann.json').read_text())
    keypoints = content['annotations'][index]['keypoints']
    return np.array(keypoints, np.float32).reshape(-1, 3)


def test_a_cephalogram_is_an_instance_with_spacing(tmp_path, write):
    dataset = DATASETS.build(write())
    assert len(dataset) == 3
    assert dataset.metainfo['schema'] == 'isbi2015'
    assert dataset.metainfo['num_keypoints'] == 19
    info = dataset.get_data_info(0)
    assert info['spacing'].dtype == np.float32
    np.testing.assert_allclose(info['spacing'], (0.1, 0.2))
    assert info['spacing_source'] == 'file'
    assert (info['device'], info['subject']) == ('X1', 's0')
    assert info['class_labels'] == dict(ANB=0)
    np.testing.assert_array_equal(info['bbox'], [[0, 0, 39, 49]])
    points = read_points(tmp_path)
    np.testing.assert_array_equal(info['keypoints'][0], points[:, :2])
    np.testing.assert_array_equal(
        info['keypoints_visible'][0], points[:, 2] > 0
    )
    assert dataset.get_data_info(1)['spacing'] is None


def test_spacing_comes_through_mmpose_pipeline_and_batches(write):
    dataset = DATASETS.build(dict(write(), pipeline=PIPELINE))
    samples = pseudo_collate([dataset[0], dataset[1]])['data_samples']
    np.testing.assert_allclose(samples[0].metainfo['spacing'], (0.1, 0.2))
    assert samples[1].metainfo['spacing'] is None
    assert samples[0].to_dict()['subject'] == 's0'


def shuffle(content, seed=3):
    """Another order of the landmarks in the file; the order."""
    (category,) = content['categories']
    order = np.random.default_rng(seed).permutation(len(category['keypoints']))
    category['keypoints'] = [category['keypoints'][i] for i in order]
    for annotation in content['annotations']:
        points = np.array(annotation['keypoints']).reshape(-1, 3)[order]
        annotation['keypoints'] = points.ravel().tolist()


def test_landmarks_go_by_name_not_by_position(write):
    expected = DATASETS.build(write()).get_data_info(2)
    config = write(edit=shuffle)
    info = DATASETS.build(config).get_data_info(2)
    np.testing.assert_array_equal(info['keypoints'], expected['keypoints'])
    np.testing.assert_array_equal(
        info['keypoints_visible'], expected['keypoints_visible']
    )


def test_landmarks_of_another_schema_go_by_code(tmp_path, write, log):
    config = write('cephalogram23', edit=shuffle)
    whole = DATASETS.build(config).get_data_info(0)['keypoints'][0]
    dataset = DATASETS.build(dict(config, schema='document19'))
    info = dataset.get_data_info(0)
    expected, given = get_schema('document19'), get_schema('cephalogram23')
    assert dataset.metainfo['schema'] == 'document19'
    for index, code in enumerate(expected.codes):
        np.testing.assert_array_equal(
            info['keypoints'][0, index], whole[given.index_of(code)]
        )
    assert info['num_keypoints'] == info['keypoints_visible'].sum()
    assert 'without Or, Po, Ar, Pog' in log[-1]


def test_a_schema_with_more_landmarks_is_refused(write):
    config = dict(write(), schema='cephalogram23')
    with pytest.raises(DataError, match="'isbi2015', which lacks U1a, L1a"):
        DATASETS.build(config)


def test_names_without_schema_must_be_those_of_the_config(write):
    def rename(content):
        content['info'] = {}
        content['categories'][0]['keypoints'][3] = 'Poriion'

    match = "missing: 'Porion'; unknown: 'Poriion'. Correct schema"
    with pytest.raises(DataError, match=match):
        DATASETS.build(write(edit=rename))

    def only_forget_schema(content):
        content['info'] = {}

    assert len(DATASETS.build(write(edit=only_forget_schema))) == 3


def test_what_is_skipped_or_strange_is_counted(write, log):
    def edit(content):
        content['annotations'].pop(0)
        keypoints = content['annotations'][0]['keypoints']
        keypoints[2::3] = [0] * 19
        content['annotations'][1]['keypoints'][3:6] = [-7, 3, 2]

    dataset = DATASETS.build(write(edit=edit))
    assert len(dataset) == 1
    report = log[0]
    assert (
        '1 cephalograms without annotation (skipped)\n    image 1 ' in report
    )
    assert '1 cephalograms without labelled landmark (skipped)' in report
    assert '1 labelled keypoints outside of their image (kept)' in report
    assert 'N at (-7, 3), the image has 40 x 50 pixels' in report
    np.testing.assert_array_equal(
        dataset.get_data_info(0)['keypoints'][0, 1], (-7, 3)
    )
    assert '1 cephalograms, 19 landmarks' in log[1]


def test_unknown_spacing_is_counted(write, log):
    DATASETS.build(write())
    assert '1 cephalograms without spacing: no millimetres' in log[0]


def test_cephalograms_whose_landmarks_are_all_negative_are_not_lost(write):
    def edit(content):
        content['annotations'][0]['keypoints'] = [-1.0, -2.0, 2] * 19

    assert len(DATASETS.build(write(edit=edit))) == 3


def test_nothing_usable_is_an_error(write):
    def edit(content):
        content['annotations'] = []

    with pytest.raises(DataError, match='no usable cephalogram'):
        DATASETS.build(write(edit=edit))


def test_another_image_than_annotated_is_an_error(tmp_path, write):
    config = write()
    path = tmp_path / 'images' / '1.png'
    cv2.imwrite(str(path), np.zeros((40, 40), np.uint8))
    match = r'1 of 3 images.*wrong_size.*image 2 \(1.png\), 40 x 50'
    with pytest.raises(DataError, match=match):
        DATASETS.build(config)
    path.write_text('text')
    with pytest.raises(DataError, match='unreadable'):
        DATASETS.build(config)
    path.unlink()
    with pytest.raises(FileNotFoundError, match='1 of 3 images .*missing'):
        DATASETS.build(config)


def test_weights_of_landmarks_go_by_code(write):
    config = dict(write(), landmark_weights=dict(S=2.0, Go=1.5))
    weights = DATASETS.build(config).metainfo['dataset_keypoint_weights']
    np.testing.assert_array_equal(weights[[0, 9, 1]], [2.0, 1.5, 1.0])
    with pytest.raises(KeyError, match='Prn'):
        DATASETS.build(dict(config, landmark_weights=dict(Prn=2.0)))


def test_arguments_that_make_no_sense_are_refused(write):
    for argument in ('bbox_file', 'metainfo', 'data_mode'):
        with pytest.raises(ValueError, match=f'takes no {argument}'):
            DATASETS.build(dict(write(), **{argument: 'x'}))
    with pytest.raises(KeyError, match='no landmark schema'):
        DATASETS.build(dict(write(), schema='isbi'))


def test_the_whole_cephalogram_keeps_its_aspect(tmp_path, write):
    """A circle stays one, in input of any shape, also turned."""
    config = write()
    image = np.zeros((500, 400), np.uint8)
    cv2.circle(image, (210, 240), 60, 255, -1)
    cv2.imwrite(str(tmp_path / 'images' / '0.png'), image)
    content = json.loads((tmp_path / 'ann.json').read_text())
    content['images'][0].update(width=400, height=500)
    content['annotations'][0]['bbox'] = [0, 0, 400, 500]
    keypoints = content['annotations'][0]['keypoints']
    keypoints[:6] = [150, 240, 2, 210, 300, 2]
    (tmp_path / 'ann.json').write_text(json.dumps(content))
    for size in ((256, 256), (256, 320), (192, 256)):
        for rotate in (0.0, 30.0):
            pipeline = [
                *PIPELINE[:2],
                dict(
                    type='RandomBBoxTransform',
                    shift_prob=0.0,
                    scale_factor=(1.0, 1.0),
                    rotate_prob=1.0,
                    rotate_factor=rotate,
                ),
                dict(type='TopdownAffine', input_size=size),
            ]
            dataset = DATASETS.build(dict(config, pipeline=pipeline))
            results = dataset[0]
            _, mask = cv2.threshold(
                results['img'][..., 0], 127, 255, cv2.THRESH_BINARY
            )
            moments = cv2.moments(mask, binaryImage=True)
            spread = np.array(
                [[moments['mu20'], moments['mu11']],
                 [moments['mu11'], moments['mu02']]]
            )  # fmt: skip
            low, high = np.linalg.eigvalsh(spread)
            assert high / low < 1.02
            # So does the distance of its border from its centre.
            center = (
                np.array([moments['m10'], moments['m01']]) / moments['m00']
            )
            points = results['transformed_keypoints'][0, :2]
            radii = np.linalg.norm(points - center, axis=1)
            assert abs(radii[0] - radii[1]) < 0.6


def test_half_an_image_in_a_running_training_is_named(write, tmp_path):
    dataset = DATASETS.build(dict(write(), pipeline=PIPELINE))
    path = tmp_path / 'images' / '1.png'
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(DataError, match=r'1\.png. cannot be read'):
        dataset[1]


def test_an_image_of_12_bits_in_16_is_not_black(write, tmp_path):
    config = dict(write(), pipeline=PIPELINE)
    path = tmp_path / 'images' / '1.png'
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    before = DATASETS.build(config)[1]['inputs']
    cv2.imwrite(str(path), grey.astype(np.uint16) << 4)
    after = DATASETS.build(config)[1]['inputs']
    assert (before == after).all() and after.max() > 200
