# Copyright (c) cape_mm contributors. All rights reserved.
"""DICOM files that are damaged, or say what makes no sense."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from support.tiny_ceph import write_tiny_ceph

from cape_mm.apis import CephalometricInferencer, read_cephalogram
from cape_mm.datasets.formats.cephalometric import read_dicom
from cape_mm.errors import DataError


def lookup_table(bits, entries, first=0):
    """VOILUTSequence of one table."""
    pydicom = pytest.importorskip('pydicom')
    table = pydicom.Dataset()
    table.LUTDescriptor = [len(entries), first, bits]
    table.LUTData = np.asarray(entries, np.uint16).tobytes()
    table['LUTData'].VR = 'OW'
    return dict(VOILUTSequence=pydicom.Sequence([table]))


def test_a_broken_lookup_table_is_noted_and_not_used(write_dicom):
    plain = read_dicom(write_dicom('plain.dcm'))
    found = read_dicom(write_dicom(**lookup_table(0, range(4096))))
    np.testing.assert_array_equal(found.image, plain.image)
    assert 'VOILUTSequence is broken' in found.notes[1]


def test_a_lookup_table_of_less_bits_than_it_says_is_not_dark(write_dicom):
    table = lookup_table(16, range(4096))  # values of 12 bits
    found = read_dicom(write_dicom(**table))
    assert found.image.max() == round(255 * 3900 / 4095)


@pytest.mark.parametrize(
    ('attributes', 'note'),
    [
        (dict(RescaleSlope=0, RescaleIntercept=5), 'RescaleSlope is 0'),
        (dict(WindowCenter=99999, WindowWidth=10), 'its window maps every'),
        (dict(WindowCenter=-99999, WindowWidth=10), 'its window maps every'),
        (dict(WindowCenter=2000, WindowWidth=1e12), 'its window maps every'),
        (lookup_table(12, [7] * 4096), 'its window maps every'),
    ],
    ids=['slope', 'above', 'below', 'wide', 'table'],
)
def test_what_maps_everything_to_one_value_is_noted_and_not_used(
    write_dicom, attributes, note
):
    plain = read_dicom(write_dicom('plain.dcm'))
    found = read_dicom(write_dicom(**attributes))
    np.testing.assert_array_equal(found.image, plain.image)
    assert any(note in text and 'unused' in text for text in found.notes)


def test_a_cephalogram_of_one_value_is_noted(write_dicom):
    found = read_dicom(write_dicom(pixels=np.full((5, 8), 7, np.uint16)))
    assert 'all its pixels have one value' in found.notes[-1]


@pytest.mark.parametrize('rows', [1, 4, 6, 500])
def test_rows_that_do_not_fit_the_pixels_are_refused(write_dicom, rows):
    with pytest.raises(DataError, match=r'a\.dcm.*decoded.*bytes, not 80'):
        read_dicom(write_dicom(Rows=rows))


def test_one_byte_more_makes_the_length_even(write_dicom):
    pixels = np.arange(15, dtype=np.uint8).reshape(3, 5)
    path = write_dicom(pixels=pixels)  # pydicom adds the byte
    np.testing.assert_array_equal(read_dicom(path).image, pixels)


def test_missing_pixel_data_has_a_remedy_that_helps(write_dicom):
    import pydicom

    path = write_dicom()
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    dataset.save_as(path)
    with pytest.raises(DataError, match='a.dcm has no pixel data') as error:
        read_dicom(path)
    assert 'pylibjpeg' not in str(error.value)


@pytest.mark.parametrize('ratio', [[2, 1], [4, 3]])
def test_pixels_that_are_not_square_without_spacing(write_dicom, ratio):
    found = read_dicom(write_dicom(PixelAspectRatio=ratio))
    assert (found.spacing, found.spacing_source) == (None, 'not_square')
    assert any('no angles or lengths' in note for note in found.notes)


@pytest.mark.parametrize(
    'attributes',
    [
        dict(PixelAspectRatio=[1, 1]),
        dict(PixelAspectRatio=[4, 3], PixelSpacing=[0.4, 0.3]),
        dict(PixelAspectRatio=[0, 0]),
    ],
    ids=['square', 'spacing', 'nonsense'],
)
def test_other_aspect_ratios_change_nothing(write_dicom, attributes):
    found = read_dicom(write_dicom(**attributes))
    assert found.spacing_source in ('unknown', 'dicom_pixel')


def test_any_byte_may_be_wrong(write_dicom):
    """The outcome is an image, or one sentence that names the file."""
    path = write_dicom(
        WindowCenter=2000, WindowWidth=3000, PixelSpacing=[0.2, 0.1]
    )
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        changed = np.frombuffer(content, np.uint8).copy()
        # behind the preamble, where everything is said
        places = rng.integers(128, len(changed), 8)
        changed[places] = rng.integers(0, 256, 8)
        path.write_bytes(changed.tobytes())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')  # of pydicom
                image = read_cephalogram(path)
        except DataError as error:
            refused += 1
            assert path.name in str(error) and '\n' not in str(error)
        else:
            assert image.dtype == np.uint8 and image.ndim == 2
    assert 0 < refused < 300


def test_pixels_that_are_not_square_give_no_angles(
    write_dicom, tmp_path_factory
):
    tiny = write_tiny_ceph(tmp_path_factory.mktemp('tiny'))
    inferencer = CephalometricInferencer(tiny.checkpoint, device='cpu')
    pixels = np.random.default_rng(0).integers(0, 4096, (64, 48))
    pixels = pixels.astype(np.uint16)
    path = write_dicom(pixels=pixels, PixelAspectRatio=[4, 3])
    square = write_dicom('b.dcm', pixels=pixels)

    def values(path, spacing=None):
        (result,) = inferencer(path, spacing)
        return [m.value for m in result.measurements.values()]

    assert not np.isfinite(np.array(values(path), float)).any()
    # the shape of the pixels is known to the user
    assert np.isfinite(np.array(values(path, [0.3, 0.4]), float)).any()
    assert np.isfinite(np.array(values(square), float)).any()
