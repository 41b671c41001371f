# Copyright (c) cape_mm contributors. All rights reserved.
from .autoregressive_decoder import (
    AutoregressiveDecoder,
    DecoderContext,
    DecoderOutput,
)
from .decoder_layer import DecoderLayer, DecoderMemory
from .local_attention import LocalAttention
from .similarity_proposal import Proposal, SimilarityProposal
from .support_encoder import SkeletonMixing, SupportEncoder

__all__ = [
    'AutoregressiveDecoder',
    'DecoderContext',
    'DecoderLayer',
    'DecoderMemory',
    'DecoderOutput',
    'LocalAttention',
    'Proposal',
    'SimilarityProposal',
    'SkeletonMixing',
    'SupportEncoder',
]
