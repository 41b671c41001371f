# Copyright (c) cape_mm contributors. All rights reserved.
"""Names of the parameters of other projects' checkpoints, as data.

``HEAD`` of a method maps the official head's names without prefix, and
``CHECKPOINT`` all names of an official file, to those of our model; methods
that share a head are in ``lineage``, backbones in ``backbones``. Where our
tensor is several official ones, the names carry the part, and
:func:`join_parts` joins the tensors::

    groups = lineage.CAPEFORMER.group(official)  # ours -> [official ones]
    ours = join_parts(
        {name: official[names[0]] for name, names in groups.items()}
    )
"""

from .name_map import NameMap, UnknownNameError, join_parts

__all__ = ['NameMap', 'UnknownNameError', 'join_parts']
