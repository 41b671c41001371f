# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from collections import OrderedDict

#: What each kind of problem in a PoseTrack file means and what is done about
#: it, in the order of the report.
POSETRACK_PROBLEMS = OrderedDict(
    unknown_image='annotations of an unknown image (skipped)',
    no_joint='persons without labelled joint (kept as ignored boxes)',
    crowd='crowds (kept as ignored boxes)',
    no_place='persons without joint and box (nothing to keep)',
    unlabeled_frame='persons in frames that count as unlabelled (not used)',
    bad_box='boxes that are empty or not finite (made from the joints)',
    no_head_box='persons without head box (NaN: evaluated as missed)',
    no_track_id='persons without track id (-1: identity unknown)',
    repeated_track_id='track ids that occur twice in a frame (the later: -1)',
    bad_region='ignore regions of fewer than 3 corners (dropped)',
    no_person='images without usable person (not used)',
    missing_image='frames whose image is missing (dropped)',
)
