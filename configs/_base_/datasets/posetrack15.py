# The 15 keypoints that PoseTrack evaluates. Models only read their sigmas,
# MMPose's, in the order of cape_mm/datasets/formats/posetrack/keypoints.py.
num_keypoints = 15
metainfo = dict(
    sigmas=[
        *(0.026, 0.025, 0.025, 0.079, 0.079, 0.072, 0.072, 0.062),
        *(0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
    ]
)
