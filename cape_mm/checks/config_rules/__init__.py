# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules on configs, by subject; importing them fills ``CONFIG_RULES``."""

# isort: off
# in the order in which their rules are applied and listed
from . import input_geometry
from . import codec
from . import model
from . import pretrained_weights
from . import learning_rate
from . import metrics
from . import hooks

__all__ = [
    'codec',
    'hooks',
    'input_geometry',
    'learning_rate',
    'metrics',
    'model',
    'pretrained_weights',
]
