# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules on logs of pose tracking; importing them fills ``LOG_RULES``."""

# in the order in which their rules are applied and listed
from . import tracks, training

__all__ = ['tracks', 'training']
