# Copyright (c) cape_mm contributors. All rights reserved.
from .attention import Attention, FeedForward, KeyValue
from .autoregressive_decoder import (
    AutoregressiveDecoder,
    DecoderContext,
    DecoderOutput,
)
from .autoregressive_layer import AutoregressiveLayer, StepMemory
from .clip_encoder import ClipEncoder
from .clip_memory import ClipMemory
from .coordinate_embedding import CoordinateEmbedding, grid_points
from .decoding_order import most_certain_first, reorder
from .encoded_episodes import EncodedEpisodes
from .feature_sampling import sample_features
from .joint_decoder import JointDecoder
from .local_attention import LocalAttention
from .map_lookup import MapLookup
from .pose_decoder import PoseDecoder
from .pose_embedding import PoseEmbedding
from .pose_proposals import PoseProposals, PoseProposer
from .pose_transformer import PoseTransformer
from .refinement_layer import RefinementLayer
from .role_rotation import rotate_batch, rotate_members
from .similarity_proposal import Proposal, SimilarityProposal
from .skeleton_mixing import SkeletonMixing
from .support_encoder import SupportEncoder
from .temporal_pose_attention import TemporalPoseAttention

__all__ = [
    'Attention',
    'AutoregressiveDecoder',
    'AutoregressiveLayer',
    'ClipEncoder',
    'ClipMemory',
    'CoordinateEmbedding',
    'DecoderContext',
    'DecoderOutput',
    'EncodedEpisodes',
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
    'RefinementLayer',
    'SimilarityProposal',
    'SkeletonMixing',
    'StepMemory',
    'SupportEncoder',
    'TemporalPoseAttention',
    'grid_points',
    'most_certain_first',
    'reorder',
    'rotate_batch',
    'rotate_members',
    'sample_features',
]
