# Copyright (c) cape_mm contributors. All rights reserved.
from . import track_rules, training_rules

__all__ = ['track_rules', 'training_rules']
