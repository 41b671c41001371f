# Copyright (c) cape_mm contributors. All rights reserved.
"""Five ways to run code from a file, tried from every entry point.

Whatever a payload reaches creates the folder ``proof``.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import mmengine
import pytest
import torch
from mmengine.runner import CheckpointLoader, load_checkpoint
from support.tool_calls import (
    CALLS,
    arguments,
    checkpoint_calls,
    words_of,
    write_world,
)
from torch import nn

from cape_mm.apis import (
    CapeInferencer,
    CephalometricInferencer,
    EpisodeRequest,
    PoseTrackingInferencer,
    RequestMember,
    fit_category,
    fit_cephalograms,
    load_config,
)
from cape_mm.engine.checkpoint_loading import ALLOW_HTTP, OPT_IN

ROOT = Path(__file__).resolve().parents[2]
_DETECTOR = (
    "dict(type='mmdet.ResNet', depth=18)",
    "dict(type='mmdet.FPN', in_channels=[64], out_channels=8, num_outs=1)",
    "dict(type='mmdet.RetinaHead', num_classes=1, in_channels=8)",
)
_LAD = (
    "model = dict(type='mmdet.LAD', _scope_='mmdet', backbone={0}, neck={1}, "
    'bbox_head={2}, teacher_backbone={0}, teacher_neck={1}, '
    "teacher_bbox_head={2}, teacher_ckpt='URL')"
).format(*_DETECTOR)
#: Lines that are appended to a stored config.
STORED = {
    'type that loads a URL': _LAD,
    'type that reads a config file': "model = dict(type='DWPoseDistiller', "
    "teacher_cfg='EVIL', student_cfg='EVIL')",
    'scope that is imported': "default_scope = 'evilscope'",
    'import by name': "custom_imports = dict(imports=['evilscope.registry'])",
    'base file': "_base_ = ['EVIL']",
}


class _Proof:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.makedirs, (self.path, 0o777, True)


@pytest.fixture(scope='module')
def lab(tmp_path_factory):
    """Paths by word, with a server and files that prove that they ran."""
    folder = tmp_path_factory.mktemp('lab')
    paths = write_world(folder)
    proof = folder / 'proof'
    code = f'__import__("os").makedirs({str(proof)!r}, exist_ok=True)\n'
    (folder / 'evil.py').write_text(f'x = {code}model = dict(type="x")\n')
    (folder / 'evilscope').mkdir()
    for name in ('__init__', 'registry'):
        (folder / 'evilscope' / f'{name}.py').write_text(code)
    served = folder / 'served'
    served.mkdir()
    torch.save(dict(state_dict={}, evil=_Proof(proof)), served / 'evil.pth')
    handler = partial(_Quiet, directory=str(served))
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f'http://127.0.0.1:{server.server_address[1]}/evil.pth'
    for family in ('cape', 'ceph', 'track'):
        content = torch.load(paths[family], weights_only=True)
        for number, line in enumerate(STORED.values()):
            line = line.replace('URL', url)
            line = line.replace('EVIL', str(folder / 'evil.py'))
            text = f'{content["meta"]["cfg"]}\n{line}\n'
            changed = dict(content, meta=dict(content['meta'], cfg=text))
            torch.save(changed, folder / f'{family}{number}.pth')
    paths.update(folder=str(folder), proof=str(proof), url=url)
    yield paths
    server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def attacked(lab, monkeypatch, tmp_path, call_tool):
    """Calls an entry point with a checkpoint; whether the payload ran."""
    monkeypatch.delenv(OPT_IN, raising=False)
    monkeypatch.setenv(ALLOW_HTTP, '1')
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(torch.hub, '_hub_dir', None)
    monkeypatch.syspath_prepend(lab['folder'])
    monkeypatch.chdir(tmp_path)

    def call(function, *args):
        for name in [name for name in sys.modules if 'evilscope' in name]:
            del sys.modules[name]
        shutil.rmtree(lab['work'], ignore_errors=True)
        with suppress(Exception, SystemExit):
            function(call_tool, dict(lab, out=str(tmp_path / 'out')), *args)
        done = Path(lab['proof']).exists()
        shutil.rmtree(lab['proof'], ignore_errors=True)
        return done

    return call


_SHORT = ['--no-validate', '--cfg-options', 'train_cfg.max_epochs=1']
_SHORT.append('train_dataloader.dataset.num_episodes=1')


def _tool(call_tool, lab, path, tool, text, word):
    call_tool(tool, *arguments(text, lab, **{word: path}))


def _train(change, call_tool, lab, path):
    config = Path(lab['folder']) / 'attack.py'
    config.write_text(
        f'_base_ = [{lab["config"]!r}]\n{change.format(path=path)}\n'
    )
    call_tool('train.py', config, '--work-dir', lab['work'], *_SHORT)


def _resume_latest(call_tool, lab, path):
    Path(lab['work']).mkdir()
    (Path(lab['work']) / 'last_checkpoint').write_text(path)
    call_tool('train.py', lab['config'], '--work-dir', lab['work'], '--resume')


def _fit(call_tool, lab, path):
    image = str(next(Path(lab['images']).rglob('*.jpg')))
    member = RequestMember(image, [[10, 10], [20, 20]])
    request = EpisodeRequest([member], keypoint_names=['a', 'b'])
    fit_category(request, path, minutes=0.001, device='cpu')


_INIT = "init_cfg=dict(type='Pretrained', checkpoint={path!r})"
#: Functions of the tool caller, the lab and a file or URL, with the family
#: of the checkpoint.
ENTRY_POINTS = {
    'CapeInferencer': ('cape', lambda _, lab, x: CapeInferencer(x)),
    'CephalometricInferencer': (
        'ceph',
        lambda _, lab, x: CephalometricInferencer(x),
    ),
    'PoseTrackingInferencer': (
        'track',
        lambda _, lab, x: PoseTrackingInferencer(x),
    ),
    'load_config': ('cape', lambda _, lab, x: load_config(None, x)),
    'fit_category': ('cape', _fit),
    'fit_cephalograms': (
        'ceph',
        lambda _, lab, x: fit_cephalograms(lab['ceph_ann'], x),
    ),
    'CheckpointLoader': (
        'cape',
        lambda _, lab, x: CheckpointLoader.load_checkpoint(x),
    ),
    'load_checkpoint': (
        'cape',
        lambda _, lab, x: load_checkpoint(nn.Linear(1, 1), x),
    ),
    'load_from of a config': ('cape', partial(_train, 'load_from={path!r}')),
    'init_cfg of a backbone': (
        'cape',
        partial(_train, f'model = dict(backbone=dict({_INIT}))'),
    ),
    'init_cfg of a model': (
        'cape',
        partial(_train, f'model = dict({_INIT})'),
    ),
    '--resume, the latest': ('cape', _resume_latest),
}
for _tool_name, _text, _word in checkpoint_calls():
    ENTRY_POINTS[f'{_tool_name} {_text}'] = (
        'cape' if _word == 'foreign' else _word,
        partial(_tool, tool=_tool_name, text=_text, word=_word),
    )


def test_the_payloads_work(lab, attacked):
    """Without the protection, each of them runs."""
    for use in (
        lambda *_: torch.load(
            f'{lab["folder"]}/served/evil.pth', weights_only=False
        ),
        lambda *_: mmengine.Config.fromfile(f'{lab["folder"]}/evil.py'),
        lambda *_: __import__('evilscope.registry'),
    ):
        assert attacked(use)


@pytest.mark.parametrize('name', list(ENTRY_POINTS))
def test_stored_config_runs_nothing(name, lab, attacked):
    family, function = ENTRY_POINTS[name]
    # with a config of the user, or for MMEngine, what is stored is not read
    is_read = not re.search(r'\{config\}|load|init_cfg|resume', name)
    count = len(STORED) if is_read else 1
    for number in range(count):
        path = f'{lab["folder"]}/{family}{number}.pth'
        assert not attacked(function, path), list(STORED)[number]


@pytest.mark.parametrize('scheme', ['file', 'http', 'https'])
@pytest.mark.parametrize('name', list(ENTRY_POINTS))
def test_malicious_pickle_runs_nothing(
    name, scheme, lab, attacked, monkeypatch
):
    path = f'{lab["folder"]}/served/evil.pth'
    if scheme == 'https':  # of a server that the system trusts

        def fetch(url, target, *_):
            shutil.copy(path, target)

        monkeypatch.setattr(torch.hub, 'download_url_to_file', fetch)
        url = 'https://example.org/evil.pth'
    else:
        url = path if scheme == 'file' else lab['url']
    assert not attacked(ENTRY_POINTS[name][1], url)


_VARIABLES = re.compile(r"env\(\s*'(\w+)'")
_CONFIGS = (
    'cape/single_image.py',
    'cape/single_category.py',
    'cephalometric/hrnetv2_w18_cephalometric_stable.py',
    'pavenet/pavenet_tiny_stick-figures.py',
)
_READ_CONFIG = [
    (tool, word)
    for tool in CALLS
    for word in words_of(CALLS[tool])
    if word.endswith('config') and word != 'splits_config'
]


@pytest.mark.parametrize('quote', ['', "'", '"', "\\'", '"""'])
def test_environment_is_no_source(quote, lab, attacked, monkeypatch):
    files = (ROOT / 'configs').rglob('*.py')
    names = {n for f in files for n in _VARIABLES.findall(f.read_text())}
    assert len(names) > 15
    code = f'__import__("os").makedirs({lab["proof"]!r}, exist_ok=True)'
    for name in names:
        monkeypatch.setenv(name, f'{quote} + str({code}) + {quote}')

    def use(call_tool, paths, tool, word, config):
        args = arguments(CALLS[tool], paths, **{word: str(config)})
        call_tool(tool, *args)

    for number, (tool, word) in enumerate(_READ_CONFIG):
        config = ROOT / 'configs' / _CONFIGS[number % len(_CONFIGS)]
        assert not attacked(use, tool, word, config), tool


_OUTSIDE = ['../../secret/a.jpg', '{secret}/a.jpg', 'link/a.jpg']
_READ_IMAGES = [
    *(('train.py', 'config'), ('analysis_tools/browse_episodes.py', 'config')),
    *(
        (tool, 'root' if '{root}' in CALLS[tool] else word)
        for tool in CALLS
        for word in ('ann', 'request', 'ceph_ann', 'table', 'root')
        if f'{{{word}}}' in CALLS[tool]
        and not re.search('pair_list|describe|single_image', tool)
    ),
]
_OPENED: list[str] = []


def _note(event, args):
    if event == 'open' and str(args[0]).endswith('a.jpg'):
        _OPENED.append(str(args[0]))


sys.addaudithook(_note)


@pytest.mark.parametrize('name', _OUTSIDE)
@pytest.mark.parametrize('tool, word', _READ_IMAGES)
def test_image_outside_of_the_root_is_not_read(
    tool, word, name, lab, call_tool, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / 'secret'
    secret.mkdir()
    shutil.copy(next(Path(lab['images']).rglob('*.jpg')), secret / 'a.jpg')
    name = name.format(secret=secret)
    root = tmp_path / 'data'
    (root / 'annotations').mkdir(parents=True)
    (root / 'images').mkdir()
    (root / 'images' / 'link').symlink_to(secret)
    source = Path(lab['ceph_ann' if word == 'ceph_ann' else 'ann'])
    content = mmengine.load(source)
    for image in content['images']:
        image['file_name'] = name
    path = root / 'annotations' / source.name
    mmengine.dump(content, path)
    paths = dict(lab, images=str(root / 'images'), root=str(root))
    if word not in ('root', 'config'):
        paths[word] = str(path)
    if word == 'table':
        paths['table'] = str(root / 'images' / 'table.csv')
        codes = 'S N Or Po A B Pog Me Gn Go LI UI UL LL Sn Pg PNS ANS Ar'
        head = ','.join(f'{c}_x,{c}_y' for c in codes.split())
        row = ','.join(['10'] * 38)
        Path(paths['table']).write_text(f'file,{head}\n{name},{row}\n')
    extra = ['--apply'] if 'prepare_mp100' in tool else []
    if word == 'config':
        data = 'train_dataloader.dataset.dataset'
        extra = ['--cfg-options', f'{data}.data_root={root}']
        extra += [f'{data}.ann_file=annotations/{source.name}']
    before = sorted(tmp_path.iterdir())
    _OPENED.clear()
    paths['out'] = str(tmp_path / 'out')
    with suppress(SystemExit):
        call_tool(tool, *arguments(CALLS[tool], paths), *extra)
    assert not _OPENED
    left = [x for x in sorted(tmp_path.iterdir()) if x not in before]
    assert {x.name for x in left} <= {'out', 'work_dirs'}
    assert [x.name for x in secret.iterdir()] == ['a.jpg']


def test_the_count_of_entry_points_is_that_of_the_documentation():
    text = ' '.join((ROOT / 'SECURITY.md').read_text('utf-8').split())
    counts = re.search(
        r'(\d+) entry points that take a checkpoint, (\d+) that read a config '
        r'and (\d+) that read images',
        text,
    )
    assert tuple(map(int, counts.groups())) == (
        len(ENTRY_POINTS),
        len(_READ_CONFIG),
        len(_READ_IMAGES),
    )
