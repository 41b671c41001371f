# Copyright (c) cape_mm contributors. All rights reserved.
"""Every tool says what is wrong in one sentence, without a traceback."""

from __future__ import annotations

import errno
import io

import pytest
from support.tool_calls import (
    CALLS,
    TOOLS,
    all_tools,
    arguments,
    checkpoint_calls,
    words_of,
    write_world,
)

# Of these the file to write is what matters, or nothing is read.
_WRITE_ONLY = ('make_creatures', 'make_stick_figures', 'make_cephalograms')
_NAMES = {tool: tool.rpartition('/')[2] for tool in CALLS}


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp('world'))


@pytest.fixture
def error_of(call_tool, capsys, monkeypatch, tmp_path):
    """The one line with which a tool ends."""
    monkeypatch.chdir(tmp_path)

    def call(tool, args):
        name = _NAMES[tool]
        with pytest.raises(SystemExit) as end:
            call_tool(tool, *args)
        out, err = capsys.readouterr()
        assert 'Traceback' not in out + err
        code = end.value.code
        if code == 2:  # wrong use, of which argparse prints the usage, too
            lines = [x for x in err.splitlines() if ': error: ' in x]
            assert len(lines) == 1
            code = lines[0]
        assert isinstance(code, str), (code, out, err)
        head, _, text = code.partition(': error: ')
        # of a tool with formats, the format follows
        assert head.split()[0] == name and len(text) > 10
        assert '\n' not in code.strip(), code
        return text

    return call


def test_no_tool_is_left_out():
    # one serves a page until it is stopped: tests/test_studio
    assert all_tools() == {*CALLS, 'demo/studio.py'}


@pytest.mark.parametrize(
    'tool, word',
    [(tool, word) for tool in CALLS for word in words_of(CALLS[tool])],
)
def test_missing_file_is_named(tool, word, world, error_of, tmp_path):
    gone = 'no/such/thing_{split}.py'
    gone = gone.replace('{split}', '1') if word != 'splits_config' else gone
    args = arguments(
        CALLS[tool], world, out=str(tmp_path / 'out'), **{word: gone}
    )
    assert 'no/such' in error_of(tool, args)


@pytest.mark.parametrize(
    'tool',
    [
        tool
        for tool in CALLS
        if '{out}' in CALLS[tool] and 'convert_cape' not in tool
    ],
)
def test_folder_that_cannot_be_made_is_named(tool, world, error_of):
    if 'browse_clips' in tool:
        pytest.skip('no small clips with a training loader')
    text = error_of(tool, arguments(CALLS[tool], world))
    assert 'table.csv' in text


_DAMAGED = {
    'cut': 'is damaged',
    'list': 'holds a list, not a dict',
    'other': '',
}
_OTHER = dict(cape='ceph', ceph='cape', track='ceph', foreign='ceph')


@pytest.mark.parametrize('damage', list(_DAMAGED))
@pytest.mark.parametrize('tool, text, word', checkpoint_calls())
def test_checkpoint_that_does_not_fit_is_named(
    tool, text, word, damage, world, error_of, tmp_path
):
    path = world[_OTHER[word] if damage == 'other' else damage]
    args = arguments(text, world, out=str(tmp_path / 'out'), **{word: path})
    line = error_of(tool, args)
    assert _DAMAGED[damage] in line
    assert path in line or 'foreign' in word


def _with_device():
    names = []
    for tool in CALLS:
        source = (TOOLS / tool).read_text()
        words = ('add_device', 'add_inference', "'--device'")
        if any(word in source for word in words) or (
            'checkpoint=True' in source
        ):
            names.append(tool)
    return names


@pytest.mark.parametrize('device', ['cuda:0', 'gpu'])
@pytest.mark.parametrize('tool', _with_device())
def test_device_that_is_not_there_is_named(
    tool, device, world, error_of, monkeypatch, tmp_path
):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    monkeypatch.setattr('torch.cuda._lazy_init', _no_driver)
    args = arguments(CALLS[tool], world, out=str(tmp_path / 'out'))
    if '{config}' not in CALLS[tool] and 'few_shot' in tool:
        args += ['--heatmap']
    line = error_of(tool, [*args, '--device', device])
    assert f"the device '{device}' cannot be used" in line


def _no_driver():
    raise RuntimeError('Found no NVIDIA driver on your system. Get one')


@pytest.mark.parametrize(
    'tool, option',
    [
        ('analysis_tools/show_proposals.py', '--episodes 99999'),
        ('analysis_tools/show_proposals.py', '--episodes -1'),
        ('analysis_tools/show_proposals.py', '--num 0'),
        ('analysis_tools/support_ablation.py', '--batch-size 0'),
        ('analysis_tools/support_ablation.py', '--num-episodes -2'),
        ('analysis_tools/compare_checkpoints.py', '--batch-size 0'),
        ('analysis_tools/browse_episodes.py', '--num 0'),
        ('analysis_tools/browse_episodes.py', '--size -5'),
        ('analysis_tools/benchmark_decoding.py', '--repeats 0'),
        ('analysis_tools/benchmark_clip_step.py', '--batch-size 0'),
        ('analysis_tools/benchmark_matching.py', '--queries -1'),
        ('analysis_tools/photo_table.py', '--shots 0'),
        ('analysis_tools/few_shot_table.py', '--minutes nan'),
        ('analysis_tools/cross_validate.py', '--gpus 0'),
        ('analysis_tools/calibrate_radii.py', '--coverage 2'),
        ('finetune.py', '--minutes 0'),
        ('finetune.py', '--shots many'),
        ('dataset_converters/convert_cephalograms.py', '--max-side 0'),
        ('dataset_converters/convert_cephalograms.py', '--shares 0.1 2'),
        ('dataset_converters/import_annotations.py', '--val-share 7'),
        ('dataset_converters/make_creatures.py', '--train -1 2'),
        ('dataset_converters/make_stick_figures.py', '--image-size 0'),
        ('dataset_converters/make_pair_list.py', '--shots 0'),
        ('dataset_converters/prepare_mp100.py', '--queries 0'),
        ('dataset_converters/make_cross_supercategory.py', '--seed x'),
        ('demo/cape_demo.py', '--batch-size 0'),
        ('demo/cephalometric_demo.py', '--height 0'),
        ('demo/cephalometric_demo.py', '--spacing -1'),
        ('demo/video_pose_demo.py', '--fps 0'),
        ('deployment/export_cephalometric_onnx.py', '--tolerance 0'),
        ('train.py', '--interval 0'),
    ],
)
def test_number_out_of_range_is_named(tool, option, world, error_of, tmp_path):
    args = arguments(CALLS[tool], world, out=str(tmp_path / 'out'))
    assert option.split()[0] in error_of(tool, [*args, *option.split()])


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
@pytest.mark.parametrize(
    'option, message',
    [
        ('optim_wrapper.optimzer.lr=1', 'did you mean `optimizer`?'),
        ('optim_wrapper.optimizer.lrr=1', 'did you mean `lr`?'),
        ('optim_wrapper.optimizer.type=Adamm', 'did you mean `Adam`?'),
        ('model.head.num_head=2', 'did you mean `num_heads`?'),
        ('model.type=cape_mm.CapeEstimatr', '`cape_mm.CapeEstimator`?'),
        ('train_dataloader.batchsize=4', 'did you mean `batch_size`?'),
        (
            'train_dataloader.dataset.dataset.an_file=a',
            'did you mean `ann_file`?',
        ),
        (
            'train_dataloader.dataset.pipeline.0.type=LoadImag',
            'did you mean `LoadImage`?',
        ),
        ('default_hooks.checkpoint.intervall=2', '`interval`?'),
        ('train_cfg.max_epoch=2', 'did you mean `max_epochs`?'),
        ('randomness.sed=1', 'did you mean `seed`?'),
        ('param_scheduler.7.gamma=1', 'is a list of 2'),
        ('train_dataloader.batch_size=abc', 'give a number'),
        ('train_cfg.by_epoch=maybe', 'give True or False'),
        ('model.head=abc', 'or a dict'),
        ('val_evaluator=abc', 'give a list'),
        ('train_dataloader.batch_size.x=3', 'has no entries'),
        ('train_cfg.max_epochs=0', 'of at least 1'),
        ('train_cfg.val_interval=0', 'of at least 1'),
        ('train_dataloader.batch_size=2.5', 'must be a whole number'),
        ('abc', 'is not KEY=VALUE'),
        ('a=[1,', 'is not KEY=VALUE'),
    ],
)
def test_wrong_option_is_explained(
    tool, option, message, world, error_of, tmp_path
):
    args = arguments(CALLS[tool], world, out=str(tmp_path / 'out'))
    text = error_of(tool, [*args, '--cfg-options', option])
    assert message in text and option.split('=')[0] in text


@pytest.mark.parametrize(
    'change, message',
    [
        (
            "model = dict(head=dict(type='cape_mm.AutoregressivKeypoint'))",
            '`cape_mm.AutoregressiveKeypointHead`?',
        ),
        ('model = dict(head=dict(num_head=2))', '`num_heads`?'),
        ('model = dict(head=dict(num_heads=3))', 'num_heads, which is 3'),
        ("optim_wrapper = dict(optimizer=dict(type='Adamm'))", '`Adam`?'),
        ("train_cfg = dict(type='EpochBasedTrainLop')", 'train_loop'),
        ('train_dataloader = dict(batchsize=3)', 'did you mean `batch_size`?'),
        ('train_dataloader = dict(num_workers=-1)', 'num_workers'),
        ("_base_ = ['nowhere.py']", 'nowhere.py'),
        ('_base_ = []', 'has no `model`'),
    ],
)
def test_slip_in_a_config_is_explained(
    change, message, world, error_of, tmp_path
):
    config = tmp_path / 'slip.py'
    base = f'_base_ = [{world["config"]!r}]\n' * ('_base_' not in change)
    config.write_text(base + change)
    args = [config, '--work-dir', tmp_path / 'work']
    assert message in error_of('train.py', args)


def test_full_disk_is_named(world, error_of, monkeypatch, tmp_path):
    def write(self, text):
        raise OSError(errno.ENOSPC, 'No space left on device')

    opened = open

    def on_full_disk(file, mode='r', *args, **kwargs):
        if 'w' not in mode or 'full.json' not in str(file):
            return opened(file, mode, *args, **kwargs)

        class Full(io.StringIO):
            name = str(file)

        Full.write = write
        return Full()

    monkeypatch.setattr('builtins.open', on_full_disk)
    monkeypatch.setattr('io.open', on_full_disk)
    tool = 'dataset_converters/make_pair_list.py'
    args = [world['ann'], '--queries', '2', '--episodes', '1']
    line = error_of(tool, [*args, '--out', tmp_path / 'full.json'])
    assert 'full.json' in line and 'free some space' in line
