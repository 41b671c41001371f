# Copyright (c) cape_mm contributors. All rights reserved.
from .affine_prior import AffinePrior, add_prior
from .autoregressive_decoder import (
    AutoregressiveDecoder,
    DecoderContext,
    DecoderOutput,
)
from .keypoint_template import KeypointTemplate
from .similarity_proposal import Proposal, SimilarityProposal
from .spring_model import SpringModel, connect_keypoints
from .support_encoder import SkeletonMixing, SupportEncoder
from .support_views import SupportViews

__all__ = [
    'AffinePrior',
    'AutoregressiveDecoder',
    'DecoderContext',
    'DecoderOutput',
    'KeypointTemplate',
    'Proposal',
    'SimilarityProposal',
    'SkeletonMixing',
    'SpringModel',
    'SupportEncoder',
    'SupportViews',
    'add_prior',
    'connect_keypoints',
]
