# Copyright (c) cape_mm contributors. All rights reserved.
"""A sound command line of every tool, of which tests spoil single words."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import torch

from support import tiny_aligned
from support.tiny_cape import write_tiny_cape
from support.tiny_ceph import write_tiny_ceph
from support.tiny_tracking import write_tiny_tracking

TOOLS = Path(__file__).resolve().parents[2] / 'tools'

_ANALYSIS = {
    'ablation_table': '{toy} --seeds 0 --work-dir {out}',
    'analyze_tracking_log': '{log}',
    'benchmark_clip_step': '{track_config} --size 64 --steps 1',
    'benchmark_decoding': '{config} --repeats 1 --keypoints 2',
    'benchmark_matching': '{config}',
    'browse_clips': '{clips_config} --out-dir {out}',
    'browse_episodes': '{config} --num 1 --out-dir {out}',
    'calibrate_radii': '{ceph} {ceph_ann}',
    'compare_checkpoints': '{config} {cape} {cape} --num-episodes 1 '
    '--out-dir {out}',
    'cross_validate': '{splits_config} --splits 1 --work-dir {out}',
    'doctor': '{config}',
    'draw_cephalograms': '{ceph} {ceph_ann} {out}/a.png',
    'few_shot_table': '{root} --min-images 3 --labels 2 --config {aligned} '
    '--minutes 0.01 --categories creature_005 --out {out}/a.json',
    'photo_table': '{root} --config {config} --checkpoint {cape} '
    '--supports 1 --queries 1 --out {out}/a.json',
    'plot_training': '{log} --out {out}/a.png',
    'show_proposals': '{config} {cape} --num 1 --out-dir {out}',
    'single_image_table': '--seeds --real {root} --work-dir {out}',
    'support_ablation': '{config} {cape} --num-episodes 1 --out {out}/a.json',
}
_CONVERTERS = {
    'convert_cephalograms': 'csv {table} --schema isbi2015 --out-dir {out}',
    'describe_keypoints': '{out}/a.npz --annotations {ann} --model trigrams',
    'export_annotations': '{ann} --image-root {images} --out {out} '
    '--format coco',
    'import_annotations': '{ann} --image-root {images} --out {out}',
    'make_cephalograms': '{out} --train 1 --val 1 --test 1 --image-height 64',
    'make_creatures': '{out} --train 1 2 --val 1 2 --test 1 2',
    'make_cross_supercategory': '{annotations} {out} --val-categories 0',
    'make_pair_list': '{ann} --queries 2 --episodes 1 --out {out}/a.json',
    'make_stick_figures': '{out} --train 1 3 --val 1 3',
    'prepare_mp100': '{root} --json {out}/a.json',
}
#: Arguments by tool. Words in braces are files or folders; only ``out`` is
#: written.
CALLS = {
    'train.py': '{config} --work-dir {out}',
    'test.py': '{config} {cape} --work-dir {work} --out {out}/a.json',
    'finetune.py': '{ann} --category creature_005 --config {aligned} '
    '--minutes 0.01 --out-dir {out}',
    **{f'analysis_tools/{k}.py': v for k, v in _ANALYSIS.items()},
    **{f'dataset_converters/{k}.py': v for k, v in _CONVERTERS.items()},
    'demo/cape_demo.py': '{cape} --json {request} --out-dir {out}',
    'demo/cephalometric_demo.py': '{ceph} {cephalogram} --out-dir {out}',
    'demo/video_pose_demo.py': '{track} {video} --out-dir {out}',
    'deployment/export_cephalometric_onnx.py': '{ceph} {out}/a.onnx',
    'model_converters/convert_cape_checkpoint.py': '{foreign} {out}/a.pth '
    '--method dinov2-s',
}
#: Further ways in which tools read a checkpoint.
CHECKPOINTS = {
    'train.py': (
        '{config} --work-dir {work} --resume {cape}',
        '{config} --no-validate --work-dir {work} --cfg-options '
        'train_cfg.max_epochs=1 train_dataloader.dataset.num_episodes=1 '
        'load_from={cape}',
    ),
    'finetune.py': (
        '{ann} --category creature_005 --checkpoint {cape} --out-dir {out}',
        '{ceph_ann} --family cephalometric --checkpoint {ceph} '
        '--out-dir {out}',
    ),
    'demo/cape_demo.py': (
        '{cape} --config {config} --json {request} --out-dir {out}',
    ),
    'demo/cephalometric_demo.py': (
        '{ceph} {cephalogram} --config {ceph_config} --out-dir {out}',
    ),
}


def all_tools() -> set[str]:
    """Names of all tools, relative to their folder."""
    return {str(path.relative_to(TOOLS)) for path in TOOLS.rglob('*.py')}


def checkpoint_calls() -> list[tuple[str, str, str]]:
    """Tool, arguments and the word that is a checkpoint, of each way."""
    calls = [(tool, text) for tool, text in CALLS.items()]
    calls += [
        (tool, text) for tool in CHECKPOINTS for text in CHECKPOINTS[tool]
    ]
    return [
        (tool, text, word)
        for tool, text in calls
        for word in ('cape', 'ceph', 'track', 'foreign')
        if f'{{{word}}}' in text
    ]


def words_of(text: str) -> list[str]:
    """Names of the files that a call reads."""
    words = [w.split('}')[0] for w in text.split('{')[1:]]
    return [w for w in dict.fromkeys(words) if w not in ('out', 'work')]


def arguments(text: str, paths: dict[str, str], **changes) -> list[str]:
    """Arguments of a call, some files replaced by others."""
    return shlex.split(text.format(**dict(paths, **changes)))


def write_world(folder: Path) -> dict[str, str]:
    """Write what the calls read; paths by word."""
    for name in ('cape', 'ceph', 'track'):
        (folder / name).mkdir()
    cape = write_tiny_cape(folder / 'cape')
    ceph = write_tiny_ceph(folder / 'ceph')
    track = write_tiny_tracking(folder / 'track')
    ann = cape.root / 'annotations' / 'mp100_split1_test.json'
    log = folder / 'run' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    lines = [dict(loss=1 / i, lr=0.1, epoch=1, iter=i) for i in range(1, 9)]
    log.write_text(
        '\n'.join(json.dumps(dict(x, step=x['iter'])) for x in lines)
    )
    (folder / 'table.csv').write_text('file,S_x,S_y\n')
    split = folder / 'config1.py'
    split.write_text(cape.config.read_text())
    damage_checkpoints(folder, cape.checkpoint)
    return dict(
        toy=str(Path(__file__).with_name('toy_config.py')),
        root=str(cape.root),
        config=str(cape.config),
        cape=str(cape.checkpoint),
        ann=str(ann),
        request=str(ann),
        annotations=str(ann.parent),
        images=str(cape.root / 'images'),
        aligned=str(tiny_aligned.write_config(folder, cape.root)),
        ceph=str(ceph.checkpoint),
        ceph_config=str(ceph.config),
        ceph_ann=str(ceph.root / 'annotations' / 'cephalograms_val.json'),
        cephalogram=str(ceph.cephalograms[0]),
        track=str(track.checkpoint),
        track_config=str(track.config),
        clips_config=str(track.config),
        video=str(track.video),
        log=str(log.parents[1]),
        table=str(folder / 'table.csv'),
        splits_config=str(folder / 'config{split}.py'),
        foreign=str(cape.checkpoint),
        work=str(folder / 'work'),
        out=str(folder / 'table.csv' / 'out'),
        cut=str(folder / 'cut.pth'),
        list=str(folder / 'list.pth'),
        missing=str(folder / 'no' / 'such' / 'file.py'),
    )


def damage_checkpoints(folder: Path, checkpoint: Path) -> None:
    """Write half of a checkpoint, and one that holds a list."""
    content = checkpoint.read_bytes()
    (folder / 'cut.pth').write_bytes(content[: len(content) // 2])
    torch.save([torch.zeros(2)], folder / 'list.pth')
