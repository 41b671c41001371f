# Copyright (c) cape_mm contributors. All rights reserved.
from .points import (
    CoordinateEmbedding,
    grid_points,
    read_peaks,
    sample_features,
)

__all__ = [
    'CoordinateEmbedding',
    'grid_points',
    'read_peaks',
    'sample_features',
]
