# Copyright (c) cape_mm contributors. All rights reserved.
from .affine_prior import AffinePrior, add_prior
from .autoregressive_decoder import (
    AutoregressiveDecoder,
    DecoderContext,
    DecoderOutput,
)
from .deformable_point_decoder import (
    DecodedPoints,
    DeformablePointDecoder,
    layer_slack,
)
from .edge_predictor import EdgePredictor, random_walks
from .gated_matching import GatedMatching, Match
from .graph_convolution import (
    GraphConvolution,
    GraphFeedForward,
    normalize_edges,
)
from .heatmap_pooling import (
    HeatmapProfiles,
    heatmap_profiles,
    pool_features,
    pool_supports,
    resized_heatmaps,
)
from .joint_encoder import JointEncoder
from .keypoint_attention_refiner import (
    GlobalKeypointPerceptor,
    KeypointAttentionRefiner,
    RefinedAttentionLayer,
)
from .keypoint_template import KeypointTemplate
from .masked_refinement import MaskedRefinement
from .refinement_decoder import Guidance, Refinement, RefinementDecoder
from .similarity_proposal import Proposal, SimilarityProposal
from .sine_position import sine_code, sine_grid, sine_identifiers, sine_points
from .spring_model import SpringModel, connect_keypoints
from .support_encoder import SkeletonMixing, SupportEncoder
from .support_views import SupportViews

__all__ = [
    'AffinePrior',
    'AutoregressiveDecoder',
    'DecodedPoints',
    'DecoderContext',
    'DecoderOutput',
    'DeformablePointDecoder',
    'EdgePredictor',
    'GatedMatching',
    'GlobalKeypointPerceptor',
    'GraphConvolution',
    'GraphFeedForward',
    'Guidance',
    'HeatmapProfiles',
    'JointEncoder',
    'KeypointAttentionRefiner',
    'KeypointTemplate',
    'MaskedRefinement',
    'Match',
    'Proposal',
    'RefinedAttentionLayer',
    'Refinement',
    'RefinementDecoder',
    'SimilarityProposal',
    'SkeletonMixing',
    'SpringModel',
    'SupportEncoder',
    'SupportViews',
    'add_prior',
    'connect_keypoints',
    'heatmap_profiles',
    'layer_slack',
    'normalize_edges',
    'pool_features',
    'pool_supports',
    'random_walks',
    'resized_heatmaps',
    'sine_code',
    'sine_grid',
    'sine_identifiers',
    'sine_points',
]
