# Copyright (c) cape_mm contributors. All rights reserved.
from .cape import (
    AutoregressiveDecoder,
    DecoderContext,
    DecoderOutput,
    Proposal,
    SimilarityProposal,
    SkeletonMixing,
    SupportEncoder,
)
from .pavenet import (
    ClipMemory,
    KeypointDecoder,
    MapSampling,
    PoseDecoder,
    TemporalPoseAttention,
)
from .points import CoordinateEmbedding, grid_points, sample_features

__all__ = [
    'AutoregressiveDecoder',
    'ClipMemory',
    'CoordinateEmbedding',
    'DecoderContext',
    'DecoderOutput',
    'KeypointDecoder',
    'MapSampling',
    'PoseDecoder',
    'Proposal',
    'SimilarityProposal',
    'SkeletonMixing',
    'SupportEncoder',
    'TemporalPoseAttention',
    'grid_points',
    'sample_features',
]
