# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from cape_mm.datasets.cephalometric_files import (
    PictureStore,
    load_coco,
    make_splitter,
    write_film_folder,
)
from cape_mm.datasets.cephalometric_files.picture_size import check_picture
from cape_mm.structures import Landmark, LandmarkSchema

SCHEMA = LandmarkSchema(
    'isbi2015',
    (Landmark('S', 'Sella', ''), Landmark('N', 'Nasion', '')),
    '',
    '',
)


@pytest.fixture
def folder(tmp_path, report, picture, monkeypatch):
    """Write films of the folder `in` to the folder `out`."""
    # a schema of two landmarks, where the check wants a known one
    monkeypatch.setattr(
        'cape_mm.datasets.cephalometric_files.coco_check.get_schema',
        lambda name: SCHEMA,
    )
    for seed, name in enumerate('abcdefghij'):
        picture(tmp_path / 'in' / f'{name}.png', seed=seed)

    def write(films, splitter=None, name='films', skip_missing=False, **store):
        out = tmp_path / 'out'
        return write_film_folder(
            films,
            SCHEMA,
            out,
            name,
            PictureStore(tmp_path / 'in', out / 'images', report, **store),
            report,
            splitter or make_splitter((0.1, 0.2), seed=0),
            skip_missing,
            dict(format='test'),
        )

    write.out = tmp_path / 'out'
    return write


def test_films_without_split(folder, film, report):
    films = [
        film(f'{n}.png', subject=n, spacing=(4, 5), spacing_source='file')
        for n in 'abcdefghij'
    ]
    summaries = folder(films)
    assert [s.films for s in summaries] == [7, 1, 2]
    assert str(summaries[0]).endswith(
        'films_train.json: 7 films of 7 persons, 14 landmarks, 7 films with '
        'spacing'
    )
    content = load_coco(folder.out / 'annotations' / 'films_test.json')
    assert content['info'] == dict(
        format='test', part='test', schema='isbi2015'
    )
    image = content['images'][0]
    assert image['spacing'] == [4, 5] and image['width'] == 40
    assert (folder.out / 'images' / image['file_name']).is_file()
    assert content['annotations'][0]['keypoints'] == [10, 20, 2, 5, 6.5, 2]
    assert not report


def test_the_split_of_the_data_is_kept(folder, film):
    films = [
        film(f'{n}.png', split=part)
        for n, part in zip('abcd', ('train', 'test1', 'train', 'val'))
    ]
    summaries = folder(films)
    assert {s.path.name: s.films for s in summaries} == {
        'films_train.json': 2,
        'films_test1.json': 1,
        'films_val.json': 1,
    }
    with pytest.raises(ValueError, match='for validation already'):
        folder(films, make_splitter((0, 0), 0, val_share=0.5), name='more')


def test_validation_films_are_taken_from_the_training(folder, film):
    films = [
        film(f'{n}.png', split='train' if n < 'i' else 'test')
        for n in 'abcdefghij'
    ]
    summaries = folder(films, make_splitter((0.1, 0.1), 0, val_share=0.25))
    sizes = {s.path.stem: s.films for s in summaries}
    assert sizes == dict(films_train=6, films_val=2, films_test=2)


def test_nothing_is_overwritten(folder, film, tmp_path, picture):
    films = [film(f'{n}.png', split='train') for n in 'ab']
    folder(films)
    with pytest.raises(FileExistsError, match='films_train.json is there'):
        folder(films)
    folder(films, name='again')  # the same pictures are no conflict
    picture(tmp_path / 'in' / 'a.png', seed=99)
    with pytest.raises(FileExistsError, match='a.png is another picture'):
        folder(films, name='third')


def test_missing_pictures_stop_or_are_counted(folder, film, report):
    films = [film(f'{n}.png', split='train') for n in 'az']
    with pytest.raises(FileNotFoundError, match='z.png.*--skip-missing'):
        folder(films)
    (summary,) = folder(films, skip_missing=True)
    assert summary.films == 1 and report.counts['no_picture'] == 1
    with pytest.raises(ValueError, match='source has no film'):
        folder(films[1:], name='more', skip_missing=True)


def test_points_outside_and_unlikely_sizes_are_counted(folder, film, report):
    films = [
        film(
            f'{n}.png',
            split='train',
            keypoints_px=np.array([[10.0, 20], [45, 6]]),
            spacing=(4, 0.4 if n == 'c' else 4),
            spacing_source='user',
        )
        for n in 'abc'
    ]
    folder(films)
    assert report.counts == dict(outside=3, unlikely_size=1)
    assert 'N at (45, 6)' in report.examples['outside'][0]
    assert report.examples['unlikely_size'] == [
        'c.png: 20 mm high, the median of all films is 200 mm'
    ]


def test_links(folder, film, tmp_path):
    folder([film('a.png', split='train')], link=True)
    link = folder.out / 'images' / 'a.png'
    assert link.is_symlink()
    assert link.resolve() == (tmp_path / 'in' / 'a.png').resolve()


def test_smaller_pictures_keep_landmarks_in_millimetres(folder, film, report):
    record = film(
        'a.png', split='train', spacing=(1.0, 2.0), spacing_source='file'
    )
    folder([record], max_side=25)
    path = folder.out / 'annotations' / 'films_train.json'
    content = json.loads(path.read_text())
    (image,) = content['images']
    assert (image['width'], image['height']) == (20, 25)
    x, y = content['annotations'][0]['keypoints'][:2]
    sx, sy = image['spacing']
    # from the corner of the picture, half a pixel before the first centre
    assert (x + 0.5) * sx == pytest.approx(10.5 * 1.0)
    assert (y + 0.5) * sy == pytest.approx(20.5 * 2.0)
    assert cv2.imread(str(folder.out / 'images' / 'a.png')).shape[:2] == (
        25,
        20,
    )
    assert report.counts['shrunk'] == 1


def test_pictures_of_the_record_are_written(folder, film):
    image = np.arange(2000, dtype=np.uint8).reshape(50, 40)
    folder([film('new/x.png', split='train', image=image)])
    path = folder.out / 'images' / 'new' / 'x.png'
    np.testing.assert_array_equal(cv2.imread(str(path), 0), image)


def test_huge_pictures_are_refused_before_they_are_decoded(
    folder, film, tmp_path
):
    with pytest.raises(ValueError, match='a.png has 40 x 50 pixels'):
        folder([film('a.png', split='train')], max_megapixels=0.001)
    # 200 million pixels in a few hundred kilobytes
    path = tmp_path / 'bomb.png'
    Image.new('1', (20000, 10000)).save(path)
    with pytest.raises(ValueError, match='bomb.png'):
        check_picture(path)


def test_files_that_are_no_pictures_are_named(folder, film, tmp_path):
    (tmp_path / 'in' / 'text.png').write_text('no picture')
    with pytest.raises(ValueError, match='text.png is no picture'):
        folder([film('text.png', split='train')])
