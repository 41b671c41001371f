# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def load(name):
    return yaml.safe_load((ROOT / name).read_text('utf-8'))


METAFILES = load('model-index.yml')['Import']


def test_every_metafile_is_in_the_index():
    found = (ROOT / 'configs').rglob('metafile.yml')
    names = [path.relative_to(ROOT).as_posix() for path in found]
    assert sorted(METAFILES) == sorted(names)


@pytest.mark.parametrize('metafile', METAFILES)
def test_models_of_a_metafile_have_configs_and_collections(metafile):
    content = load(metafile)
    collections = {entry['Name'] for entry in content['Collections']}
    assert content['Models']
    for model in content['Models']:
        assert model['In Collection'] in collections
        assert (ROOT / model['Config']).is_file(), model['Config']
        assert model['Name'] == Path(model['Config']).stem


@pytest.mark.parametrize('metafile', METAFILES)
def test_every_config_of_a_family_is_a_model(metafile):
    folder = Path(metafile).parent
    listed = [model['Config'] for model in load(metafile)['Models']]
    # variants of ablations lie a folder deeper
    configs = (ROOT / folder).glob('*.py')
    assert sorted(listed) == sorted(
        path.relative_to(ROOT).as_posix() for path in configs
    )


@pytest.mark.parametrize('metafile', METAFILES)
def test_readme_of_a_collection_names_its_models(metafile):
    content = load(metafile)
    pages = {
        entry['Name']: entry['README'] for entry in content['Collections']
    }
    for model in content['Models']:
        text = (ROOT / pages[model['In Collection']]).read_text('utf-8')
        stem = Path(model['Config']).stem
        folded = re.sub(r'split\d', 'split{1..5}', stem)
        assert stem in text or folded in text, stem


@pytest.mark.parametrize('metafile', METAFILES)
def test_results_have_a_task_and_their_data(metafile):
    for model in load(metafile)['Models']:
        for result in model['Results']:
            assert result['Task'] and result['Dataset'], model['Name']
            for value in result['Metrics'].values():
                assert isinstance(value, (int, float)), model['Name']


def test_file_names_of_configs_are_unique():
    # They name the default work_dir, and mim finds a config by this name
    # among all files of the installed package.
    tops = [ROOT / top for top in ('cape_mm', 'configs', 'tools')]
    names = Counter(
        path.name
        for top in tops
        for path in top.rglob('*.py')
        if path.name != '__init__.py' and '.mim' not in path.parts
    )
    configs = {path.name for path in (ROOT / 'configs').rglob('*.py')}
    assert not {name for name in configs if names[name] > 1}
