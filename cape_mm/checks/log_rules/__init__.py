# Copyright (c) cape_mm contributors. All rights reserved.
"""Rules on logs of pose tracking."""
