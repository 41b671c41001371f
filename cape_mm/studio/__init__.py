# Copyright (c) cape_mm contributors. All rights reserved.
"""Label one image, predict the rest, correct, keep: a page in the browser."""
