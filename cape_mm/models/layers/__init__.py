# Copyright (c) cape_mm contributors. All rights reserved.
from .attention import Attention, FeedForward, KeyValue
from .cape import (
    AutoregressiveDecoder,
    DecoderContext,
    DecoderLayer,
    DecoderMemory,
    DecoderOutput,
    LocalAttention,
    Proposal,
    SimilarityProposal,
    SkeletonMixing,
    SupportEncoder,
)
from .coordinate_embedding import CoordinateEmbedding
from .pavenet import (
    ClipEncoder,
    ClipMemory,
    KeypointDecoder,
    MapSampling,
    PoseDecoder,
    PoseProposer,
    TemporalPoseAttention,
)
from .sampling import grid_points, sample_features

__all__ = [
    'Attention',
    'AutoregressiveDecoder',
    'ClipEncoder',
    'ClipMemory',
    'CoordinateEmbedding',
    'DecoderContext',
    'DecoderLayer',
    'DecoderMemory',
    'DecoderOutput',
    'FeedForward',
    'KeypointDecoder',
    'KeyValue',
    'LocalAttention',
    'MapSampling',
    'PoseDecoder',
    'PoseProposer',
    'Proposal',
    'SimilarityProposal',
    'SkeletonMixing',
    'SupportEncoder',
    'TemporalPoseAttention',
    'grid_points',
    'sample_features',
]
