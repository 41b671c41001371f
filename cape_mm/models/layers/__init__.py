# Copyright (c) cape_mm contributors. All rights reserved.
from .attention import Attention, FeedForward, KeyValue
from .autoregressive_decoder import (
    AutoregressiveDecoder,
    DecoderContext,
    DecoderOutput,
)
from .coordinate_embedding import CoordinateEmbedding, grid_points
from .decoder_layer import DecoderLayer, LayerMemory
from .feature_sampling import sample_features
from .local_attention import LocalAttention
from .role_rotation import rotate_batch, rotate_members
from .similarity_proposal import Proposal, SimilarityProposal
from .skeleton_mixing import SkeletonMixing
from .support_encoder import SupportEncoder

__all__ = [
    'Attention',
    'AutoregressiveDecoder',
    'CoordinateEmbedding',
    'DecoderContext',
    'DecoderLayer',
    'DecoderOutput',
    'FeedForward',
    'KeyValue',
    'LayerMemory',
    'LocalAttention',
    'Proposal',
    'SimilarityProposal',
    'SkeletonMixing',
    'SupportEncoder',
    'grid_points',
    'rotate_batch',
    'rotate_members',
    'sample_features',
]
