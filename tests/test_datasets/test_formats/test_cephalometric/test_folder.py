# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from cape_mm.datasets.formats.cephalometric import load_coco
from cape_mm.datasets.formats.cephalometric.folder import (
    ImageStore,
    write_cephalogram_folder,
)
from cape_mm.datasets.formats.cephalometric.splits import split_cephalograms
from cape_mm.datasets.formats.image_check import check_image
from cape_mm.errors import DataError, UsageError
from cape_mm.structures import Landmark, LandmarkSchema

SCHEMA = LandmarkSchema(
    'isbi2015',
    (Landmark('S', 'Sella', ''), Landmark('N', 'Nasion', '')),
    '',
    '',
)


@pytest.fixture
def folder(tmp_path, report, image, monkeypatch):
    """Write cephalograms of the folder `in` to the folder `out`."""
    # a schema of two landmarks, where the check wants a known one
    monkeypatch.setattr(
        'cape_mm.datasets.formats.cephalometric.coco_check.get_schema',
        lambda name: SCHEMA,
    )
    for seed, name in enumerate('abcdefghij'):
        image(tmp_path / 'in' / f'{name}.png', seed=seed)

    def write(
        cephalograms,
        splitter=None,
        name='cephalograms',
        skip_missing=False,
        **store,
    ):
        out = tmp_path / 'out'
        return write_cephalogram_folder(
            cephalograms,
            SCHEMA,
            name,
            ImageStore(tmp_path / 'in', out / 'images', report, **store),
            splitter or partial(split_cephalograms, shares=(0.1, 0.2), seed=0),
            skip_missing,
            dict(format='test'),
        )

    write.out = tmp_path / 'out'
    return write


def count(summaries):
    """Number of cephalograms in the files that summaries name."""
    paths = [Path(summary.split(': ')[0]) for summary in summaries]
    return {path.stem: len(load_coco(path)['images']) for path in paths}


def test_cephalograms_without_split(folder, cephalogram, report):
    cephalograms = [
        cephalogram(
            f'{n}.png', subject=n, spacing=(4, 5), spacing_source='file'
        )
        for n in 'abcdefghij'
    ]
    summaries = folder(cephalograms)
    assert list(count(summaries).values()) == [7, 1, 2]
    assert summaries[0].endswith(
        'cephalograms_train.json: 7 cephalograms of 7 persons, 14 landmarks, '
        '7 cephalograms with spacing'
    )
    content = load_coco(folder.out / 'annotations' / 'cephalograms_test.json')
    assert content['info'] == dict(
        format='test', part='test', schema='isbi2015'
    )
    image = content['images'][0]
    assert image['spacing'] == [4, 5] and image['width'] == 40
    assert (folder.out / 'images' / image['file_name']).is_file()
    assert content['annotations'][0]['keypoints'] == [10, 20, 2, 5, 6.5, 2]
    assert not report


def test_the_split_of_the_data_is_kept(folder, cephalogram):
    cephalograms = [
        cephalogram(f'{n}.png', split=part)
        for n, part in zip('abcd', ('train', 'test1', 'train', 'val'))
    ]
    summaries = folder(cephalograms)
    assert count(summaries) == dict(
        cephalograms_train=2, cephalograms_test1=1, cephalograms_val=1
    )
    with pytest.raises(DataError, match='for validation already'):
        folder(
            cephalograms,
            partial(split_cephalograms, shares=(0, 0), seed=0, val_share=0.5),
            name='more',
        )


def test_validation_cephalograms_are_taken_from_the_training(
    folder, cephalogram
):
    cephalograms = [
        cephalogram(f'{n}.png', split='train' if n < 'i' else 'test')
        for n in 'abcdefghij'
    ]
    summaries = folder(
        cephalograms,
        partial(split_cephalograms, shares=(0.1, 0.1), seed=0, val_share=0.25),
    )
    assert count(summaries) == dict(
        cephalograms_train=6, cephalograms_val=2, cephalograms_test=2
    )


def test_nothing_is_overwritten(folder, cephalogram, tmp_path, image):
    cephalograms = [cephalogram(f'{n}.png', split='train') for n in 'ab']
    folder(cephalograms)
    with pytest.raises(
        FileExistsError, match='cephalograms_train.json is there'
    ):
        folder(cephalograms)
    folder(cephalograms, name='again')  # the same images are no conflict
    image(tmp_path / 'in' / 'a.png', seed=99)
    with pytest.raises(FileExistsError, match='a.png is another image'):
        folder(cephalograms, name='third')


def test_missing_images_stop_or_are_counted(folder, cephalogram, report):
    cephalograms = [cephalogram(f'{n}.png', split='train') for n in 'az']
    with pytest.raises(FileNotFoundError, match='z.png.*--skip-missing'):
        folder(cephalograms)
    (summary,) = folder(cephalograms, skip_missing=True)
    assert count([summary]) == dict(cephalograms_train=1)
    assert report.counts['no_image'] == 1
    with pytest.raises(DataError, match='source has no cephalogram'):
        folder(cephalograms[1:], name='more', skip_missing=True)


def test_points_outside_and_unlikely_sizes_are_counted(
    folder, cephalogram, report
):
    cephalograms = [
        cephalogram(
            f'{n}.png',
            split='train',
            keypoints_px=np.array([[10.0, 20], [45, 6]]),
            spacing=(4, 0.4 if n == 'c' else 4),
            spacing_source='user',
        )
        for n in 'abc'
    ]
    folder(cephalograms)
    assert report.counts == dict(outside=3, unlikely_size=1)
    assert 'N at (45, 6)' in report.examples['outside'][0]
    assert report.examples['unlikely_size'] == [
        'c.png: 20 mm high, the median of all cephalograms is 200 mm'
    ]


def test_links(folder, cephalogram, tmp_path):
    folder([cephalogram('a.png', split='train')], link=True)
    link = folder.out / 'images' / 'a.png'
    assert link.samefile(tmp_path / 'in' / 'a.png')
    assert not link.is_symlink()  # it would lead out of the folder


def test_smaller_images_keep_landmarks_in_millimetres(
    folder, cephalogram, report
):
    record = cephalogram(
        'a.png', split='train', spacing=(1.0, 2.0), spacing_source='file'
    )
    folder([record], max_side=25)
    path = folder.out / 'annotations' / 'cephalograms_train.json'
    content = json.loads(path.read_text())
    (image,) = content['images']
    assert (image['width'], image['height']) == (20, 25)
    x, y = content['annotations'][0]['keypoints'][:2]
    sx, sy = image['spacing']
    # from the corner of the image, half a pixel before the first centre
    assert (x + 0.5) * sx == pytest.approx(10.5 * 1.0)
    assert (y + 0.5) * sy == pytest.approx(20.5 * 2.0)
    assert cv2.imread(str(folder.out / 'images' / 'a.png')).shape[:2] == (
        25,
        20,
    )
    assert report.counts['shrunk'] == 1


def test_images_of_the_record_are_written(folder, cephalogram):
    image = np.arange(2000, dtype=np.uint8).reshape(50, 40)
    folder([cephalogram('new/x.png', split='train', image=image)])
    path = folder.out / 'images' / 'new' / 'x.png'
    np.testing.assert_array_equal(cv2.imread(str(path), 0), image)


def test_huge_images_are_refused_before_they_are_decoded(
    folder, cephalogram, tmp_path
):
    with pytest.raises(DataError, match='a.png has 40 x 50 pixels'):
        folder([cephalogram('a.png', split='train')], max_megapixels=0.001)
    # 200 million pixels in a few hundred kilobytes
    path = tmp_path / 'bomb.png'
    Image.new('1', (20000, 10000)).save(path)
    with pytest.raises(DataError, match='bomb.png'):
        check_image(path, True, 150.0)


def test_files_that_are_no_images_are_named(folder, cephalogram, tmp_path):
    (tmp_path / 'in' / 'text.png').write_text('no image')
    with pytest.raises(DataError, match='text.png. cannot be read'):
        folder([cephalogram('text.png', split='train')])


@pytest.mark.parametrize('side', [0, -5])
def test_a_side_of_no_pixels_is_one_sentence(folder, cephalogram, side):
    with pytest.raises(UsageError, match=f'--max-side is {side}, must be'):
        folder([cephalogram('a.png', split='train')], max_side=side)


def test_half_an_image_is_found_unless_it_has_to_be_quick(
    folder, cephalogram, tmp_path
):
    path = tmp_path / 'in' / 'half.jpg'
    pixels = np.random.default_rng(0).integers(0, 256, (50, 40, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    record = cephalogram('half.jpg', split='train')
    with pytest.raises(DataError, match='half.jpg. cannot be read'):
        folder([record])
    folder([record], quick=True)


def test_remarks_on_images_are_counted(folder, cephalogram, tmp_path, report):
    deep = np.arange(2000, dtype=np.uint16).reshape(50, 40)
    cv2.imwrite(str(tmp_path / 'in' / 'deep.png'), deep)
    folder([cephalogram('deep.png', split='train')])
    assert 'hold 12 and are read as 12' in report.examples['image'][0]
