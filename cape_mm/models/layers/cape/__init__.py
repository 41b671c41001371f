# Copyright (c) cape_mm contributors. All rights reserved.
from .autoregressive_decoder import (
    AutoregressiveDecoder,
    DecoderContext,
    DecoderOutput,
)
from .similarity_proposal import Proposal, SimilarityProposal
from .support_encoder import SkeletonMixing, SupportEncoder

__all__ = [
    'AutoregressiveDecoder',
    'DecoderContext',
    'DecoderOutput',
    'Proposal',
    'SimilarityProposal',
    'SkeletonMixing',
    'SupportEncoder',
]
