# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
import pytest

from cape_mm.datasets.formats.annotation_tools.collector import Collector


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('../000001.png', '000001.png'),
        ('a/../../b.png', 'b.png'),
        ('..', 'image.png'),
        ('clip/000001.png', 'clip/000001.png'),
    ],
)
def test_a_name_from_a_file_never_leads_out_of_a_folder(
    tmp_path, report, name, expected
):
    source = Collector(report).add_pixels(
        tmp_path / 'labels.slp', 0, name, (4, 3), lambda: np.zeros((3, 4, 3))
    )
    assert source.image.name == expected
