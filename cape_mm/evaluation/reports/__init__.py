# Copyright (c) cape_mm contributors. All rights reserved.
"""From numbers to tables and files."""
