# Copyright (c) cape_mm contributors. All rights reserved.
"""PoseTrack's keypoints: names, order in files, symmetry, limbs, sigmas."""

from __future__ import annotations

#: The 15 keypoints that PoseTrack evaluates, in the order of PoseTrack18's
#: file without its two ears, with MMPose's sigmas of PoseTrack18.
POSETRACK15_SIGMAS = dict(
    nose=0.026,
    head_bottom=0.025,
    head_top=0.025,
    left_shoulder=0.079,
    right_shoulder=0.079,
    left_elbow=0.072,
    right_elbow=0.072,
    left_wrist=0.062,
    right_wrist=0.062,
    left_hip=0.107,
    right_hip=0.107,
    left_knee=0.087,
    right_knee=0.087,
    left_ankle=0.089,
    right_ankle=0.089,
)
POSETRACK15_KEYPOINTS = tuple(POSETRACK15_SIGMAS)
EARS = ('left_ear', 'right_ear')
#: Columns of a PoseTrack18 or 21 file; the ears are never labelled.
POSETRACK18_KEYPOINTS = (
    *POSETRACK15_KEYPOINTS[:3],
    *EARS,
    *POSETRACK15_KEYPOINTS[3:],
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
_LIMBS = (
    ('nose', 'head_bottom'),
    ('nose', 'head_top'),
    ('head_bottom', 'left_shoulder'),
    ('head_bottom', 'right_shoulder'),
    ('left_shoulder', 'right_shoulder'),
    ('left_shoulder', 'left_elbow'),
    ('left_elbow', 'left_wrist'),
    ('right_shoulder', 'right_elbow'),
    ('right_elbow', 'right_wrist'),
    ('left_shoulder', 'left_hip'),
    ('right_shoulder', 'right_hip'),
    ('left_hip', 'right_hip'),
    ('left_hip', 'left_knee'),
    ('left_knee', 'left_ankle'),
    ('right_hip', 'right_knee'),
    ('right_knee', 'right_ankle'),
)
_COLORS = dict(left=[0, 255, 0], right=[255, 128, 0], middle=[51, 153, 255])
_LOWER = ('hip', 'knee', 'ankle')
#: Layouts that MMPose describes itself, both with 17 keypoints.
_FROM_MMPOSE = ('posetrack18', 'coco')
#: Every layout by its name.
LAYOUTS = ('posetrack15', *_FROM_MMPOSE)


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
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    if name in _FROM_MMPOSE:
        path = f'configs/_base_/datasets/{name}.py'
        return parse_pose_metainfo(dict(from_file=path))
    if name != 'posetrack15':
        raise ValueError(
            f'there is no keypoint layout {name!r}, only {", ".join(LAYOUTS)}'
        )
    keypoint_info = {
        index: dict(
            name=keypoint,
            id=index,
            color=_COLORS[_side(keypoint)],
            type='lower' if keypoint.endswith(_LOWER) else 'upper',
            swap=_opposite(keypoint),
        )
        for index, keypoint in enumerate(POSETRACK15_KEYPOINTS)
    }
    skeleton_info = {}
    for index, limb in enumerate(_LIMBS):
        sides = {_side(keypoint) for keypoint in limb}
        side = sides.pop() if len(sides) == 1 else 'middle'
        skeleton_info[index] = dict(link=limb, id=index, color=_COLORS[side])
    return parse_pose_metainfo(
        dict(
            dataset_name='posetrack15',
            keypoint_info=keypoint_info,
            skeleton_info=skeleton_info,
            joint_weights=[1.0] * len(keypoint_info),  # MMPose's key
            sigmas=list(POSETRACK15_SIGMAS.values()),
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


def _side(keypoint: str) -> str:
    """``'left'``, ``'right'`` or ``'middle'``."""
    side = keypoint.split('_')[0]
    return side if side in ('left', 'right') else 'middle'


def _opposite(keypoint: str) -> str:
    """The keypoint on the other side of the body, '' if there is none."""
    side = _side(keypoint)
    other = dict(left='right', right='left').get(side)
    return keypoint.replace(side, other, 1) if other else ''
