# Copyright (c) cape_mm contributors. All rights reserved.
"""Official checkpoints at their official size, from the file to the results.

Values are those of a formula, names and shapes the official ones.
"""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from support.official_checkpoints import PARTS, write_official_checkpoint

from cape_mm.apis import CapeInferencer
from cape_mm.apis.checkpoint_config import config_from_text
from cape_mm.cli.checkpoint_conversion import _find_config
from cape_mm.datasets.synthetic import write_creatures
from cape_mm.engine.checkpoint_conversion import METHODS
from cape_mm.errors import UnsuitableCheckpointError

TOOL = 'model_converters/convert_cape_checkpoint.py'
POINTS = [[60, 40], [100, 90], [30, 110]]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('official')


@pytest.fixture(scope='module', params=sorted(PARTS))
def official(request, folder, peer_parity):
    """Name of a method and a file of its authors."""
    method = request.param
    try:
        _find_config(METHODS[method].config)
    except UnsuitableCheckpointError as error:
        pytest.skip(str(error))
    path = folder / f'{method}.pth'
    config = 'data = dict(train=dict(num_shots=5, ann_file="mp100_split3"))'
    yield method, write_official_checkpoint(path, peer_parity, method, config)
    path.unlink()


@pytest.fixture
def table(tmp_path):
    """Vectors of the descriptions of three keypoints."""
    path = tmp_path / 'descriptions.npz'
    np.savez(
        path,
        descriptions=np.array(['keypoint_0', 'keypoint_1', 'keypoint_2']),
        vectors=np.eye(3, 768, dtype=np.float32),
        model=np.array('none'),
    )
    return path


@pytest.fixture
def converted(official, folder, call_tool, table, capsys):
    method, path = official
    out = folder / 'made' / f'{method}_ours.pth'
    options = ('--descriptions', table) if 'capex' in method else ()
    if not out.exists():
        call_tool(TOOL, path, out, *options)
        assert METHODS[method].title in capsys.readouterr().out
    return out


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return [
        cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), (140, 130))
        for _ in range(3)
    ]


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


@pytest.mark.slow
def test_a_converted_checkpoint_works_at_once(official, converted, images):
    method, _ = official
    content = torch.load(converted, weights_only=True)
    assert set(content) == {'meta', 'state_dict'}
    source = content['meta']['converted_from']
    assert (source['method'], source['shots'], source['split']) == (
        method,
        5,
        3,
    )
    cfg = config_from_text(content['meta']['cfg'])
    dataset = cfg.test_dataloader.dataset
    assert dataset.num_shots == 5
    assert dataset.dataset.ann_file == 'annotations/mp100_split3_test.json'
    assert dataset.num_queries == 15

    inferencer = CapeInferencer(converted, device='cpu')
    results = list(inferencer(images[0], POINTS, images[1:]))
    for result in results:
        assert result.pred_instances.keypoints.shape == (1, 3, 2)
        assert np.isfinite(result.pred_instances.keypoints).all()
        scores = result.pred_instances.keypoint_scores
        assert ((scores >= 0) & (scores <= 1)).all()
    one, two = (r.pred_instances.keypoints for r in results)
    assert not np.allclose(one, two)


@pytest.mark.slow
def test_tools_work_with_a_converted_checkpoint(
    converted, call_tool, tmp_path, capsys
):
    data = tmp_path / 'creatures'
    write_creatures(data, train=(1, 3), val=(1, 3), test=(2, 3), image_size=64)
    text = torch.load(converted, weights_only=True)['meta']['cfg']
    cfg = Config.fromstring(text, '.py')
    cfg.test_dataloader = dict(
        batch_size=1,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
        dataset=dict(
            type='cape_mm.EpisodeDataset',
            dataset=dict(
                type='cape_mm.CreaturesDataset',
                data_root=str(data),
                ann_file='annotations/mp100_split1_test.json',
            ),
            pipeline=cfg.test_dataloader.dataset.pipeline,
            num_shots=1,
            num_queries=2,
            num_episodes=2,
            test_mode=True,
        ),
    )
    cfg.test_evaluator = [dict(type='cape_mm.EpisodePCK')]
    # hooks of the published pairs
    cfg.default_hooks.pop('pair_list')
    config = tmp_path / 'config_split1.py'
    cfg.dump(str(config))
    if 'text_table' in cfg.model.head and cfg.model.head.text_table:
        pytest.skip('the creatures have no descriptions')

    images = sorted(map(str, (data / 'images').rglob('*.*')))[:2]
    out = tmp_path / 'demo'
    call_tool(
        *('demo/cape_demo.py', converted, '--out-dir', out),
        *('--support', images[0], '--keypoints', '10,12 40,30 20,50'),
        *('--query', images[1], '--device', 'cpu'),
    )
    content = json.loads((out / 'predictions.json').read_text())
    assert len(content['queries'][0]['keypoints']) == 3

    table = tmp_path / 'ablation.json'
    call_tool(
        'analysis_tools/support_ablation.py',
        *(config, converted, '--out', table, '--device', 'cpu'),
    )
    assert 'right support' in json.loads(table.read_text())

    call_tool(
        'analysis_tools/compare_checkpoints.py',
        *(config, converted, converted, '--num-images', 1),
        *('--out-dir', tmp_path / 'compared', '--device', 'cpu'),
    )
    rows = json.loads((tmp_path / 'compared/differences.json').read_text())
    assert rows

    call_tool(
        'analysis_tools/cross_validate.py',
        str(config).replace('split1', 'split{split}'),
        *('--splits', 1, '--work-dir', tmp_path / 'splits'),
        *('--checkpoints', _with_split(converted, tmp_path)),
    )
    summary = json.loads((tmp_path / 'splits/summary.json').read_text())
    assert summary
    capsys.readouterr()


def _with_split(checkpoint, folder) -> str:
    (folder / 'weights_1.pth').symlink_to(checkpoint)
    return str(folder / 'weights_{split}.pth')


def test_nothing_is_overwritten(call_tool, tmp_path):
    out = tmp_path / 'out.pth'
    out.touch()
    with pytest.raises(SystemExit, match='exists'):
        call_tool(TOOL, tmp_path / 'in.pth', out)


def test_code_in_a_file_is_not_run(call_tool, tmp_path):
    class Malicious:
        def __reduce__(self):
            return (tmp_path.joinpath('ran').touch, ())

    path = tmp_path / 'bad.pth'
    torch.save(dict(state_dict=Malicious()), path)
    with pytest.raises(SystemExit, match='running code'):
        call_tool(TOOL, path, tmp_path / 'out.pth')
    assert not (tmp_path / 'ran').exists()
    assert not (tmp_path / 'out.pth').exists()


@pytest.mark.parametrize(
    'content, message',
    [
        (dict(epoch=3), 'holds no state dict'),
        (dict(state_dict={'a.b': torch.zeros(1)}), 'none of the known'),
    ],
)
def test_files_of_no_method_are_refused(call_tool, tmp_path, content, message):
    path = tmp_path / 'other.pth'
    torch.save(content, path)
    with pytest.raises(SystemExit, match=message):
        call_tool(TOOL, path, tmp_path / 'out.pth')


@pytest.mark.parametrize('flag', ['--shots', '--split'])
def test_numbers_below_one_are_refused(call_tool, tmp_path, flag, capsys):
    with pytest.raises(SystemExit):
        call_tool(TOOL, tmp_path / 'in.pth', tmp_path / 'out.pth', flag, 0)
    assert 'must be from 1 to' in capsys.readouterr().err
