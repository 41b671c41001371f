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
from .clip_encoder import ClipEncoder
from .clip_memory import ClipMemory
from .coordinate_embedding import CoordinateEmbedding
from .joint_decoder import JointDecoder
from .map_lookup import MapLookup
from .pose_decoder import PoseDecoder
from .pose_embedding import PoseEmbedding
from .pose_proposals import PoseProposals, PoseProposer
from .pose_transformer import PoseTransformer
from .sampling import grid_points, sample_features
from .temporal_pose_attention import TemporalPoseAttention

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
    'JointDecoder',
    'KeyValue',
    'LocalAttention',
    'MapLookup',
    'PoseDecoder',
    'PoseEmbedding',
    'PoseProposals',
    'PoseProposer',
    'PoseTransformer',
    'Proposal',
    'SimilarityProposal',
    'SkeletonMixing',
    'SupportEncoder',
    'TemporalPoseAttention',
    'grid_points',
    'sample_features',
]
