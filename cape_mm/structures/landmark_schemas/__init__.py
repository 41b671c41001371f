# Copyright (c) cape_mm contributors. All rights reserved.
"""Which landmarks each dataset has, in its own order and with its names."""

from . import (
    aariz,
    cephalogram,
    cl_detection,
    cl_detection_2024,
    document,
    isbi,
)
from .definitions import DEFINITIONS

#: Schema name -> its title, its source and (code, name) of each landmark.
LISTS = dict(
    document19=document,
    isbi2015=isbi,
    cl_detection38=cl_detection,
    aariz29=aariz,
    cl_detection53=cl_detection_2024,
    cephalogram23=cephalogram,
)

__all__ = ['DEFINITIONS', 'LISTS']
