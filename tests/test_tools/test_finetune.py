# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json

import numpy as np
import pytest
from support.tiny_aligned import write_config

from cape_mm.apis import CapeInferencer, read_request
from cape_mm.datasets.synthetic import write_creatures

pytest.importorskip('timm')
ANNOTATIONS = 'annotations/mp100_split1_{}.json'


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('creatures')
    write_creatures(root, train=(2, 2), val=(1, 2), test=(1, 8), image_size=96)
    return root


@pytest.fixture
def run(data, tmp_path, call_tool):
    config = write_config(tmp_path, data)

    def run(split, *options):
        call_tool(
            *('finetune.py', data / ANNOTATIONS.format(split)),
            *('--config', config, '--out-dir', tmp_path / 'out'),
            *('--minutes', 0.05, '--device', 'cpu', *options),
        )
        return tmp_path / 'out'

    return run


def load(path):
    return json.loads(path.read_text())


def test_the_better_of_both_is_written_and_predicts(run, capsys):
    out = run('test')
    text = capsys.readouterr().out
    assert 'matcher, few-shot' in text and 'refined by a fitted head' in text
    results = load(out / 'results.json')
    rows = results['held_out']
    assert list(rows) == ['copy', 'matcher', 'aligned']
    better = rows['aligned']['error'] < rows['matcher']['error']
    assert results['kept'] == ('aligned' if better else 'matcher')
    assert results['num_held_out'] == results['num_labelled'] == 8
    inferencer = CapeInferencer(out / 'finetuned.pth', device='cpu')
    assert hasattr(inferencer.model, 'aligned_head') == better
    request = read_request(str(out / 'supports.json'), allow_outside=True)
    assert len(request.supports) == 5
    request.queries = request.supports[:1]
    ((episode, index),) = inferencer.predict_request(request)
    found = episode.queries[index].pred_instances
    assert np.isfinite(found.keypoints).all()


def test_ctrl_c_keeps_the_matcher_until_there_is_better(run, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr('cape_mm.engine.few_shot.fit_head', stop)
    results = load(run('test') / 'results.json')
    assert results['kept'] == 'matcher'
    assert results['reason'].startswith('stopped: kept the matcher')


def test_few_labels_keep_the_matcher(run, capsys):
    out = run('val')
    results = load(out / 'results.json')
    assert results['kept'] == 'matcher' and results['held_out'] == {}
    assert 'label at least 3' in capsys.readouterr().out
    inferencer = CapeInferencer(out / 'finetuned.pth', device='cpu')
    assert type(inferencer.model).__name__ == 'MatchingEstimator'


def test_several_categories_are_named(run, capsys):
    with pytest.raises(SystemExit) as error:
        run('train')
    assert 'choose one with --category' in str(error.value)
    assert '2 categories' in str(error.value)


def test_a_result_is_not_overwritten(run):
    run('val')
    with pytest.raises(SystemExit) as error:
        run('val')
    assert 'is there already' in str(error.value)


def test_the_help_is_quick(modules_after_help):
    assert 'torch' not in modules_after_help('finetune.py')
