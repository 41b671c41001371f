# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import csv
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from cape_mm.datasets.formats.cephalometric import is_dicom, read_dicom
from cape_mm.datasets.formats.cephalometric.conversion import (
    unpack_dicom_folder,
)
from cape_mm.datasets.formats.cephalometric.csv_table import read_csv
from cape_mm.datasets.formats.cephalometric.dicom import (
    apply_window,
    find_spacing,
)
from cape_mm.errors import DataError
from cape_mm.structures import get_schema

NAME = 'Mustermann^Erika'
ROWS_COLUMNS = [0.2, 0.1]  # y, x
VALUES = np.arange(0, 4000, 100, np.uint16).reshape(5, 8)


@pytest.fixture
def write(write_dicom):
    return write_dicom


def test_spacing_device_and_shape(write):
    cephalogram = read_dicom(
        write(
            ImagerPixelSpacing=[0.2, 0.1],
            EstimatedRadiographicMagnificationFactor=1.25,
        )
    )
    assert (
        cephalogram.image.shape == (5, 8)
        and cephalogram.image.dtype == np.uint8
    )
    assert cephalogram.spacing == pytest.approx((0.08, 0.16))
    assert cephalogram.spacing_source == 'dicom_imager'
    assert cephalogram.device == 'Maker Ceph 9'


def test_nothing_of_the_patient_is_kept(write):
    cephalogram = read_dicom(write())
    text = repr(cephalogram)
    for secret in ('Mustermann', '20000101', '4711'):
        assert secret not in text


def test_without_window_from_smallest_to_largest_value(write):
    cephalogram = read_dicom(write())
    assert cephalogram.image[0, 0] == 0 and cephalogram.image[-1, -1] == 255
    assert cephalogram.image[2, 4] == round(255 * 2000 / 3900)
    assert 'no window' in cephalogram.notes[-1]


def test_filling_does_not_count_for_the_range(write):
    pixels = VALUES + np.uint16(50)
    pixels[0] = 4095
    cephalogram = read_dicom(write(pixels=pixels, PixelPaddingValue=4095))
    assert cephalogram.image[1, 0] == 0 and cephalogram.image[-1, -1] == 255
    assert (cephalogram.image[0] == 255).all()


def test_the_first_of_several_windows_is_used(write):
    one = read_dicom(write('1.dcm', WindowCenter=1000, WindowWidth=500))
    two = read_dicom(
        write('2.dcm', WindowCenter=[1000, 3000], WindowWidth=[500, 9])
    )
    np.testing.assert_array_equal(one.image, two.image)
    flat = one.image.ravel()
    assert (flat[VALUES.ravel() < 750] == 0).all()
    assert (flat[VALUES.ravel() > 1250] == 255).all()
    assert 100 < one.image[1, 2] < 155  # the value 1000
    assert not any('window' in note for note in one.notes)


def test_values_are_rescaled_before_the_window(write):
    plain = read_dicom(write('1.dcm', WindowCenter=1000, WindowWidth=500))
    scaled = read_dicom(
        write(
            '2.dcm',
            RescaleSlope=2,
            RescaleIntercept=-1024,
            WindowCenter=2 * 1000 - 1024,
            WindowWidth=1000,
        )
    )
    # LINEAR windows have whole ends: half a value more or less
    difference = scaled.image.astype(int) - plain.image
    assert abs(difference).max() <= 1


def test_monochrome1_is_inverted(write):
    options = dict(WindowCenter=2000, WindowWidth=3000)
    bright = read_dicom(write('1.dcm', **options)).image
    dark = read_dicom(
        write('2.dcm', PhotometricInterpretation='MONOCHROME1', **options)
    ).image
    assert abs(dark.astype(int) + bright - 255).max() <= 1
    assert dark[0, 0] == 255


def test_eight_bits_stay_as_they_are(write):
    pixels = np.arange(30, 70, dtype=np.uint8).reshape(5, 8)
    cephalogram = read_dicom(write(pixels=pixels))
    np.testing.assert_array_equal(cephalogram.image, pixels)


def test_a_lookup_table_is_used_without_window(write):
    import pydicom

    table = pydicom.Dataset()
    table.LUTDescriptor = [4096, 0, 10]
    table.LUTData = (np.arange(4096) // 4).astype(np.uint16).tobytes()
    table['LUTData'].VR = 'OW'
    sequence = pydicom.Sequence([table])
    cephalogram = read_dicom(write(VOILUTSequence=sequence))
    assert cephalogram.image[2, 4] == round(255 * 500 / 1023)
    # the depth is that of the table, however dark the image
    path = write(pixels=VALUES // 8, VOILUTSequence=sequence)
    assert read_dicom(path).image[2, 4] == round(255 * 62 / 1023)


def test_colour_cephalograms_become_grey(write):
    pixels = np.full((5, 8, 3), 200, np.uint8)
    cephalogram = read_dicom(
        write(
            pixels=pixels,
            SamplesPerPixel=3,
            PhotometricInterpretation='RGB',
            PlanarConfiguration=0,
            Rows=5,
            Columns=8,
        )
    )
    assert (
        cephalogram.image.shape == (5, 8) and (cephalogram.image == 200).all()
    )


def test_several_frames_are_refused(write):
    path = write(pixels=np.stack([VALUES] * 2), NumberOfFrames=2)
    with pytest.raises(DataError, match='a.dcm has 2 frames'):
        read_dicom(path)


def test_other_colours_are_refused(write):
    path = write(PhotometricInterpretation='PALETTE COLOR')
    with pytest.raises(DataError, match="a.dcm has colours \\('PALETTE"):
        read_dicom(path)


def test_too_large_images_are_refused_before_decoding(write):
    path = write(Rows=60000, Columns=60000)
    with pytest.raises(DataError, match='a.dcm has 60000 x 60000 pixels'):
        read_dicom(path)


def test_pixels_that_cannot_be_decoded(write):
    path = write(Rows=50)
    with pytest.raises(DataError, match='a.dcm: its pixels cannot be decod'):
        read_dicom(path)


def test_padding_behind_the_pixels_is_no_damage(write):
    import pydicom

    path = write()
    expected = read_dicom(path).image
    dataset = pydicom.dcmread(path)
    dataset.PixelData += b'\0' * 14  # less than a row
    dataset.save_as(path)
    np.testing.assert_array_equal(read_dicom(path).image, expected)


def test_a_window_that_is_no_number_is_named(write):
    path = write(WindowCenter=2048, WindowWidth=4096)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'2048', b'abcd'))
    with pytest.raises(DataError, match=r'a.dcm: its rescaling or window is'):
        read_dicom(path)


def test_other_files(tmp_path, write):
    path = tmp_path / 'b.dcm'
    path.write_bytes(b'no DICOM')
    with pytest.raises(DataError, match='b.dcm is no DICOM file'):
        read_dicom(path)
    with pytest.raises(FileNotFoundError, match='c.dcm'):
        read_dicom(tmp_path / 'c.dcm')


def test_without_pydicom_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pydicom', None)
    with pytest.raises(ImportError, match='pip install pydicom'):
        read_dicom(tmp_path / 'a.dcm')


def test_dicom_files_are_known_by_suffix_or_mark(tmp_path):
    (tmp_path / 'a.dcm').touch()
    (tmp_path / 'b').write_bytes(bytes(128) + b'DICM')
    (tmp_path / 'c.png').write_bytes(bytes(200))
    names = ('a.dcm', 'b', 'c.png', 'd.dcm')
    known = [is_dicom(tmp_path / name) for name in names]
    assert known == [True, True, False, False]


@pytest.mark.parametrize(
    ('function', 'value', 'share'),
    [
        # DICOM PS3.3 C.11.2.1.2: c = 2048, w = 4096 maps 0 .. 4095 to 0 .. 1
        ('LINEAR', [-5, 0, 4095, 9999], [0, 0, 1, 1]),
        ('LINEAR_EXACT', [0, 2048, 4096], [0, 0.5, 1]),
        ('SIGMOID', [2048, 2048 + 1024], [0.5, 1 / (1 + np.exp(-1))]),
    ],
)
def test_windows_of_the_standard(function, value, share):
    result = apply_window(np.array(value), 2048, 4096, function)
    np.testing.assert_allclose(result, share)


def test_the_narrowest_window_is_a_step():
    result = apply_window(np.array([9, 10, 11]), 10, 1)
    assert result.tolist() == [0, 1, 1]


def test_a_table_may_name_dicom_files(write, tmp_path, report):
    write('x/a.dcm', PixelSpacing=[0.2, 0.1])
    write('x/b.dcm', PixelSpacing=[0.2, 0.1])
    schema = get_schema('isbi2015')
    header = [f'{c}_{axis}' for c in schema.codes for axis in 'xy']
    rows = [
        ['file', 'spacing', 'device', *header],
        ['x/a.dcm', '', '', *['3'] * 38],
        ['x/b.dcm', '0.5', 'mine', *['3'] * 38],
    ]
    path = tmp_path / 'cephalograms.csv'
    with open(path, 'w', newline='') as file:
        csv.writer(file).writerows(rows)
    first, second = read_csv(path, schema, tmp_path, report)
    assert first.image_path == 'x/a.png' and first.image.shape == (5, 8)
    assert first.spacing == (0.1, 0.2)
    assert first.spacing_source == 'dicom_pixel'
    assert first.device == 'Maker Ceph 9'
    assert second.spacing == (0.5, 0.5) and second.spacing_source == 'file'
    assert second.device == 'mine'


def test_a_folder_becomes_images_and_a_table(write, tmp_path, report):
    write('in/p/a.dcm', PixelSpacing=[0.2, 0.1])
    write('in/b.dcm')
    schema = get_schema('document19')
    out = tmp_path / 'out'
    assert unpack_dicom_folder(tmp_path / 'in', out, schema, report) == 2
    with open(out / 'cephalograms.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['file'] for row in rows] == ['b.png', 'p/a.png']
    assert rows[1]['spacing_x'] == '0.1'
    assert rows[1]['spacing_source'] == 'dicom_pixel'
    assert rows[0]['spacing_x'] == '' and rows[0]["N'_y"] == ''
    assert NAME.encode() not in (out / 'images' / 'b.png').read_bytes()

    records = list(
        read_csv(out / 'cephalograms.csv', schema, out / 'images', report)
    )
    assert records[1].spacing == (0.1, 0.2)
    assert not records[1].visible.any()
    with pytest.raises(
        FileExistsError, match='cephalograms.csv is there already'
    ):
        unpack_dicom_folder(tmp_path / 'in', out, schema, report)


def test_files_called_by_their_uids_stay_apart(write, tmp_path, report):
    for number in (1, 2):
        write(f'in/1.2.840.{number}')
    write('in/1.2.840.3.dcm')
    schema = get_schema('document19')
    assert unpack_dicom_folder(tmp_path / 'in', tmp_path, schema, report) == 3
    images = sorted(p.name for p in (tmp_path / 'images').iterdir())
    assert images == ['1.2.840.1.png', '1.2.840.2.png', '1.2.840.3.png']
    codes = [f'{code}_{axis}' for code in schema.codes for axis in 'xy']
    rows = [['file', *codes]]
    rows += [[f'1.2.840.{n}', *map(str, range(38))] for n in (1, 2)]
    table = tmp_path / 'cephalograms.csv'
    table.write_text('\n'.join(','.join(row) for row in rows) + '\n')
    records = read_csv(table, schema, tmp_path / 'in', report)
    names = [record.image_path for record in records]
    assert names == ['1.2.840.1.png', '1.2.840.2.png']


def test_a_folder_without_dicom_files(tmp_path, report):
    with pytest.raises(FileNotFoundError, match='no DICOM file'):
        unpack_dicom_folder(
            tmp_path, tmp_path / 'out', get_schema('isbi2015'), report
        )


def find(**attributes):
    return find_spacing(SimpleNamespace(**attributes))


def test_columns_come_second():
    spacing, source, notes = find(PixelSpacing=ROWS_COLUMNS)
    assert (spacing, source, notes) == ((0.1, 0.2), 'dicom_pixel', [])


def test_a_calibrated_spacing_counts_even_if_it_is_the_detectors():
    spacing, source, notes = find(
        PixelSpacing=ROWS_COLUMNS,
        ImagerPixelSpacing=ROWS_COLUMNS,
        PixelSpacingCalibrationType='GEOMETRY',
        EstimatedRadiographicMagnificationFactor=1.1,
    )
    assert (spacing, source, notes) == ((0.1, 0.2), 'dicom_pixel', [])


def test_a_spacing_that_differs_from_the_detectors_is_corrected():
    spacing, source, notes = find(
        PixelSpacing=ROWS_COLUMNS, ImagerPixelSpacing=[0.22, 0.11]
    )
    assert spacing == (0.1, 0.2) and source == 'dicom_pixel'


@pytest.mark.parametrize('pixel', [None, ROWS_COLUMNS])
def test_the_detectors_spacing_is_divided_by_the_magnification(pixel):
    spacing, source, notes = find(
        PixelSpacing=pixel,
        ImagerPixelSpacing=ROWS_COLUMNS,
        EstimatedRadiographicMagnificationFactor='1.25',
    )
    assert spacing == pytest.approx((0.08, 0.16))
    assert source == 'dicom_imager' and not notes


@pytest.mark.parametrize(
    'attributes',
    [
        dict(ImagerPixelSpacing=ROWS_COLUMNS),
        dict(PixelSpacing=ROWS_COLUMNS, ImagerPixelSpacing=ROWS_COLUMNS),
        dict(NominalScannedPixelSpacing=ROWS_COLUMNS),
        # not the magnification of the scanner
        dict(
            NominalScannedPixelSpacing=ROWS_COLUMNS,
            EstimatedRadiographicMagnificationFactor=1.1,
        ),
    ],
)
def test_without_magnification_the_spacing_is_marked(attributes):
    spacing, source, notes = find(**attributes)
    assert spacing == (0.1, 0.2)
    assert source == 'dicom_imager_uncorrected'
    assert 'too large' in notes[-1]


def test_nothing_is_assumed():
    spacing, source, notes = find()
    assert spacing is None and source == 'unknown'
    assert len(notes) == 1


@pytest.mark.parametrize('value', [[0, 0.1], [0.1], 'x', [float('nan'), 1]])
def test_wrong_values_are_not_used_but_reported(value):
    spacing, source, notes = find(
        PixelSpacing=value, ImagerPixelSpacing=ROWS_COLUMNS
    )
    assert source == 'dicom_imager_uncorrected'
    assert notes[0].startswith('PixelSpacing is')
    spacing, source, notes = find(
        ImagerPixelSpacing=ROWS_COLUMNS,
        EstimatedRadiographicMagnificationFactor=0,
    )
    assert source == 'dicom_imager_uncorrected'
    assert 'no positive number' in notes[0]
