# Copyright (c) cape_mm contributors. All rights reserved.
from .bootstrap import bootstrap_interval
from .clear_mot import MotCounts, clear_mot, mota, motp, precision, recall
from .count_ratio import ratio
from .head_distance import head_distances, head_sizes
from .identity_f1 import IdentityCounts, identity_counts, idf1
from .ignore_region import inside_polygons
from .keypoint_error import keypoint_distances, longer_side, mean_error
from .keypoint_hota import HotaCounts, HotaScores, hota, hota_counts
from .one_to_one import one_to_one
from .pck import pair_auc, pair_pck
from .pose_ap import average_precision, match_poses
from .tracked_frame import TrackedFrame, number_ids

__all__ = [
    'HotaCounts',
    'HotaScores',
    'IdentityCounts',
    'MotCounts',
    'TrackedFrame',
    'average_precision',
    'bootstrap_interval',
    'clear_mot',
    'head_distances',
    'head_sizes',
    'hota',
    'hota_counts',
    'identity_counts',
    'idf1',
    'inside_polygons',
    'keypoint_distances',
    'longer_side',
    'match_poses',
    'mean_error',
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
