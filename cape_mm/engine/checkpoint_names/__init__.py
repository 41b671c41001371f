# Copyright (c) cape_mm contributors. All rights reserved.
"""Names of the parameters of other projects' checkpoints, as data.

A module a method. ``HEAD`` maps the official head's names without prefix,
``BACKBONE`` those of a backbone, ``CHECKPOINT`` all names of an official file
to those of our model. Where our tensor is several official ones, the names
carry the part, and :func:`join_parts` joins the tensors::

    groups = capeformer.CHECKPOINT.group(official)  # ours -> [official ones]
    ours = join_parts(
        {name: official[names[0]] for name, names in groups.items()}
    )
"""

from .name_map import NameMap, UnknownNameError, join_parts

__all__ = ['NameMap', 'UnknownNameError', 'join_parts']
