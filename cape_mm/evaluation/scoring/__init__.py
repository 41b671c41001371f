# Copyright (c) cape_mm contributors. All rights reserved.
"""From data samples to numbers."""
