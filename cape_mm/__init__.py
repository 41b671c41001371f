# Copyright (c) cape_mm contributors. All rights reserved.
import os

from .environment import MAX_MEGAPIXELS, env
from .openmmlab_versions import check_openmmlab
from .version import __version__

check_openmmlab()

# OpenCV's limit, for the transforms of MMPose; it is read when cv2 is loaded.
os.environ.setdefault(
    'OPENCV_IO_MAX_IMAGE_PIXELS', str(MAX_MEGAPIXELS * 1_000_000)
)

__all__ = ['__version__', 'env']
