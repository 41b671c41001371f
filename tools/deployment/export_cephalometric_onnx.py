# Copyright (c) cape_mm contributors. All rights reserved.
"""Write the network of a cephalometric model as an ONNX file, and compare it.

    python tools/deployment/export_cephalometric_onnx.py CHECKPOINT MODEL.onnx

The graph goes from image to heatmaps; they are decoded outside of it, by
the codec that the file's metadata name. The file is compared with PyTorch on
cephalograms (by default one that is drawn), and the program ends with 1 if
landmarks differ by more than `--tolerance` pixels.

Needs `pip install onnx onnxruntime`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cape_mm.cli.arguments import one_line_errors


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Write the network of a cephalometric model as an ONNX '
        'file, and compare it with PyTorch'
    )
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
        help=(
            'images or DICOM files to compare on (default: a drawn '
            'cephalogram)'
        ),
    )
    parser.add_argument(
        '--tolerance',
        type=float,
        default=0.05,
        help='largest difference of landmarks in pixels (default: 0.05)',
    )
    parser.add_argument(
        '--opset',
        type=int,
        default=17,
        help="version of ONNX's operators (default: 17)",
    )
    args = parser.parse_args()
    if not args.out.endswith('.onnx'):
        parser.error(f"the file to write must end in .onnx, not '{args.out}'")
    return args


def run(args: argparse.Namespace) -> None:
    """Export and compare."""
    from cape_mm.apis import CephInferencer
    from cape_mm.apis.onnx_export import compare_onnx, export_onnx
    from cape_mm.datasets.synthetic import draw_cephalogram

    inferencer = CephInferencer(args.checkpoint, args.config, device='cpu')
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    export_onnx(inferencer, args.out, args.opset)
    cephalograms = args.cephalograms or [
        draw_cephalogram(seed=0, number=0, split='test').image
    ]
    found = compare_onnx(inferencer, args.out, cephalograms)
    text = (
        f'{args.out}: on {len(cephalograms)} cephalogram(s) heatmaps differ '
        'by up to '
        f'{found["heatmaps"]:.2g}, scores by {found["scores"]:.2g}, landmarks '
        f'by {found["landmarks_px"]:.2g} pixels'
    )
    if found['landmarks_px'] > args.tolerance:
        sys.exit(f'{text}: more than {args.tolerance:g}')
    print(text)


def main() -> None:
    """Run, and end with one sentence when the user's input is wrong."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    from cape_mm.errors import UsageError

    with one_line_errors():
        try:
            run(args)
        except ImportError as error:  # onnx is optional
            raise UsageError(str(error)) from error


if __name__ == '__main__':
    main()
