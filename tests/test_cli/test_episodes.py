# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
from mmengine.config import Config
from support.tiny_cape import write_tiny_cape

from cape_mm.cli.episodes import build_dataset


def test_data_of_a_mode_are_built(tmp_path):
    cfg = Config.fromfile(str(write_tiny_cape(tmp_path).config))
    assert len(build_dataset(cfg, 'val')) == 5
    cfg.val_dataloader = None
    with pytest.raises(ValueError, match='no val_dataloader'):
        build_dataset(cfg, 'val')
