# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules on annotations and splits; importing them fills ``CONFIG_RULES``."""

# isort: off
# in the order in which their rules are applied and listed
from . import splits
from . import annotations
from . import anatomy

__all__ = ['anatomy', 'annotations', 'splits']
