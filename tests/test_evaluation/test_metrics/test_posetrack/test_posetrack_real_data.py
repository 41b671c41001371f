# Copyright (c) cape_mm contributors. All rights reserved.
"""Real labels of PoseTrack18: crowds, ignore regions, absent labels."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cape_mm.evaluation.metrics import PoseTrackMetric


@pytest.fixture
def real_frames(posetrack_mini):
    """Each video as it is here, one frame long, with its labels."""
    folder = posetrack_mini / 'annotations' / 'val_fixture'
    frames = []
    for path in sorted(folder.glob('*.json')):
        content = json.loads(path.read_text())
        labelled = {record['image_id'] for record in content['annotations']}
        (image,) = (i for i in content['images'] if i['id'] in labelled)
        persons = content['annotations']
        points = np.reshape([p['keypoints'] for p in persons], (-1, 17, 3))
        heads = np.array([p['bbox_head'] for p in persons], dtype=float)
        heads[:, 2:] += heads[:, :2]
        frames.append(
            dict(
                video_id=path.stem,
                frame_id=0,
                num_frames=1,
                is_labeled=True,
                img_path=str(posetrack_mini / image['file_name']),
                img_id=image['id'],
                ori_shape=(1080, 1920),
                ignore_regions=[
                    np.stack(region, axis=1)
                    for region in zip(
                        image['ignore_regions_x'], image['ignore_regions_y']
                    )
                ],
                gt_instances=dict(
                    keypoints=points[..., :2],
                    keypoints_visible=points[..., 2],
                    bbox_head=heads,
                    track_ids=np.array([p['track_id'] for p in persons]),
                ),
                names=content['categories'][0]['keypoints'],
            )
        )
    return frames


def predict(frame, points, visible):
    count, keypoints = visible.shape
    frame['pred_instances'] = dict(
        keypoints=np.where(visible[..., None], points, np.nan),
        keypoint_scores=np.ones((count, keypoints)),
        keypoints_visible=np.ones((count, keypoints)),
        track_ids=np.arange(count),
        bbox_scores=np.ones(count),
    )


def test_labels_as_predictions_are_perfect(real_frames, evaluate, tmp_path):
    for frame in real_frames:
        truth = frame['gt_instances']
        predict(frame, truth['keypoints'], truth['keypoints_visible'] > 0)
    names = real_frames[0]['names']
    assert len(real_frames) == 3 and len(names) == 17
    metrics = evaluate(real_frames, names, export_dir=str(tmp_path))
    assert metrics.pop('IDSW') == 0
    assert set(metrics.values()) == {1.0}
    exported = sorted(path.name for path in tmp_path.iterdir())
    assert exported == [f'{frame["video_id"]}.json' for frame in real_frames]
    # poseval has no CLEAR MOT of single frames
    theirs = PoseTrackMetric(poseval_compat=True)
    assert evaluate(real_frames, names, metric=theirs)['AP'] == 1


def test_predictions_in_ignore_regions_cost_nothing(real_frames, evaluate):
    names = real_frames[0]['names']
    for frame in real_frames:
        truth = frame['gt_instances']
        visible = truth['keypoints_visible'] > 0
        region = frame['ignore_regions'][0].mean(axis=0)
        points = np.concatenate(
            [truth['keypoints'], np.tile(region, (1, 17, 1))]
        )
        one_more = np.ones((1, 17), dtype=bool)
        predict(frame, points, np.concatenate([visible, one_more]))
    forgiven = evaluate(real_frames, names)
    for frame in real_frames:
        frame['ignore_regions'] = []
    counted = evaluate(real_frames, names)
    assert counted['precision'] < forgiven['precision']
    assert counted['recall'] == forgiven['recall'] == 1
