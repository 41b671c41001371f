# Copyright (c) cape_mm contributors. All rights reserved.
from .attention import Attention, FeedForward, KeyValue
from .autoregressive_decoder import (
    AutoregressiveDecoder,
    DecoderContext,
    DecoderOutput,
)
from .autoregressive_layer import AutoregressiveLayer, StepMemory
from .coordinate_embedding import CoordinateEmbedding, grid_points
from .decoding_order import most_certain_first, reorder
from .encoded_episodes import EncodedEpisodes
from .feature_sampling import sample_features
from .local_attention import LocalAttention
from .refinement_layer import RefinementLayer
from .role_rotation import rotate_batch, rotate_members
from .similarity_proposal import Proposal, SimilarityProposal
from .skeleton_mixing import SkeletonMixing
from .support_encoder import SupportEncoder

__all__ = [
    'Attention',
    'AutoregressiveDecoder',
    'AutoregressiveLayer',
    'CoordinateEmbedding',
    'DecoderContext',
    'DecoderOutput',
    'EncodedEpisodes',
    'FeedForward',
    'KeyValue',
    'LocalAttention',
    'Proposal',
    'RefinementLayer',
    'SimilarityProposal',
    'SkeletonMixing',
    'StepMemory',
    'SupportEncoder',
    'grid_points',
    'most_certain_first',
    'reorder',
    'rotate_batch',
    'rotate_members',
    'sample_features',
]
