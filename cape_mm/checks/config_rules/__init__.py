# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules on configs, by subject."""
