# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.datasets.formats.annotation_tools.keypoint_table import (
    write_keypoint_table,
)


def test_a_table_is_read_again(mugs, tmp_path, read, assert_same):
    mugs.images[0].instances[0].track_id = 3
    write_keypoint_table(mugs, tmp_path / 'out')
    found = read(tmp_path / 'out', image_root=tmp_path / 'source')
    assert_same(found, mugs)
    assert found.images[0].instances[0].track_id == 3


def test_predictions_keep_their_scores(predicted, tmp_path, read, assert_same):
    write_keypoint_table(predicted, tmp_path / 'out')
    found = read(tmp_path / 'out', image_root=tmp_path / 'source')
    assert_same(found, predicted)


def test_a_table_is_one_of_pandas(predicted, tmp_path):
    pd = pytest.importorskip('pandas')
    (line,) = write_keypoint_table(predicted, tmp_path)
    assert line.endswith('keypoints.csv: 33 keypoints')
    frame = pd.read_csv(tmp_path / 'keypoints.csv')
    rows = frame[(frame.image == 'shelf/3.png') & (frame.instance == 1)]
    assert rows.keypoint.tolist() == ['rim left', 'rim right', 'handle']
    assert rows.x.tolist()[:2] == [25, 30]
    assert rows.x.isna().tolist() == [False, False, True]
    assert rows.visibility.tolist() == [2, 2, 0]
    assert rows.score.tolist() == [0.5, 0.25, 0]
    assert rows.x2.tolist() == [40, 40, 40]
