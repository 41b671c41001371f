# Copyright (c) cape_mm contributors. All rights reserved.
"""Convert a checkpoint of a published CAPE method or of its backbone.

    python tools/model_converters/convert_cape_checkpoint.py \
        capeformer-split1-1shot-4c40dfd2_20230713.pth capeformer.pth

Method, size, shots and split are found in the file or its name, unless they
are given. Nothing of the file is run. The result holds its config:
`CapeInferencer('capeformer.pth')` works at once. docs/en/cape_methods.md says
where the authors publish their files and what to expect.

A pretrained backbone, DINOv2-S of Meta or SwinV2-T or -S of Microsoft, becomes
a file for `init_cfg`, to train EdgeCape, GraphCape or CapeX from:

    python tools/model_converters/convert_cape_checkpoint.py \
        dinov2_vits14_pretrain.pth dinov2-s.pth
    python tools/train.py CONFIG --cfg-options \
        model.backbone.init_cfg.type=Pretrained \
        model.backbone.init_cfg.checkpoint=dinov2-s.pth
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors, positive


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('checkpoint', help='checkpoint of the authors')
    parser.add_argument('out', help='checkpoint to write')
    parser.add_argument(
        '--method',
        help='such as capeformer, graphcape, graphcape-s, edgecape-stage1, '
        'pomnet, dinov2-s (default: found by the names of the weights)',
    )
    parser.add_argument(
        '--shots', type=positive, help="default: the file's, else 1"
    )
    parser.add_argument(
        '--split', type=positive, help="default: the file's, else 1"
    )
    parser.add_argument(
        '--descriptions', metavar='FILE', help='table of CapeX, .npz'
    )
    return parser.parse_args()


def main() -> None:
    """Convert, and print what has become of the parameters."""
    args = parse_args()

    # imported late: `-h` answers at once
    from cape_mm.cli.checkpoint_conversion import convert_checkpoint

    with one_line_errors():
        convert_checkpoint(args)


if __name__ == '__main__':
    main()
