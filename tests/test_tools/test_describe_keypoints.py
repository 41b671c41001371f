# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from cape_mm.structures import DescriptionTable

TOOL = 'dataset_converters/describe_keypoints.py'


@pytest.fixture
def annotations(tmp_path):
    path = tmp_path / 'train.json'
    categories = [
        dict(id=1, keypoints=['left eye', 'right eye', 'tail']),
        dict(id=2, keypoints=['left eye', 'wheel']),
    ]
    path.write_text(json.dumps(dict(categories=categories)))
    return path


def test_names_of_all_categories_are_described_once(
    call_tool, tmp_path, annotations, capsys
):
    path = tmp_path / 'text.npz'
    call_tool(TOOL, path, '--annotations', annotations, '--model', 'trigrams')
    assert '4 descriptions, 4 of them new' in capsys.readouterr().out
    table = DescriptionTable.load(path)
    vectors = table.encode(['left eye', 'right eye', 'wheel'])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_what_is_missing_is_added(call_tool, tmp_path, annotations, capsys):
    path = tmp_path / 'text.npz'
    call_tool(TOOL, path, '--annotations', annotations, '--model', 'trigrams')
    before = DescriptionTable.load(path).encode(['tail'])
    call_tool(TOOL, path, '--add', 'left hoof', 'tail')
    assert '5 descriptions, 1 of them new' in capsys.readouterr().out
    table = DescriptionTable.load(path)
    np.testing.assert_array_equal(table.encode(['tail']), before)
    assert table.encode(['left hoof']).shape == (1, 256)


def test_a_sentence_transformers_model_is_asked(
    call_tool, tmp_path, monkeypatch
):
    class Encoder:
        def __init__(self, name):
            assert name == 'some/model'

        def encode(self, texts, normalize_embeddings):
            assert normalize_embeddings
            return np.ones((len(texts), 2)) / np.sqrt(2)

    package = SimpleNamespace(SentenceTransformer=Encoder)
    monkeypatch.setitem(sys.modules, 'sentence_transformers', package)
    path = tmp_path / 'text.npz'
    call_tool(TOOL, path, '--add', 'eye', '--model', 'some/model')
    assert DescriptionTable.load(path).model == 'some/model'


def test_two_text_models_are_not_mixed(call_tool, tmp_path, capsys):
    path = tmp_path / 'text.npz'
    call_tool(TOOL, path, '--add', 'eye', '--model', 'trigrams')
    with pytest.raises(SystemExit) as error:
        call_tool(TOOL, path, '--add', 'ear', '--model', 'some/model')
    assert 'encoded by trigrams' in str(error.value) + capsys.readouterr().err


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--add', 'eye'], 'is new: --model NAME is required'),
        (['--model', 'trigrams'], 'give --annotations or --add'),
        (
            ['--annotations', 'no.json', '--model', 'trigrams'],
            'no.json: no such file',
        ),
    ],
)
def test_mistakes_are_one_sentence(
    call_tool, tmp_path, capsys, arguments, message
):
    with pytest.raises(SystemExit) as error:
        call_tool(TOOL, tmp_path / 'text.npz', *arguments)
    assert message in str(error.value) + capsys.readouterr().err


def test_names_that_are_missing_are_asked_for(call_tool, tmp_path, capsys):
    path = tmp_path / 'unnamed.json'
    path.write_text(json.dumps(dict(categories=[dict(id=1)])))
    with pytest.raises(SystemExit) as error:
        call_tool(
            *(TOOL, tmp_path / 't.npz', '--annotations', path),
            *('--model', 'trigrams'),
        )
    text = str(error.value) + capsys.readouterr().err
    assert 'name no keypoints' in text


def test_a_package_that_is_missing_is_named_with_the_command(
    call_tool, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, 'sentence_transformers', None)
    with pytest.raises(SystemExit, match=r"pip install 'cape_mm\[text\]'"):
        call_tool(
            *(TOOL, tmp_path / 't.npz', '--add', 'eye'),
            *('--model', 'some/model'),
        )


def test_a_text_model_that_does_not_load_is_one_sentence(
    call_tool, tmp_path, monkeypatch
):
    def load(name):
        raise ValueError('it contains custom code')

    package = SimpleNamespace(SentenceTransformer=load)
    monkeypatch.setitem(sys.modules, 'sentence_transformers', package)
    with pytest.raises(SystemExit, match='some/model.*custom code'):
        call_tool(
            *(TOOL, tmp_path / 't.npz', '--add', 'eye'),
            *('--model', 'some/model'),
        )
