# Copyright (c) cape_mm contributors. All rights reserved.
from .annotations import (
    AnnotatedImage,
    AnnotatedInstance,
    Annotations,
    extent_of,
)
from .exporting import (
    WRITERS,
    check_is_empty,
    convert_annotations,
    export_annotations,
)
from .importing import (
    READERS,
    import_annotations,
    read_annotations,
    recognise_format,
)
from .mp100_folder import to_coco, write_mp100_folder
from .repairs import REPAIRS

__all__ = [
    'READERS',
    'REPAIRS',
    'WRITERS',
    'AnnotatedImage',
    'AnnotatedInstance',
    'Annotations',
    'check_is_empty',
    'convert_annotations',
    'export_annotations',
    'extent_of',
    'import_annotations',
    'read_annotations',
    'recognise_format',
    'to_coco',
    'write_mp100_folder',
]
