# Copyright (c) cape_mm contributors. All rights reserved.
"""Damaged annotations: sound records survive, or one sentence of error."""

from __future__ import annotations

import inspect
import sys
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

from cape_mm.datasets.formats import (  # noqa: E402
    image_paths,
    json_values,
)
from cape_mm.datasets.formats.cephalometric import coco_check  # noqa: E402
from cape_mm.datasets.formats.posetrack import (  # noqa: E402
    annolist,
    instances,
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


def _find_fault(reader, keys, tmp_path):
    """A fault among the mutations of some keys of the first records."""
    write_images(tmp_path)
    file = tmp_path / 'annotations.json'
    places = [
        path
        for path in paths(reader.document)
        if path[-1] in keys
        and all(step < 2 for step in path[:-1] if type(step) is int)
    ]
    choices = dict(type=13, nan=1, huge=4, dangling=3)
    for path in places:
        for kind in KINDS:
            for choice in range(choices.get(kind, 1)):
                try:
                    check_outcome(reader, (path, kind, choice), file)
                except Exception as error:
                    return str(error) or repr(error)
    return None


#: By fault: the reader, keys of the damaged values, the function with the fix,
#: the fix, and what was there before.
_FIXES = {
    'a category id that no annotation uses makes all persons vanish': (
        *('posetrack18', ['id'], video_json, '_read_persons'),
        {
            'if others and not persons:': 'if False:',
            "report.add('other_category'": "str('other_category'",
        },
    ),
    'an annotation of another category is not counted': (
        *('posetrack18', ['category_id'], video_json, '_read_persons'),
        {"report.add('other_category'": "str('other_category'"},
    ),
    'a point without id becomes keypoint 0': (
        *('posetrack17', ['id'], annolist, '_read_person'),
        {
            "raise DataError(f'{where} has a point without id: {point}')": (
                'number = 0'
            ),
            'if number in known:': 'if False:',
        },
    ),
    'the second of two points with one id is taken': (
        *('posetrack17', ['id'], annolist, '_read_person'),
        {'if number in known:': 'if False:'},
    ),
    'two images have one id': (
        *('posetrack18', ['id'], video_json, '_read_image_list'),
        {"refuse_repeated(ids, 'image id(s)', path)": ''},
    ),
    'two persons of a frame have one track id': (
        *('posetrack18', ['track_id'], instances, '_identity'),
        {"report.add('repeated_track_id'": "str('repeated_track_id'"},
    ),
    'a track id is text': (
        *('posetrack18', ['track_id'], video_json, '_read_persons'),
        {"as_id(track_id, f'{where}: track_id')": 'int(track_id)'},
    ),
    'an area is null': (
        *('posetrack18', ['area'], video_json, '_read_persons'),
        {'if area is not None:': 'if True:'},
    ),
    'an area is huge': (
        *('posetrack18', ['area'], video_json, '_read_persons'),
        {"area = as_number(area, f'{where}: area')": 'pass'},
    ),
    'iscrowd is text': (
        *('posetrack18', ['iscrowd'], json_values, 'as_flag'),
        {
            'if isinstance(value, bool) or (': (
                'return int(value) > 0\n    if isinstance(value, bool) or ('
            )
        },
    ),
    'a place of an unlabelled keypoint is read': (
        *('posetrack18', range(48, 51), json_values, 'as_keypoints'),
        {'elif state > 0:': 'else:'},
    ),
    'an unlabelled keypoint of MP-100 is NaN': (
        *('mp100', range(6, 9), json_values, 'as_keypoints'),
        {'= is_number(x) and is_number(y)': '= x is not None'},
    ),
    'a byte order mark is no JSON': (
        *('mp100', ['id'], json_values, 'read_json'),
        {"'utf-8-sig'": "'utf-8'"},
    ),
    'persons of a frame vanish': (
        *('posetrack17', ['annorect'], instances, 'pack_frame'),
        {"report.add('empty_frame'": "str('empty_frame'"},
    ),
    'a person without keypoints in PoseTrack17 is not counted': (
        *('posetrack17', ['annopoints'], instances, 'pack_frame'),
        {
            "report.add('crowd' if": "str('crowd' if",
            "report.add('no_place', where)": 'pass',
        },
    ),
    'a keypoint of PoseTrack17 is no number': (
        *('posetrack17', ['x'], annolist, '_number'),
        {"as_number(value, f'{where}: {key}')": 'float(value)'},
    ),
    'an area of a cephalogram is no number': (
        *('cephalometric', ['area'], coco_check, '_detail_problems'),
        {'not is_number(area)': 'False'},
    ),
    'an image name leads out of its folder': (
        *('mp100', ['file_name'], image_paths, '_find_problem'),
        {'osp.isabs(name)': 'False', "'..' in name.split('/')": 'False'},
    ),
}


@pytest.mark.parametrize('fault', _FIXES)
def test_harness_finds_a_fault_when_its_fix_is_taken_out(
    fault, tmp_path, monkeypatch
):
    name, keys, module, function, edits = _FIXES[fault]
    assert _find_fault(READERS[name], keys, tmp_path) is None
    original = getattr(module, function)
    source = inspect.getsource(original)
    for fix, before in edits.items():
        assert fix in source
        source = source.replace(fix, before)
    changed = dict(vars(module))
    exec('from __future__ import annotations\n' + source, changed)
    # in each module that has imported it
    for other in [*sys.modules.values()]:
        if vars(other).get(function) is original:
            monkeypatch.setattr(other, function, changed[function])
    assert _find_fault(READERS[name], keys, tmp_path)
