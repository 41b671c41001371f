# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalometric_formulas import FORMULAS
from .cephalometric_measurements import (
    Measurement,
    find_facing,
    measure,
    missing_landmarks,
)
from .cephalometric_norms import (
    Norm,
    available_norms,
    isbi_class_name,
    isbi_types,
    load_norms,
)
from .keypoint_hota import HotaCounts, HotaScores, hota, hota_counts
from .keypoints import (
    keypoint_distances,
    longer_side,
    mean_error,
    pair_auc,
    pair_pck,
)
from .statistics import bootstrap_interval
from .tracked_frames import (
    TrackedFrame,
    head_distances,
    head_sizes,
    inside_polygons,
    number_ids,
    one_to_one,
    ratio,
)
from .tracking_scores import (
    IdentityCounts,
    MotCounts,
    average_precision,
    clear_mot,
    identity_counts,
    idf1,
    match_poses,
    mota,
    motp,
    precision,
    recall,
)

__all__ = [
    'FORMULAS',
    'HotaCounts',
    'HotaScores',
    'IdentityCounts',
    'Measurement',
    'MotCounts',
    'Norm',
    'TrackedFrame',
    'available_norms',
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
    'load_norms',
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
