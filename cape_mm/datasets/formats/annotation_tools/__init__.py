# Copyright (c) cape_mm contributors. All rights reserved.
from .annotations import (
    AnnotatedImage,
    AnnotatedInstance,
    Annotations,
    extent_of,
)
from .mp100_folder import to_coco, write_mp100_folder

__all__ = [
    'AnnotatedImage',
    'AnnotatedInstance',
    'Annotations',
    'extent_of',
    'to_coco',
    'write_mp100_folder',
]
