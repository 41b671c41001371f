# Copyright (c) cape_mm contributors. All rights reserved.
"""Which dataset the images of an MP-100 category come from."""

from __future__ import annotations

_BY_ID = {18: 'AFLW', 40: '300W', 44: 'DeepPoseKit', 66: 'DeepPoseKit'}
_BY_NAME = dict(
    person='COCO',
    hand='OneHand10K',
    macaque='MacaquePose',
    locust='DeepPoseKit',
    fly='DeepPoseKit',
)
_GROUPS = {
    'CarFusion': 'bus car suv',
    'Keypoint-5': 'bed chair sofa swivelchair table',
    'DeepFashion2': 'skirt sling_dress vest_dress sling short_sleeved_shirt '
    'short_sleeved_dress vest long_sleeved_dress trousers shorts '
    'long_sleeved_outwear short_sleeved_outwear long_sleeved_shirt',
    'CUB-200': 'woodpecker wren gull kingfisher sparrow tern grebe warbler',
}
_BY_NAME.update(
    (name, source)
    for source, names in _GROUPS.items()
    for name in names.split()
)


def source_of(image: dict, category: dict) -> str:
    """Name the source of an image.

    Args:
        image (dict): Of an annotation file; its ``source`` counts, if any.
        category (dict): Category of an object in it.

    Returns:
        str: Name of the source, ``'unknown'`` if it cannot be told.
    """
    if image.get('source'):
        return str(image['source'])
    name = str(category['name']).lower()
    if name == 'face':  # two categories have this name
        return _BY_ID.get(category['id'], 'unknown')
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.endswith('_body'):
        return 'AP-10K'
    if name.endswith('_face'):
        return 'AnimalWeb'
    return 'unknown'
