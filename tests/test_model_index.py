# Copyright (c) cape_mm contributors. All rights reserved.
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
