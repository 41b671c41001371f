# Copyright (c) cape_mm contributors. All rights reserved.
"""Every rule about data finds what it is for, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from cape_mm.checks import WARNING
from cape_mm.structures import get_schema

SCHEMA = get_schema('cephalogram23')


def points(annotation):
    return np.array(annotation['keypoints']).reshape(-1, 3)


def put(annotation, values):
    annotation['keypoints'] = np.reshape(values, -1).tolist()


def change(annotation, function):
    values = points(annotation)
    function(values)
    put(annotation, values)


def exchange(values, one, other):
    rows = [SCHEMA.index_of(one), SCHEMA.index_of(other)]
    values[rows] = values[rows[::-1]]


def test_data_that_are_not_there(cfg, ask):
    cfg.val_dataloader.dataset.ann_file = 'annotations/none.json'
    (finding,) = ask('dataset-builds', cfg)
    assert 'data of val' in finding.message and 'none.json' in finding.message


def test_wrong_argument_of_the_data_set(cfg, ask):
    cfg.train_dataloader.dataset.schema = 'isbi'
    (finding,) = ask('dataset-builds', cfg)
    assert 'data of train' in finding.message and 'isbi' in finding.message


def test_pipeline_that_fails(cfg, ask):
    del cfg.train_dataloader.dataset.pipeline[1]
    (finding,) = ask('pipeline-runs', cfg)
    assert 'first sample of train' in finding.message


def test_validation_on_the_training_file(cfg, ask):
    train = cfg.train_dataloader.dataset.ann_file
    cfg.val_dataloader.dataset.update(ann_file=train, indices=None)
    (finding,) = ask('val-is-train', cfg)
    assert 'val reads the training data' in finding.message
    assert 'cephalograms_train.json' in finding.message


def test_disjoint_parts_of_one_file_are_fine(cfg, ask):
    train = cfg.train_dataloader.dataset
    cfg.val_dataloader.dataset.ann_file = train.ann_file
    train.indices = list(range(12))
    cfg.val_dataloader.dataset.indices = list(range(12, 24))
    assert not ask('val-is-train', cfg)
    assert not ask('leaked-image', cfg)
    cfg.val_dataloader.dataset.indices = list(range(10, 24))
    (finding,) = ask('leaked-image', cfg)
    assert '2 image(s) of val are in train' in finding.message


def test_a_person_in_two_splits(cfg, ask, edit):
    def leak(content):
        content['images'][3]['subject'] = 'synthetic-0-train_0005'

    edit('test', leak)
    (finding,) = ask('leaked-subject', cfg)
    assert '1 person(s) of test are in train' in finding.message
    assert 'train_0005' in finding.message


def test_a_cephalogram_in_two_splits_under_another_name(cfg, ask, edit):
    kept = {}
    edit('train', lambda content: kept.update(content['annotations'][2]))

    def leak(content):
        content['annotations'][0]['keypoints'] = kept['keypoints']

    edit('val', leak)
    (finding,) = ask('leaked-image', cfg)
    assert 'exactly the landmarks' in finding.message
    assert 'train_0002' in finding.message


def test_landmarks_that_are_no_numbers(cfg, ask, edit):
    """A dataset of MMPose takes them; ours refuses the file."""

    def spoil(content):
        content['annotations'][1]['keypoints'][0] = float('nan')

    edit('train', spoil)
    assert 'nan' in ask('dataset-builds', cfg)[0].message
    dataset = cfg.train_dataloader.dataset
    dataset.pop('schema')
    dataset.update(
        type='BaseCocoStyleDataset',
        metainfo=SCHEMA.metainfo(),
        data_prefix=dict(img='images/'),
    )
    (finding,) = ask('keypoints-finite', cfg)
    assert '1 instance(s) of train' in finding.message
    assert 'train_0001' in finding.message


def test_landmarks_outside_of_the_image(cfg, ask, edit):
    def spoil(content):
        change(content['annotations'][0], lambda v: v.__setitem__((0, 0), 60))

    edit('val', spoil)
    (finding,) = ask('out-of-image', cfg)
    assert (
        '1 instance(s) of val' in finding.message
        and '(S 60' in finding.message
    )


def test_the_same_cephalogram_twice(cfg, ask, edit):
    def copy(content):
        first, second = content['annotations'][:2]
        second['keypoints'] = first['keypoints']

    edit('train', copy)
    (finding,) = ask('duplicate-cephalograms', cfg)
    assert 'train_0000.jpg = ' in finding.message


def test_a_column_of_default_values(cfg, ask, edit):
    def spoil(content):
        for annotation in content['annotations']:
            change(
                annotation,
                lambda v: v.__setitem__((SCHEMA.index_of('B'), 0), 30.0),
            )

    edit('train', spoil)
    (finding,) = ask('constant-landmark', cfg)
    assert 'B: x is 30 in all 24 cephalograms of train' in finding.message


def test_a_landmark_that_is_never_labelled(cfg, ask, edit):
    def hide(content):
        for annotation in content['annotations']:
            change(
                annotation, lambda v: v.__setitem__(SCHEMA.index_of('Ar'), 0)
            )

    edit('train', hide)
    (finding,) = ask('never-labelled', cfg)
    assert finding.message.endswith('Ar')


def test_visibility_used_as_weight(cfg, ask, monkeypatch):
    from cape_mm.datasets.datasets import CephalometricDataset

    parse = CephalometricDataset.parse_data_info

    def parse_with_flags(self, raw):
        info = parse(self, raw)
        info['keypoints_visible'] = 2 * info['keypoints_visible']
        return info

    monkeypatch.setattr(
        CephalometricDataset, 'parse_data_info', parse_with_flags
    )
    findings = ask('visibility-weight', cfg)
    assert 'keypoints_visible of train goes up to 2' in findings[0].message


def test_cephalograms_squeezed_to_squares(cfg, ask, monkeypatch):
    monkeypatch.setattr(
        'cape_mm.checks.cephalogram_table._image_sizes',
        lambda source: {index: (64, 64) for index in range(1, 25)},
    )
    messages = [f.message for f in ask('squeezed-cephalograms', cfg)]
    assert (
        len(messages) == 3
        and 'all cephalograms of train are square' in messages[0]
    )


def test_pixels_that_are_no_squares(cfg, ask, edit):
    def squeeze(content):
        content['images'][5]['spacing'] = [3.0, 3.75]

    edit('train', squeeze)
    (finding,) = ask('squeezed-cephalograms', cfg)
    assert finding.message.startswith('1 cephalogram(s) of train')
    assert '3 and 3.75 mm' in finding.message


@pytest.mark.parametrize(
    'split, severity', [('val', 'error'), ('train', WARNING)]
)
def test_cephalograms_without_spacing(cfg, ask, edit, split, severity):
    def forget(content):
        content['images'][0].update(spacing=None, spacing_source='unknown')

    edit(split, forget)
    (finding,) = ask('spacing-missing', cfg)
    assert (
        f'1 of {dict(val=12, train=24)[split]} cephalograms' in finding.message
    )
    assert finding.severity == severity


def test_x_and_y_exchanged(cfg, ask, edit):
    def swap(content):
        change(
            content['annotations'][4],
            lambda v: v.__setitem__((slice(None), slice(2)), v[:, 1::-1]),
        )

    edit('train', swap)
    (finding,) = ask('axes-swapped', cfg)
    assert '1 cephalogram(s) of train the face lies' in finding.message
    assert 'train_0004' in finding.message
    assert not ask('landmark-order', cfg), 'one fault, one finding'


@pytest.mark.parametrize(
    'one, other, text',
    [
        ('Po', 'Prn', 'Po is not behind Prn'),
        ('PNS', 'ANS', 'PNS is not behind ANS'),
        ('U1', 'U1a', 'U1a is not above U1'),
        ('N', 'Me', 'N is not above ANS'),
    ],
)
def test_exchanged_landmarks(cfg, ask, edit, one, other, text):
    edit(
        'val',
        lambda content: change(
            content['annotations'][2], lambda v: exchange(v, one, other)
        ),
    )
    messages = [f.message for f in ask('landmark-order', cfg)]
    assert any(
        m.startswith(f'{text} in 1 cephalogram(s) of val') for m in messages
    )


def mirror(content, count):
    for image, annotation in list(
        zip(content['images'], content['annotations'])
    )[:count]:
        width = image['width']
        change(
            annotation,
            lambda v, width=width: v.__setitem__(
                (slice(None), 0), width - 1 - v[:, 0]
            ),
        )


def test_heads_that_look_the_other_way(cfg, ask, edit):
    edit('train', lambda content: mirror(content, 3))
    (finding,) = ask('facing-mixed', cfg)
    assert (
        '3 cephalograms of train face left, 21 face right' in finding.message
    )


def test_splits_that_look_different_ways(cfg, ask, edit):
    edit('val', lambda content: mirror(content, 12))
    (finding,) = ask('facing-mixed', cfg)
    assert 'train right, val left, test right' in finding.message


def test_all_heads_to_the_left_are_in_order(cfg, ask, edit):
    for split in ('train', 'val', 'test'):
        edit(split, lambda content: mirror(content, 24))
    assert not ask('facing-mixed', cfg)
    assert not ask('landmark-order', cfg)


def test_spacing_of_another_size(cfg, ask, edit):
    def spoil(content):
        content['images'][1]['spacing'] = [0.1, 0.1]

    edit('train', spoil)
    (finding,) = ask('impossible-size', cfg)
    assert 'in 1 cephalogram(s) of train S and N' in finding.message
    assert 'train_0001' in finding.message
