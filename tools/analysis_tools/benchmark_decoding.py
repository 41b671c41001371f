# Copyright (c) cape_mm contributors. All rights reserved.
"""Compare the time of autoregressive and parallel prediction.

    python tools/analysis_tools/benchmark_decoding.py CONFIG [CONFIG ...]

The whole prediction of one query from one support is timed: backbone, support
encoder, decoder. Weights are random, and those that begin with zeros too:
with zeros, no keypoint would depend on another one. Both kinds of decoding
take turns, so that a change of the machine's speed meets both alike. Decoding
with a cache is also compared with decoding all steps anew.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Callable

# the checkout, where this is one
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Time autoregressive against parallel prediction'
    )
    parser.add_argument('configs', nargs='+', help='config files')
    parser.add_argument('--keypoints', type=int, default=17)
    parser.add_argument(
        '--input-size', type=int, default=256, help='side in pixels'
    )
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=20)
    return parser.parse_args()


def build_model(config: str):
    """The config's model with random weights, none of them zero.

    Args:
        config (str): Config file.

    Returns:
        CapeEstimator: In evaluation mode.
    """
    import torch
    from mmengine.config import Config
    from mmengine.registry import MODELS, init_default_scope

    cfg = Config.fromfile(config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    cfg.model.backbone.pop('init_cfg', None)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    with torch.no_grad():
        for parameter in model.head.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return model.eval()


def random_episode(num_keypoints: int, side: int):
    """One support and one query without meaning.

    Args:
        num_keypoints (int): Keypoints K of a chain.
        side (int): Of the input, in pixels.

    Returns:
        Tuple[Dict[str, Tensor], EpisodeBatch]: Input of the model.
    """
    import torch

    from cape_mm.structures import EpisodeBatch

    valid = torch.ones(1, 1, num_keypoints, dtype=torch.bool)
    chain = torch.ones(num_keypoints - 1, dtype=torch.bool).diag(1)
    batch = EpisodeBatch(
        torch.rand(1, 1, num_keypoints, 2),
        valid,
        torch.rand(1, 1, num_keypoints, 2),
        valid,
        (chain | chain.T).unsqueeze(0),
    )
    names = ('support', 'query')
    return {name: torch.randn(1, 1, 3, side, side) for name in names}, batch


def time_in_turns(
    functions: dict[str, Callable[[], object]], repeats: int
) -> dict[str, float]:
    """Median time of each function, called in turns.

    Args:
        functions (Dict[str, Callable]): What to time.
        repeats (int): Calls of each, after one that is not counted.

    Returns:
        Dict[str, float]: Milliseconds.
    """
    times = {name: [] for name in functions}
    for _ in range(repeats + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(t[1:]) for name, t in times.items()}


def uncached_difference(decoder, context) -> float:
    """Largest difference between decoding with a cache and without.

    Args:
        decoder (AutoregressiveDecoder): Of the model.
        context (DecoderContext): Of one query.

    Returns:
        float: In units of the input's side.
    """
    import torch

    points = torch.zeros_like(context.reference[:, :-1])
    for i in range(points.shape[1]):
        output = decoder(context, points, context.valid[:, :-1])
        points[:, i] = output.last_points()[:, i]
    return (decoder.generate(context) - points).abs().max().item()


def compare(model, inputs: dict, batch, repeats: int) -> dict[str, float]:
    """Time both kinds of prediction.

    Args:
        model (CapeEstimator): In evaluation mode.
        inputs (Dict[str, Tensor]): Its input.
        batch (EpisodeBatch): Labels of the supports.
        repeats (int): Calls of each kind.

    Returns:
        Dict[str, float]: Milliseconds by kind, and ``difference`` between
        decoding with and without a cache.
    """
    import torch

    def predict(autoregressive: bool) -> None:
        model.head.autoregressive = autoregressive
        model.head(*model.extract_feat(inputs), batch)

    with torch.inference_mode():
        result = time_in_turns(
            {
                'parallel': lambda: predict(False),
                'autoregressive': lambda: predict(True),
            },
            repeats,
        )
        encoded = model.head.encode(*model.extract_feat(inputs), batch)
        result['difference'] = uncached_difference(
            model.head.decoder, encoded.context
        )
    return result


def main() -> None:
    """Time all configs."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    import torch

    torch.set_num_threads(args.threads)
    print(
        f'{args.threads} threads, {args.keypoints} keypoints, '
        f'{args.input_size} x {args.input_size}, median of {args.repeats}'
    )
    print('ms: parallel | autoregressive | ratio | cached - uncached')
    for config in args.configs:
        inputs, batch = random_episode(args.keypoints, args.input_size)
        row = compare(build_model(config), inputs, batch, args.repeats)
        parallel, autoregressive = row['parallel'], row['autoregressive']
        print(
            f'{parallel:.1f} | {autoregressive:.1f} | '
            f'{autoregressive / parallel:.3f} | {row["difference"]:.1e} | '
            f'{config}'
        )


if __name__ == '__main__':
    main()
