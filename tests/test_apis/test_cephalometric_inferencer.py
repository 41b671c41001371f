# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pickle
import shutil

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from support.tiny_ceph import save_weights, write_tiny_ceph

from cape_mm.apis import CephalometricInferencer
from cape_mm.errors import DataError, UnsuitableCheckpointError
from cape_mm.evaluation.functional.cephalometric_measurements import measure
from cape_mm.structures import get_schema


@pytest.fixture(scope='module')
def tiny_ceph(tmp_path_factory):
    return write_tiny_ceph(tmp_path_factory.mktemp('tiny_ceph'))


@pytest.fixture(scope='module')
def inferencer(tiny_ceph):
    return CephalometricInferencer(tiny_ceph.checkpoint, device='cpu')


def points(results):
    return np.stack([r.pred_instances.keypoints[0] for r in results])


def test_prediction_that_is_not_finite_is_named(inferencer, monkeypatch):
    original = inferencer.model.test_step

    def poisoned(data):
        results = original(data)
        for result in results:
            result.pred_instances.keypoints[0, 1] = np.inf
        return results

    monkeypatch.setattr(inferencer.model, 'test_step', poisoned)
    code = inferencer.schema.codes[1]
    with pytest.raises(DataError, match=f'a file: .* {code} is not finite'):
        list(inferencer(np.zeros((64, 64), np.uint8)))


def test_result_is_that_of_the_test_tool(
    tiny_ceph, tmp_path, clear_singletons
):
    """Golden: one way to prepare cephalograms, in tests and for users."""
    cfg = Config.fromfile(str(tiny_ceph.config))
    cfg.work_dir = str(tmp_path)
    cfg.load_from = str(tiny_ceph.checkpoint)
    dump = tmp_path / 'dump.pkl'
    cfg.test_evaluator = [
        *cfg.test_evaluator,
        dict(type='DumpResults', out_file_path=str(dump)),
    ]
    Runner.from_cfg(cfg).test()
    with open(dump, 'rb') as file:
        tested = pickle.load(file)
    inferencer = CephalometricInferencer(
        tiny_ceph.checkpoint, cfg, 'cpu', find_mirrored=False
    )
    results = list(
        inferencer([cephalogram['img_path'] for cephalogram in tested])
    )
    assert len(results) == 4
    for cephalogram, result in zip(tested, results):
        for key in ('keypoints', 'keypoint_scores'):
            assert np.allclose(
                cephalogram['pred_instances'][key],
                result.pred_instances[key],
                atol=1e-4,
            )


def test_files_and_arrays_give_the_same(tiny_ceph, inferencer):
    cephalograms = tiny_ceph.cephalograms[:2]
    from_files = list(inferencer(cephalograms))
    arrays = [cv2.imread(str(path)) for path in cephalograms]
    grey = [array[..., 0] for array in arrays]
    assert all((array == array[..., :1]).all() for array in arrays)
    for given in (arrays, grey):
        results = list(inferencer(given))
        assert np.allclose(points(results), points(from_files), atol=1e-4)
        assert results[0].img_path is None
    assert from_files[1].img_path == str(cephalograms[1])


def test_batches_do_not_matter(tiny_ceph, inferencer):
    # pixels: decoding amplifies rounding on the maps of random weights
    one = points(inferencer(tiny_ceph.cephalograms, batch_size=1))
    assert np.allclose(
        one, points(inferencer(tiny_ceph.cephalograms)), atol=0.5
    )
    single = points(inferencer(tiny_ceph.cephalograms[2]))
    assert np.allclose(single[0], one[2], atol=0.5)


def test_no_millimetres_without_spacing(tiny_ceph, inferencer):
    (result,) = inferencer(tiny_ceph.cephalograms[0])
    assert result.spacing is None and result.spacing_source == 'unknown'
    assert 'keypoints_mm' not in result.pred_instances
    assert result.measurements['S-N'].value is None
    assert result.measurements['S-N'].missing == ('spacing',)
    assert result.measurements['SNA'].unit == 'deg'


def test_spacing_of_the_user(tiny_ceph, inferencer):
    (result,) = inferencer(tiny_ceph.cephalograms[0], spacing=(0.5, 0.25))
    landmarks = result.pred_instances
    assert result.spacing_source == 'user'
    assert np.allclose(
        landmarks.keypoints_mm, landmarks.keypoints * [0.5, 0.25]
    )
    expected = measure(
        landmarks.keypoints[0],
        np.ones(23),
        get_schema('cephalogram23'),
        (0.5, 0.25),
    )
    for name, measurement in result.measurements.items():
        assert measurement == expected[name]
    (even,) = inferencer(tiny_ceph.cephalograms[0], spacing=0.5)
    assert even.spacing.tolist() == [0.5, 0.5]


@pytest.mark.parametrize('spacing', [0, -1, (1, 2, 3), float('nan'), (1, 0)])
def test_impossible_spacing_is_refused(tiny_ceph, inferencer, spacing):
    with pytest.raises(ValueError, match='spacing'):
        list(inferencer(tiny_ceph.cephalograms[0], spacing=spacing))


def test_uncertain_landmarks_are_not_measured_with(tiny_ceph):
    inferencer = CephalometricInferencer(
        tiny_ceph.checkpoint, device='cpu', min_score=np.inf
    )
    (result,) = inferencer(tiny_ceph.cephalograms[0])
    assert result.pred_instances.keypoints.shape == (1, 23, 2)
    assert result.measurements['SNA'].missing == ('N', 'S', 'A')


def test_landmarks_are_those_of_the_checkpoint(inferencer):
    assert inferencer.schema == get_schema('cephalogram23')


def test_schema_of_the_config_where_the_checkpoint_has_none(
    tiny_ceph, tmp_path
):
    cfg = Config.fromfile(str(tiny_ceph.config))
    path = tmp_path / 'model.pth'
    save_weights(cfg, path, schema=None)
    assert (
        CephalometricInferencer(path, cfg, 'cpu').schema.name
        == 'cephalogram23'
    )


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(schema='isbi2015'), "'isbi2015', the config is for"),
        (dict(dataset_meta=dict(schema='x')), "'x', the config"),
        (
            dict(
                dataset_meta=dict(
                    schema='cephalogram23',
                    keypoint_id2name=dict(
                        enumerate(sorted(get_schema('cephalogram23').names))
                    ),
                )
            ),
            'in this order',
        ),
    ],
)
def test_channels_of_other_landmarks_are_refused(
    tiny_ceph, tmp_path, change, message
):
    path = tmp_path / 'model.pth'
    save_weights(Config.fromfile(str(tiny_ceph.config)), path, **change)
    with pytest.raises(ValueError, match=message):
        CephalometricInferencer(path, device='cpu')


def test_a_model_without_names_is_refused(tiny_ceph, tmp_path):
    cfg = Config.fromfile(str(tiny_ceph.config))
    for split in ('train', 'val', 'test'):
        del cfg[f'{split}_dataloader']['dataset']['schema']
    path = tmp_path / 'model.pth'
    save_weights(cfg, path, schema=None)
    with pytest.raises(ValueError, match='which landmarks'):
        CephalometricInferencer(path, device='cpu')


def test_mirrored_cephalograms_give_mirrored_landmarks(tiny_ceph, inferencer):
    """Either a cephalogram or its mirror is predicted as it is."""
    cephalograms = [cv2.imread(str(p)) for p in tiny_ceph.cephalograms]
    mirrored = [np.ascontiguousarray(c[:, ::-1]) for c in cephalograms]
    plain = list(inferencer(cephalograms, spacing=(0.5, 0.25)))
    turned = list(inferencer(mirrored, spacing=(0.5, 0.25)))
    width = cephalograms[0].shape[1]
    for one, other in zip(plain, turned):
        assert one.mirrored != other.mirrored
        points, expected = (r.pred_instances.keypoints for r in (one, other))
        assert np.allclose(points[..., 1], expected[..., 1], atol=0.5)
        assert np.allclose(
            points[..., 0], width - 1 - expected[..., 0], atol=0.5
        )
        assert np.allclose(
            one.pred_instances.keypoint_spreads,
            other.pred_instances.keypoint_spreads,
            rtol=0.01,
        )
        for result in (one, other):
            says_so = any('mirrored' in note for note in result.notes)
            assert says_so == result.mirrored
            landmarks = result.pred_instances
            assert np.allclose(
                landmarks.keypoints_mm, landmarks.keypoints * [0.5, 0.25]
            )


def test_looking_for_mirrored_cephalograms_can_be_left_out(tiny_ceph):
    inferencer = CephalometricInferencer(
        tiny_ceph.checkpoint, device='cpu', find_mirrored=False
    )
    results = list(inferencer(tiny_ceph.cephalograms))
    assert not any(result.mirrored or result.notes for result in results)


def test_without_a_checkpoint_it_says_how_to_train_one():
    with pytest.raises(UnsuitableCheckpointError, match='tools/train.py'):
        CephalometricInferencer()


def test_missing_cephalograms_are_named(inferencer):
    with pytest.raises(FileNotFoundError, match=r'nowhere\.png'):
        list(inferencer('nowhere.png'))


def test_dicom_files_know_their_spacing(
    tiny_ceph, inferencer, tmp_path, monkeypatch
):
    pydicom = pytest.importorskip('pydicom')
    cephalogram = cv2.imread(
        str(tiny_ceph.cephalograms[0]), cv2.IMREAD_GRAYSCALE
    )
    path = tmp_path / 'cephalogram.dcm'
    write_dicom(pydicom, path, cephalogram, spacing=(0.4, 0.3))
    (result,) = inferencer(path)
    assert result.spacing_source == 'dicom_pixel'
    assert np.allclose(result.spacing, (0.3, 0.4)), 'rows come first'
    copy = tmp_path / 'cephalogram.png'
    shutil.copy(tiny_ceph.cephalograms[0], copy)
    assert np.allclose(points([result]), points(inferencer(copy)), atol=0.5)
    (user,) = inferencer(path, spacing=1.0)
    assert user.spacing_source == 'user'
    assert user.spacing.tolist() == [1.0, 1.0]


def write_dicom(pydicom, path, cephalogram, spacing):
    """A calibrated cephalogram of 8 bits, bright bones."""
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = '1.2.840.10008.5.1.4.1.1.1'
    dataset.SOPInstanceUID = '1.2.3'
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.Rows, dataset.Columns = cephalogram.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = 'MONOCHROME2'
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelSpacing = list(spacing)
    dataset.PixelSpacingCalibrationType = 'GEOMETRY'
    dataset.PixelData = cephalogram.tobytes()
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
