# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from importlib import import_module
from types import ModuleType


def import_extra(name: str) -> ModuleType:
    """Import a package of the extra ``annotation-tools``.

    Args:
        name (str): Name of the module.

    Returns:
        ModuleType: The module.

    Raises:
        ImportError: If it is missing, with the command that installs it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(
            f'this format needs {name} ({error}): '
            "pip install 'cape_mm[annotation-tools]'"
        ) from None
