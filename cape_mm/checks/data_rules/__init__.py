# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules on annotations and splits."""
