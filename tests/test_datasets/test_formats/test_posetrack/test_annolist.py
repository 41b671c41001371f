# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest
from support.clip_samples import make_content, to_annolist

from cape_mm.datasets.formats.annotation_report import AnnotationReport
from cape_mm.datasets.formats.posetrack import keypoint_names
from cape_mm.datasets.formats.posetrack.annolist import read_annolist
from cape_mm.datasets.formats.posetrack.reader import POSETRACK_PROBLEMS


def read_one(content):
    report = AnnotationReport('a.json', problems=POSETRACK_PROBLEMS)
    names = keypoint_names('posetrack15')
    (frame,) = read_annolist(content, 'a.json', names, report)
    return frame


@pytest.mark.parametrize('bare', ['annorect', 'ignore_regions', 'annolist'])
def test_a_list_of_one_may_be_bare(bare):
    content = to_annolist(make_content('000001_a', 1, persons=1))
    expected = read_one(content)
    holder = content if bare == 'annolist' else content['annolist'][0]
    (holder[bare],) = holder[bare]
    frame = read_one(content)
    (person,), (region,) = frame['persons'], frame['ignore_regions']
    (expected_person,) = expected['persons']
    assert np.array_equal(person.keypoints, expected_person.keypoints)
    assert person.track_id == expected_person.track_id
    assert person.record == 'annorect 0'
    assert np.array_equal(region, expected['ignore_regions'][0])
    assert len(region) == 3


@pytest.mark.parametrize('nothing', [None, [], {}])
def test_no_person_and_no_region(nothing):
    content = to_annolist(make_content('000001_a', 1))
    content['annolist'][0].update(annorect=nothing, ignore_regions=nothing)
    frame = read_one(content)
    assert not frame['persons'] and not frame['ignore_regions']
    assert frame['is_labeled']
