# Copyright (c) cape_mm contributors. All rights reserved.
"""One function for each rule; importing this registers all of them."""

from importlib import import_module

#: Modules in the order in which their rules are applied and listed.
THEMES = (
    *('splits', 'annotations', 'anatomy', 'geometry', 'codec', 'model'),
    *('weights', 'schedule', 'hooks', 'monitoring', 'evaluation'),
)

for theme in THEMES:
    import_module(f'{__name__}.{theme}')
