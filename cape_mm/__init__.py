# Copyright (c) cape_mm contributors. All rights reserved.
from .openmmlab_versions import check_openmmlab
from .version import __version__

check_openmmlab()

__all__ = ['__version__']
