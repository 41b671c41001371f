# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.tiny_cape import write_tiny_cape

from cape_mm.apis import CapeInferencer
from cape_mm.cli.cape_demo import parse_points

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
    assert content['supports'][0]['keypoints'] == [[10, 12], None, [40, 30]]
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
    content, files, out = demo('--json', path, '--allow-outside')
    assert content['keypoint_names'] == ['a', 'b']
    widths = [cv2.imread(str(out / name)).shape[1] for name in files]
    assert widths[0] < widths[1], 'the second has ground truth'


def test_annotation_file(demo, tiny):
    path = tiny.root / 'annotations' / 'mp100_split1_test.json'
    content, files, _ = demo('--json', path, '--batch-size', 2)
    assert len(files) == len(content['queries']) == 3


@pytest.fixture
def observed(monkeypatch):
    """Options of the predictions that are made."""
    calls, predict = [], CapeInferencer.predict_episodes

    def observe(self, *args, **kwargs):
        calls.append(dict(kwargs, queries=args[2]))
        return predict(self, *args, **kwargs)

    monkeypatch.setattr(CapeInferencer, 'predict_episodes', observe)
    return calls


SUPPORT = '--keypoints', '10,12 40,30', '--support'


def test_boxes_on_the_command_line(demo, images, observed):
    content, _, _ = demo(
        *(*SUPPORT, images[0], '--support-box', '5,6,45,40'),
        *('--query', *images[1:], '--query-box', '1,2,40,50', '-'),
    )
    assert content['supports'][0]['box'] == [5, 6, 45, 40]
    assert content['queries'][0]['box'] == [1, 2, 40, 50]
    assert observed[0]['query_boxes'] == [[1, 2, 40, 50], None]
    content, _, _ = demo(
        *(*SUPPORT, images[0], '--query', *images[1:]),
        *('--query-box', '1,2,30,40', '--detect'),
    )
    boxes = [entry['box'] for entry in content['queries']]
    assert boxes == [[1, 2, 30, 40]] * 2, 'one for all'
    assert observed[1]['detect'] and not observed[0]['detect']


def test_uncertain_keypoints_are_not_found(demo, images):
    args = *SUPPORT, images[0], '--query', images[1]
    content, _, _ = demo(*args)
    scores = content['queries'][0]['scores']
    least, largest = sorted(scores)
    assert least < largest
    content, _, _ = demo(*args, '--min-score', (least + largest) / 2)
    (entry,) = content['queries']
    found = [point is not None for point in entry['keypoints']]
    assert found == [score == largest for score in entry['scores']]


def test_formats_are_written_and_evaluated(demo, tiny, capsys):
    coco = pytest.importorskip('pycocotools.coco')
    evaluation = pytest.importorskip('pycocotools.cocoeval')
    path = tiny.root / 'annotations' / 'mp100_split1_test.json'
    content, files, out = demo(
        *('--json', path, '--format', 'coco-results', 'labelme')
    )
    assert 'labelme: 3 images with a JSON each' in capsys.readouterr().out
    assert len([*(out / 'labelme').glob('*.json')]) == 3
    truth = coco.COCO(str(path))
    results = truth.loadRes(str(out / 'coco-results' / 'results.json'))
    found = results.loadAnns(results.getAnnIds())
    known = {a['image_id']: a for a in truth.loadAnns(truth.getAnnIds())}
    assert len(found) == 3
    for entry in found:
        truth_of = known[entry['image_id']]
        assert entry['category_id'] == truth_of['category_id']
    score = evaluation.COCOeval(truth, results, 'keypoints')
    count = len(content['keypoint_names'])
    score.params.kpt_oks_sigmas = np.full(count, 10.0)  # random weights
    score.params.catIds = [found[0]['category_id']]
    score.evaluate()
    score.accumulate()
    score.summarize()
    # three of four, the fourth is the support
    assert score.stats[0] == pytest.approx(0.75, abs=0.01)


def test_formats_are_not_overwritten(demo, images):
    args = *SUPPORT, images[0], '--query', images[1], '--format', 'csv'
    demo(*args)
    with pytest.raises(SystemExit, match='csv is not empty'):
        demo(*args)


def test_an_interrupt_keeps_what_is_done(
    demo, images, monkeypatch, tmp_path, capsys
):
    args = *SUPPORT, images[0], '--query', *images, '--batch-size', 1
    predict, seen = CapeInferencer._predict, []

    def stop(self, *args):
        for episode in predict(self, *args):
            if len(seen) == 2:
                raise KeyboardInterrupt
            seen.append(episode.queries[0].img_path)
            yield episode

    monkeypatch.setattr(CapeInferencer, '_predict', stop)
    with pytest.raises(SystemExit) as error:
        demo(*args)
    assert error.value.code == 130
    assert '2 of 3 images are done' in capsys.readouterr().err
    path = tmp_path / 'out' / 'predictions.json'
    first = json.loads(path.read_text())
    assert [entry['image'] for entry in first['queries']] == seen
    seen.clear()
    content, files, _ = demo(*args, '--resume')
    assert len(seen) == 1, 'the others are done'
    assert [entry['image'] for entry in content['queries']] == images
    assert content['queries'][:2] == first['queries']
    assert [entry['visualization'] for entry in content['queries']] == files
    demo(*args, '--resume')
    assert len(seen) == 1, 'nothing is left'


def test_images_that_cannot_be_used_are_skipped(
    demo, images, tmp_path, capsys
):
    bad = tmp_path / 'bad.png'
    bad.write_text('no image')
    queries = [images[1], bad, images[2], tmp_path / 'missing.png']
    args = *SUPPORT, images[0], '--query', *queries
    with pytest.raises(SystemExit) as error:
        demo(*args, '--batch-size', 1, '--format', 'csv')
    assert '2 of 4 images cannot be used' in error.value.code
    assert f'{bad}, {queries[3]}' in error.value.code
    out = tmp_path / 'out'
    content = json.loads((out / 'predictions.json').read_text())
    entries = content['queries']
    assert [entry['image'] for entry in entries] == images[1:]
    written = [entry['visualization'][:4] for entry in entries]
    assert written == ['0000', '0002'], 'numbers are those of the queries'
    assert any((out / 'csv').iterdir())
    printed = capsys.readouterr()
    assert f"skipped: '{bad}' cannot be read as an image" in printed.err
    assert f"skipped: there is no image '{queries[3]}'" in printed.err
    assert '2 image(s) and predictions.json are in' in printed.out
    cv2.imwrite(str(bad), cv2.imread(images[1]))
    with pytest.raises(SystemExit, match='1 of 4 images cannot be used'):
        demo(*args, '--resume')
    content = json.loads((out / 'predictions.json').read_text())
    found = [entry['image'] for entry in content['queries']]
    assert found == [images[1], str(bad), images[2]]


def test_nothing_is_written_without_an_image_that_can_be_used(
    demo, images, tmp_path, capsys
):
    with pytest.raises(SystemExit, match='none of the 2 queries can be used'):
        demo(*SUPPORT, images[0], '--query', 'a.png', 'b.png')
    assert not (tmp_path / 'out').exists()
    assert '--resume' not in capsys.readouterr().err


def test_predictions_are_input_again(demo, images, tmp_path, observed):
    _, _, out = demo(*SUPPORT, images[0], '--query', *images[1:])
    path = (out / 'predictions.json').rename(tmp_path / 'first.json')
    content, _, _ = demo('--json', path, '--query-ids', 1)
    assert [entry['image'] for entry in content['queries']] == images[2:]
    assert content['supports'][0]['image'] == images[0]
    content, _, _ = demo('--json', path, '--support-ids', 0)
    assert content['supports'][0]['image'] == images[1]


def test_another_scale_than_that_of_the_support_is_said(
    demo, images, monkeypatch, capsys
):
    scales = iter([0.3, 1.2, 3.0])
    monkeypatch.setattr(
        'cape_mm.cli.cape_demo.expected_scale', lambda *args: next(scales)
    )
    demo(*SUPPORT, images[0], '--query', *images)
    text = capsys.readouterr().err
    assert f'on 1 of 3 image(s), such as {images[0]}, the object' in text
    assert '--detect' in text
    assert f'{images[2]}, the object fills more than twice as much' in text


def test_progress_is_on_stderr(demo, images, capsys):
    demo(*SUPPORT, images[0], '--query', *images[1:])
    assert '2/2 images, ' in capsys.readouterr().err


@pytest.mark.parametrize(
    'args, message',
    [
        (
            [
                *('--support', 'a', '--keypoints', '1,2', '--query', 'c'),
                *('--support-box', '1,2', '--query-box', '1,2,3,4'),
            ],
            "'1,2' is no box x1,y1,x2,y2",
        ),
        (
            [
                *('--support', 'a', '--keypoints', '1,2', '--query', 'c'),
                *('--query-box', '1,2,3,4', '1,2,3,4'),
            ],
            '2 --query-box and 1 images',
        ),
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
