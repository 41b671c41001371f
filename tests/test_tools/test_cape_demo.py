# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from support.tiny_cape import write_tiny_cape

from cape_mm.cli.demos import parse_points

TOOL = 'demo/cape_demo.py'


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    return write_tiny_cape(tmp_path_factory.mktemp('tiny'))


@pytest.fixture
def images(tiny):
    return sorted(map(str, (tiny.root / 'images').rglob('*.*')))[:3]


@pytest.fixture
def demo(tiny, call_tool, tmp_path):
    def run(*args):
        out = tmp_path / 'out'
        call_tool(TOOL, tiny.checkpoint, '--out-dir', out, *args)
        files = sorted(path.name for path in out.glob('*.png'))
        return json.loads((out / 'predictions.json').read_text()), files, out

    return run


def test_help_answers_without_importing_torch(modules_after_help):
    assert 'torch' not in modules_after_help(TOOL)


def test_points_on_the_command_line(demo, images):
    content, files, out = demo(
        *('--support', *images[:2]),
        *('--keypoints', '10,12 - 40,30', '11,12 20,20,1 41,33,0'),
        *('--query', images[2], '--skeleton', '0-1', '1-2'),
    )
    assert content['skeleton'] == [[0, 1], [1, 2]]
    (entry,) = content['queries']
    assert entry['visualization'] == files[0]
    assert entry['image'] == images[2]
    assert len(entry['keypoints']) == len(entry['scores']) == 3
    assert cv2.imread(str(out / files[0])).shape[1] < 900, 'two panels'


def test_folders_are_searched_for_images(demo, images):
    folder = Path(images[2]).parent
    content, _, _ = demo(
        *('--support', images[0], '--keypoints', '10,12 40,30'),
        *('--query', folder),
    )
    found = [entry['image'] for entry in content['queries']]
    assert found == sorted(map(str, folder.iterdir()))


def test_request_file(demo, images, tmp_path):
    request = dict(
        category='creature',
        keypoint_names=['a', 'b'],
        supports=[dict(image=images[0], keypoints=[[10, 12], [40, 30]])],
        queries=[
            dict(image=images[1]),
            dict(image=images[2], keypoints=[[9, 9], [30, 30]]),
        ],
    )
    path = tmp_path / 'request.json'
    path.write_text(json.dumps(request))
    content, files, out = demo('--json', path)
    assert content['keypoint_names'] == ['a', 'b']
    widths = [cv2.imread(str(out / name)).shape[1] for name in files]
    assert widths[0] < widths[1], 'the second has ground truth'


def test_annotation_file(demo, tiny):
    path = tiny.root / 'annotations' / 'mp100_split1_test.json'
    content, files, _ = demo('--json', path, '--batch-size', 2)
    assert len(files) == len(content['queries']) == 3


@pytest.mark.parametrize(
    'args, message',
    [
        (['--support', 'x.png'], 'needs --keypoints and --query'),
        ([], 'either --json or --support'),
        (
            [
                *('--support', 'a', 'b'),
                *('--keypoints', '1,2'),
                '--query',
                'c',
            ],
            '2 supports and 1 lists',
        ),
        (
            [*('--support', 'a'), *('--keypoints', '1;2'), '--query', 'c'],
            "'1;2' is no point",
        ),
        (
            [*('--support', 'a'), *('--keypoints', '1,2'), '--query', 'c'],
            "no image 'a'",
        ),
        (
            [*('--support', 'a'), *('--keypoints', '1;2'), '--query', 'c'],
            "cape_demo.py: error: '1;2' is no point x,y",
        ),
        (['--json', 'nowhere.json'], "no file 'nowhere.json'"),
    ],
)
def test_wrong_arguments_end_with_one_sentence(args, message, demo, capsys):
    with pytest.raises(SystemExit) as error:
        demo(*args)
    text = error.value.code
    if not isinstance(text, str):
        text = capsys.readouterr().err
    assert message in text


def test_points_are_read():
    assert parse_points('1,2 - 3.5,4,0') == [[1, 2], None, [3.5, 4, 0]]
