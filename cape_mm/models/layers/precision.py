# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import torch
from torch import Tensor


def at_least_float32(value: Tensor) -> Tensor:
    """Leave half precision; float64 stays, so that gradients can be checked.

    Args:
        value (Tensor): Floating point.

    Returns:
        Tensor: float32 or float64.
    """
    return value if value.dtype == torch.float64 else value.float()
