# Copyright (c) cape_mm contributors. All rights reserved.
"""Write the network of a cephalometric model as an ONNX file, and compare it.

    python tools/deployment/export_cephalometric_onnx.py CHECKPOINT MODEL.onnx

The graph goes from image to heatmaps; they are decoded outside of it, by
the codec that the file's metadata name. The file is compared with PyTorch on
cephalograms (by default a synthetic one), and the program ends with 1 if
landmarks differ by more than `--tolerance` pixels.

Needs `pip install onnx onnxruntime`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import amount, one_line_errors, positive


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('out', help='file to write, *.onnx')
    parser.add_argument(
        '--config', help='config file (default: stored in the checkpoint)'
    )
    parser.add_argument(
        '--cephalograms',
        '--films',
        nargs='+',
        metavar='CEPHALOGRAM',
        help='images or DICOM files to compare on (default: a synthetic '
        'cephalogram)',
    )
    parser.add_argument(
        '--tolerance',
        type=amount,
        default=0.05,
        help='largest difference of landmarks in pixels (default: 0.05)',
    )
    parser.add_argument(
        '--opset',
        type=positive,
        default=17,
        help="version of ONNX's operators (default: 17)",
    )
    args = parser.parse_args()
    if not args.out.endswith('.onnx'):
        parser.error(f"the file to write must end in .onnx, not '{args.out}'")
    return args


def main() -> None:
    """Export and compare."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.cli.demos import export_cephalometric_onnx

    with one_line_errors():
        export_cephalometric_onnx(args)


if __name__ == '__main__':
    main()
