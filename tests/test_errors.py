# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import sys

import pytest

from cape_mm.errors import import_extra


def test_an_optional_module_is_imported():
    assert import_extra('json', 'json', 'a test') is sys.modules['json']


def test_a_missing_module_is_named_with_purpose_reason_and_command():
    with pytest.raises(ImportError) as error:
        import_extra('no_such_module', 'one two', 'the file a.xyz')
    assert str(error.value) == (
        'the file a.xyz needs no_such_module (No module named '
        "'no_such_module'): pip install one two"
    )
