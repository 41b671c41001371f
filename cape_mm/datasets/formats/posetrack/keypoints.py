# Copyright (c) cape_mm contributors. All rights reserved.
"""PoseTrack's keypoints: names, their order in files, metainfo."""

from __future__ import annotations

from pathlib import Path

#: Columns of a PoseTrack18 or 21 file; the ears are never labelled.
POSETRACK18_KEYPOINTS = (
    'nose',
    'head_bottom',
    'head_top',
    'left_ear',
    'right_ear',
    'left_shoulder',
    'right_shoulder',
    'left_elbow',
    'right_elbow',
    'left_wrist',
    'right_wrist',
    'left_hip',
    'right_hip',
    'left_knee',
    'right_knee',
    'left_ankle',
    'right_ankle',
)
EARS = ('left_ear', 'right_ear')
#: The 15 keypoints that PoseTrack evaluates.
POSETRACK15_KEYPOINTS = tuple(
    name for name in POSETRACK18_KEYPOINTS if name not in EARS
)
#: Keypoints of a PoseTrack17 file by their ids, as in poseval: right leg, left
#: leg, right arm, left arm, head.
POSETRACK17_KEYPOINTS = tuple(
    POSETRACK15_KEYPOINTS[index]
    for index in (14, 12, 10, 9, 11, 13, 8, 6, 4, 3, 5, 7, 1, 0, 2)
)
#: Keypoints that COCO does not annotate and nothing in COCO stands for: the
#: mean of the ears is no neck, that of the eyes no top of the head. They stay
#: unlabelled.
NOT_IN_COCO = ('head_bottom', 'head_top')
#: Every layout by its name; MMPose describes the last two, with 17 keypoints.
LAYOUTS = ('posetrack15', 'posetrack18', 'coco')


def layout_metainfo(name: str) -> dict:
    """Describe a layout as MMPose's datasets do.

    Args:
        name (str): ``'posetrack15'``, ``'posetrack18'`` or ``'coco'``.

    Returns:
        dict: Result of ``parse_pose_metainfo``: ``num_keypoints``,
        ``keypoint_id2name``, ``flip_indices``, ``skeleton_links`` (0-based),
        ``sigmas`` and so on.

    Raises:
        ValueError: If there is no such layout.
    """
    # imported late, so that the names alone come without MMPose
    import mmpose
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    if name not in LAYOUTS:
        raise ValueError(
            f'there is no keypoint layout {name!r}, only {", ".join(LAYOUTS)}'
        )
    base = 'posetrack18' if name == 'posetrack15' else name
    configs = Path(mmpose.__file__).parent / '.mim/configs/_base_/datasets'
    metainfo = parse_pose_metainfo(dict(from_file=f'{configs / base}.py'))
    if name == base:
        return metainfo
    # PoseTrack18 without the ears, which no limb ends at
    names, flip = metainfo['keypoint_id2name'], metainfo['flip_indices']
    kept = [index for index in names if names[index] not in EARS]
    keypoint_info = {
        index: dict(
            name=names[old],
            id=index,
            color=metainfo['keypoint_colors'][old].tolist(),
            type='upper' if old in metainfo['upper_body_ids'] else 'lower',
            swap=names[flip[old]] if flip[old] != old else '',
        )
        for index, old in enumerate(kept)
    }
    limbs = zip(metainfo['skeleton_links'], metainfo['skeleton_link_colors'])
    skeleton_info = {
        index: dict(
            link=tuple(names[end] for end in limb),
            id=index,
            color=color.tolist(),
        )
        for index, (limb, color) in enumerate(limbs)
    }
    return parse_pose_metainfo(
        dict(
            dataset_name=name,
            keypoint_info=keypoint_info,
            skeleton_info=skeleton_info,
            joint_weights=[1.0] * len(kept),  # MMPose's key
            sigmas=metainfo['sigmas'][kept],
        )
    )


def keypoint_names(name: str) -> tuple[str, ...]:
    """Get the names of a layout's keypoints, in order.

    Args:
        name (str): Layout, see :func:`layout_metainfo`.

    Returns:
        tuple[str, ...]: K names.
    """
    id2name = layout_metainfo(name)['keypoint_id2name']
    return tuple(id2name[index] for index in range(len(id2name)))
