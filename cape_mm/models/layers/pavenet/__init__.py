# Copyright (c) cape_mm contributors. All rights reserved.
from .clip_encoder import ClipEncoder, ClipMemory
from .keypoint_heatmap import KeypointHeatmap, MapSampling
from .pose_decoder import KeypointDecoder, PoseDecoder
from .pose_proposals import PoseProposals, PoseProposer
from .pose_queries import FramePrediction
from .temporal_pose_attention import TemporalPoseAttention

__all__ = [
    'ClipEncoder',
    'ClipMemory',
    'FramePrediction',
    'KeypointDecoder',
    'KeypointHeatmap',
    'MapSampling',
    'PoseDecoder',
    'PoseProposals',
    'PoseProposer',
    'TemporalPoseAttention',
]
