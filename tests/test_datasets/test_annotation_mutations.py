# Copyright (c) cape_mm contributors. All rights reserved.
"""Damaged annotations: sound records survive, or one sentence of error."""

from __future__ import annotations

import warnings

import pytest

pytest.importorskip('hypothesis')

from hypothesis import HealthCheck, given, settings  # noqa: E402
from support.annotation_readers import (  # noqa: E402
    all_readers,
    write_images,
)
from support.json_mutations import (  # noqa: E402
    KINDS,
    check_outcome,
    mutations,
    paths,
)

from cape_mm.datasets.formats.annotation_report import (  # noqa: E402
    AnnotationReport,
)
from cape_mm.datasets.formats.cephalometric import coco_check  # noqa: E402
from cape_mm.datasets.formats.posetrack import (  # noqa: E402
    annolist,
    video_json,
)

READERS = all_readers()


@pytest.mark.parametrize('name', READERS)
def test_damage_is_named_or_leaves_the_other_records_alone(name, tmp_path):
    write_images(tmp_path)
    reader = READERS[name]

    @settings(
        max_examples=300,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
    @given(mutations(reader.document))
    def check(mutation):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            check_outcome(reader, mutation, tmp_path / 'annotations.json')

    check()


def _find_fault(reader, key, tmp_path):
    """Whether the harness finds a fault among the mutations of one key."""
    write_images(tmp_path)
    file = tmp_path / 'annotations.json'
    for path in paths(reader.document):
        if path[-1] != key:
            continue
        for kind in KINDS:
            for choice in range(12):
                try:
                    check_outcome(reader, (path, kind, choice), file)
                except Exception:
                    return True
    return False


def _unchecked(value, *_, **__):
    return value


_FIXES = {
    'an annotation of another category is not counted': (
        *('posetrack18', 'category_id', AnnotationReport, 'add'),
        lambda *args: None,
    ),
    'a person without keypoints in PoseTrack17 is not counted': (
        *('posetrack17', 'annopoints', AnnotationReport, 'add'),
        lambda *args: None,
    ),
    'iscrowd is text': ('posetrack18', 'iscrowd', video_json, 'as_flag', bool),
    'a track id is text': (
        *('posetrack18', 'track_id', video_json, 'as_id', int),
    ),
    'an area is huge': (
        *('posetrack18', 'area', video_json, 'as_number', _unchecked),
    ),
    'a keypoint of PoseTrack17 is no number': (
        *('posetrack17', 'x', annolist, 'as_number', _unchecked),
    ),
    'an area of a cephalogram is no number': (
        *('cephalometric', 'area', coco_check, 'is_number'),
        lambda value: True,
    ),
}


@pytest.mark.parametrize('fault', _FIXES)
def test_harness_finds_a_fault_when_its_fix_is_taken_out(
    fault, tmp_path, monkeypatch
):
    name, key, module, function, old = _FIXES[fault]
    assert not _find_fault(READERS[name], key, tmp_path)
    monkeypatch.setattr(module, function, old)
    assert _find_fault(READERS[name], key, tmp_path)
