# Copyright (c) cape_mm contributors. All rights reserved.
from .bootstrap import bootstrap_interval
from .cephalometric_formulas import FORMULAS
from .cephalometric_measurements import (
    Measurement,
    find_facing,
    measure,
    missing_landmarks,
)
from .clear_mot import MotCounts, clear_mot, mota, motp, precision, recall
from .count_ratio import ratio
from .head_distance import head_distances, head_sizes
from .identity_f1 import IdentityCounts, identity_counts, idf1
from .ignore_region import inside_polygons
from .isbi_types import isbi_class_name, isbi_types
from .keypoint_error import keypoint_distances, longer_side, mean_error
from .keypoint_hota import HotaCounts, HotaScores, hota, hota_counts
from .one_to_one import one_to_one
from .pck import pair_auc, pair_pck
from .pose_ap import average_precision, match_poses
from .tracked_frame import TrackedFrame, number_ids

__all__ = [
    'FORMULAS',
    'HotaCounts',
    'HotaScores',
    'IdentityCounts',
    'Measurement',
    'MotCounts',
    'TrackedFrame',
    'average_precision',
    'bootstrap_interval',
    'clear_mot',
    'find_facing',
    'head_distances',
    'head_sizes',
    'hota',
    'hota_counts',
    'identity_counts',
    'idf1',
    'inside_polygons',
    'isbi_class_name',
    'isbi_types',
    'keypoint_distances',
    'longer_side',
    'match_poses',
    'mean_error',
    'measure',
    'missing_landmarks',
    'mota',
    'motp',
    'number_ids',
    'one_to_one',
    'pair_auc',
    'pair_pck',
    'precision',
    'ratio',
    'recall',
]
