# Copyright (c) cape_mm contributors. All rights reserved.
"""Find keypoints of annotated images on other images.

With a list of points, separated by blanks (`-` where a point is not visible):

    python tools/demo/cape_demo.py CHECKPOINT --support mug1.jpg \
        --keypoints '52,40 90,61 -' --query mug2.jpg mug3.jpg

With a JSON file (see docs/en/custom_category.md), or an annotation file in
MP-100 layout:

    python tools/demo/cape_demo.py CHECKPOINT --json mugs.json

Writes one image per query and `predictions.json` into `--out-dir`.
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
        description='Find keypoints of annotated images on other images',
        epilog='docs/en/custom_category.md explains the JSON formats',
    )
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--config', help='config file (default: stored in the checkpoint)'
    )
    parser.add_argument('--json', help='request or annotation file')
    parser.add_argument(
        '--img-root', help='folder of the images that the JSON names'
    )
    parser.add_argument(
        '--category', type=int, help='category id in an annotation file'
    )
    parser.add_argument(
        '--support-ids', type=int, nargs='+', help='annotation ids'
    )
    parser.add_argument(
        '--query-ids', type=int, nargs='+', help='annotation ids'
    )
    parser.add_argument(
        '--support', nargs='+', metavar='IMAGE', help='annotated image(s)'
    )
    parser.add_argument(
        '--keypoints',
        nargs='+',
        metavar='"X,Y X,Y ..."',
        help='keypoints of each support in pixels, quoted; `-` for a point '
        'that is not visible',
    )
    parser.add_argument(
        '--query',
        nargs='+',
        metavar='IMAGE',
        help='images, or folders of them; replaces the queries of --json',
    )
    parser.add_argument(
        '--skeleton',
        nargs='+',
        default=[],
        metavar='I-J',
        help='pairs of keypoint numbers, counted from 0, e.g. 0-1 1-2',
    )
    parser.add_argument('--out-dir', default='work_dirs/cape_demo')
    parser.add_argument('--device', help='e.g. cpu or cuda:0')
    parser.add_argument('--batch-size', type=int, default=8)
    args = parser.parse_args()
    if bool(args.json) == bool(args.support):
        parser.error('give either --json or --support with --keypoints')
    if args.support and not (args.keypoints and args.query):
        parser.error('--support needs --keypoints and --query')
    return args


def parse_points(text: str) -> list[list[float] | None]:
    """Read `x,y x,y - ...`.

    Args:
        text (str): Points separated by blanks.

    Returns:
        list: ``[x, y]``, ``[x, y, v]`` or None for each point.

    Raises:
        UsageError: If something else is in it.
    """
    from cape_mm.errors import UsageError

    points = []
    for word in text.split():
        try:
            numbers = [] if word == '-' else word.split(',')
            points.append([float(x) for x in numbers] or None)
        except ValueError:
            raise UsageError(f'{word!r} is no point x,y') from None
    return points


def find_images(paths: list[str]) -> list[str]:
    """Replace folders by the images in them, sorted by name."""
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            kinds = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')
            files = [f for f in path.iterdir() if f.suffix.lower() in kinds]
            found += sorted(files)
        else:
            found.append(path)
    return [str(path) for path in found]


def build_request(args: argparse.Namespace):
    """Make the request of the command line."""
    from cape_mm.apis import EpisodeRequest, RequestMember, read_request
    from cape_mm.errors import UsageError

    if args.json:
        request = read_request(
            args.json,
            args.img_root,
            args.category,
            args.support_ids,
            args.query_ids,
        )
    else:
        if len(args.keypoints) != len(args.support):
            raise UsageError(
                f'{len(args.support)} supports and {len(args.keypoints)} '
                'lists of keypoints: quote each list as one argument'
            )
        request = EpisodeRequest(
            [
                RequestMember(image, parse_points(text))
                for image, text in zip(args.support, args.keypoints)
            ]
        )
    if args.skeleton:
        request.skeleton = [pair.split('-') for pair in args.skeleton]
    if args.query:
        request.queries = [
            RequestMember(path) for path in find_images(args.query)
        ]
    if not request.supports or not request.queries:
        raise UsageError('there must be at least one support and one query')
    return request


def predict(inferencer, request, batch_size: int):
    """Run the inferencer; yields (episode, index of the query)."""
    episodes = inferencer.predict_episodes(
        [member.image for member in request.supports],
        [member.keypoints for member in request.supports],
        [member.image for member in request.queries],
        skeleton=request.skeleton,
        keypoint_names=request.keypoint_names,
        category_name=request.category_name,
        support_boxes=[member.box for member in request.supports],
        query_boxes=[member.box for member in request.queries],
        batch_size=batch_size,
    )
    for episode in episodes:
        for index in range(len(episode.queries)):
            yield episode, index


def add_truth(query, keypoints: list | None) -> None:
    """Give a query its annotation, to be drawn beside the prediction."""
    import numpy as np

    from cape_mm.apis.member_loader import check_keypoints
    from cape_mm.errors import DataError

    if keypoints is None:
        return
    points = check_keypoints(keypoints, query.img_path)
    if len(points) != query.pred_instances.keypoints.shape[1]:
        raise DataError(
            f'{query.img_path} has {len(points)} annotated keypoints, the '
            f'support {query.pred_instances.keypoints.shape[1]}'
        )
    query.gt_instances.keypoints = points[None, :, :2]
    query.gt_instances.keypoints_visible = np.float32(points[None, :, 2] > 0)


def describe(query) -> dict:
    """One entry of ``predictions.json``."""
    result = query.pred_instances
    return dict(
        image=query.img_path,
        box=query.gt_instances.bboxes[0].tolist(),
        keypoints=result.keypoints[0].round(2).tolist(),
        scores=result.keypoint_scores[0].round(4).tolist(),
    )


def main() -> None:
    """Predict, draw and write."""
    args = parse_args()

    # imported late: `-h` and a wrong flag answer at once
    import mmengine

    from cape_mm.apis import CapeInferencer
    from cape_mm.visualization import EpisodeVisualizer

    with one_line_errors():
        request = build_request(args)
        inferencer = CapeInferencer(args.checkpoint, args.config, args.device)
        visualizer = EpisodeVisualizer()
        out_dir = Path(args.out_dir)
        entries = []
        results = predict(inferencer, request, args.batch_size)
        for number, (episode, index) in enumerate(results):
            query = episode.queries[index]
            add_truth(query, request.queries[number].keypoints)
            name = f'{number:04d}_{Path(query.img_path).stem}.png'
            visualizer.add_episode(
                name, episode, index, out_file=str(out_dir / name)
            )
            entries.append(dict(describe(query), visualization=name))
    out_file = out_dir / 'predictions.json'
    content = dict(
        category=episode.category_name,
        keypoint_names=episode.keypoint_names,
        skeleton=episode.skeleton,
        queries=entries,
    )
    mmengine.dump(content, out_file, indent=2)
    print(f'{len(entries)} image(s) and {out_file.name} are in {out_dir}')


if __name__ == '__main__':
    main()
