# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import shutil

import numpy as np
import pytest

from cape_mm.datasets.formats.cephalometric.isbi import read_isbi, read_text
from cape_mm.datasets.formats.cephalometric.reading import ObserverError
from cape_mm.errors import DataError
from cape_mm.structures import get_schema

CODES = get_schema('isbi2015').codes
TYPES = [1, 2, 3, 1, 1, 1, 2, 4]


def make_text(offset=0, types=TYPES):
    lines = [f'{100 + 10 * i + offset},{200 + i}' for i in range(19)]
    return '\n'.join([*lines, *map(str, types)]) + '\n'


@pytest.fixture
def isbi(tmp_path, image):
    """Cephalograms 001, 151 and 301, the junior 3 pixels to the right."""
    root = tmp_path / 'isbi'
    for number, folder in (
        (1, 'TrainingData'),
        (151, 'Test1Data'),
        (301, 'Test2Data'),
    ):
        name = f'{number:03d}'
        image(root / 'RawImage' / folder / f'{name}.bmp', seed=number)
        for doctor, offset in (('junior', 3), ('senior', 0)):
            path = root / f'400_{doctor}' / f'{name}.txt'
            path.parent.mkdir(exist_ok=True)
            path.write_text(make_text(offset))
    return root


def test_mean_is_not_rounded_and_parts_go_by_number(isbi, report):
    records = list(read_isbi(isbi, report))
    assert [r.extra['split'] for r in records] == ['train', 'test1', 'test2']
    assert [r.subject for r in records] == ['001', '151', '301']
    assert records[1].image_path == 'RawImage/Test1Data/151.bmp'
    expected = [[100 + 10 * i + 1.5, 200 + i] for i in range(19)]
    np.testing.assert_array_equal(records[0].keypoints_px, expected)
    assert (records[0].visible == 2).all()


@pytest.mark.parametrize(
    ('annotator', 'x'), [('junior', 103), ('senior', 100)]
)
def test_one_doctor(isbi, report, annotator, x):
    other = dict(junior='senior', senior='junior')[annotator]
    shutil.rmtree(isbi / f'400_{other}')
    record = next(read_isbi(isbi, report, annotator))
    assert record.keypoints_px[0].tolist() == [x, 200]
    assert record.class_labels == dict(
        ANB=1, SNB=2, SNA=3, ODI=1, APDI=1, FHI=1, FMA=2, MW=4
    )


def test_annotations_may_lie_in_their_folder_of_the_download(isbi, report):
    for doctor in ('junior', 'senior'):
        target = isbi / 'AnnotationsByMD' / f'400_{doctor}'
        shutil.move(str(isbi / f'400_{doctor}'), str(target))
    assert len(list(read_isbi(isbi, report))) == 3


def test_classes_on_which_doctors_differ_are_given_for_each(isbi, report):
    path = isbi / '400_junior' / '001.txt'
    path.write_text(make_text(3, [2, *TYPES[1:]]))
    labels = next(read_isbi(isbi, report)).class_labels
    assert 'ANB' not in labels and labels['SNB'] == 2
    assert (labels['ANB_junior'], labels['ANB_senior']) == (2, 1)
    assert report.counts['class_conflict'] == 1


def test_spacing_is_known_for_the_original_size_only(isbi, report, image):
    name = 'RawImage/TrainingData/001.bmp'
    image(isbi / name, width=1935, height=2400)
    records = list(read_isbi(isbi, report))
    assert records[0].spacing == (0.1, 0.1)
    assert records[0].spacing_source == 'file'
    assert records[1].spacing is None
    assert records[1].spacing_source == 'unknown'
    assert report.counts['no_spacing'] == 2

    record = next(read_isbi(isbi, report, spacing=0.75))
    assert record.spacing == (0.75, 0.75)
    assert record.spacing_source == 'user'


def test_labels_of_images_that_were_made_smaller(isbi, report, image):
    """As fetched from mirrors: small images, and the original text files."""
    name = 'RawImage/TrainingData/001.bmp'
    image(isbi / name, width=516, height=640)
    error = ObserverError(CODES)
    record = next(
        read_isbi(isbi, report, observer_error=error, label_size=(1935, 2400))
    )
    factor = np.array([516 / 1935, 640 / 2400])
    first = (np.array([100 + 1.5, 200]) + 0.5) * factor - 0.5
    assert np.allclose(record.keypoints_px[0], first)
    assert np.allclose(record.spacing, 0.1 / factor)
    assert record.spacing_source == 'file'
    assert '0.300 ± 0.000 mm' in error.lines()[0], 'the same millimetres'


def test_cut_images_are_no_reduction(isbi, report, image):
    name = 'RawImage/TrainingData/001.bmp'
    image(isbi / name, width=516, height=600)
    with pytest.raises(DataError, match='no reduction of 1935 x 2400'):
        list(read_isbi(isbi, report, label_size=(1935, 2400)))


def test_distance_between_the_doctors(isbi, report):
    error = ObserverError(CODES)
    assert len(list(read_isbi(isbi, report, 'senior', 0.1, error))) == 3
    assert (
        '3 cephalograms: 0.300 ± 0.000 mm, 100.0% within 2 mm'
        in error.lines()[0]
    )
    assert len(error.lines()) == 1 + 19


def test_blanks_and_empty_lines_do_not_matter(tmp_path):
    path = tmp_path / '001.txt'
    path.write_text(make_text().replace(',', ' , ').replace('\n', ' \r\n\n'))
    points, types = read_text(path)
    assert points[18].tolist() == [280, 218]
    assert types['MW'] == 4


@pytest.mark.parametrize(
    ('edit', 'words'),
    [
        (lambda text: text.split('\n', 1)[1], '26 lines'),
        (lambda text: text.replace('110,201', '110'), "line 2: '110'"),
        (lambda text: text.replace('110,201', 'nan,2'), "line 2: 'nan,2'"),
        (lambda text: text[:-2] + '4.5\n', 'no class of MW'),
    ],
)
def test_wrong_lines_are_named(isbi, report, edit, words):
    path = isbi / '400_senior' / '151.txt'
    path.write_text(edit(path.read_text()))
    with pytest.raises(DataError, match=words) as error:
        list(read_isbi(isbi, report))
    assert str(path) in str(error.value)


def test_a_cephalogram_of_one_doctor_only_has_no_mean(isbi, report):
    (isbi / '400_junior' / '301.txt').unlink()
    with pytest.raises(FileNotFoundError, match='cephalogram 301 has no file'):
        list(read_isbi(isbi, report))


def test_missing_folders_are_named(isbi, report):
    shutil.rmtree(isbi / '400_junior')
    with pytest.raises(FileNotFoundError, match='400_junior'):
        list(read_isbi(isbi, report))
    shutil.rmtree(isbi / 'RawImage')
    with pytest.raises(FileNotFoundError, match='TrainingData'):
        list(read_isbi(isbi, report, 'senior'))


def test_a_image_in_the_wrong_part_is_refused(isbi, report, image):
    image(isbi / 'RawImage' / 'Test1Data' / '002.bmp')
    with pytest.raises(
        DataError, match='002.bmp: Test1Data has the cephalograms'
    ):
        list(read_isbi(isbi, report))


def test_images_without_marks_are_counted(isbi, report, image):
    image(isbi / 'RawImage' / 'TrainingData' / '007.bmp')
    assert len(list(read_isbi(isbi, report))) == 3
    assert report.counts['no_annotation'] == 1


def test_a_number_the_challenge_does_not_have(isbi, report):
    for doctor in ('junior', 'senior'):
        (isbi / f'400_{doctor}' / '401.txt').write_text(make_text())
    with pytest.raises(DataError, match='401.txt.* 001 to 400'):
        list(read_isbi(isbi, report))


@pytest.mark.parametrize('folder', ['400_junior', 'RawImage/TrainingData'])
def test_1_and_001_are_one_cephalogram(isbi, report, folder):
    source = next((isbi / folder).glob('001.*'))
    shutil.copy(source, source.with_stem('1'))
    with pytest.raises(DataError, match=r'001 has two .*001\..*[/]1\.'):
        list(read_isbi(isbi, report))


def test_text_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / '001.txt'
    path.write_text('\ufeff' + make_text(), 'utf-8')
    assert read_text(path)[0][0].tolist() == [100, 200]


@pytest.mark.parametrize('value', ['1e300', 'nan', 'inf', '', 'x', '1,2'])
def test_numbers_that_no_coordinate_can_be_are_named(tmp_path, value):
    path = tmp_path / '001.txt'
    path.write_text(make_text().replace('100,200', f'{value},200', 1))
    with pytest.raises(DataError, match=r'001\.txt: line 1: '):
        read_text(path)
