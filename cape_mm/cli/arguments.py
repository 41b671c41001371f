# Copyright (c) cape_mm contributors. All rights reserved.
"""Flags that tools share, their rules, and errors in one line.

Imports no PyTorch, so that ``-h`` and a wrong flag answer at once.
"""

from __future__ import annotations

import argparse
import errno
import os.path as osp
import sys
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Iterator, Sequence

from mmengine.config import DictAction

from cape_mm.errors import (
    DataError,
    MissingPackageError,
    UnsafeCheckpointError,
    UnsuitableCheckpointError,
    UsageError,
)

if TYPE_CHECKING:
    from cape_mm.checks.rule import Finding, RuleBook

#: Keys of ``cape_mm.datasets.formats.annotation_tools.WRITERS``.
EXPORT_FORMATS = (
    *('coco', 'coco-results', 'csv', 'deeplabcut'),
    *('labelme', 'mp100', 'sleap', 'yolo-pose'),
)
_STOPPED = 130  # what a shell reports after Ctrl-C
_USER_ERRORS = (
    *(DataError, UsageError, MissingPackageError),
    *(UnsafeCheckpointError, UnsuitableCheckpointError),
)
_ELSEWHERE = 'choose another place'
_REMEDIES = {
    errno.ENOSPC: f'free some space, or {_ELSEWHERE}',
    errno.EDQUOT: f'free some space, or {_ELSEWHERE}',
    errno.EACCES: f'change its permissions, or {_ELSEWHERE}',
    errno.EPERM: f'change its permissions, or {_ELSEWHERE}',
    errno.EROFS: _ELSEWHERE,
    errno.EFBIG: _ELSEWHERE,
    errno.ENOTDIR: f'a part of the path is a file, {_ELSEWHERE}',
    errno.EEXIST: _ELSEWHERE,
    errno.EISDIR: 'give a file',
    errno.ENOENT: 'correct the path',
}


def add_config(
    parser: argparse.ArgumentParser,
    checkpoint: bool = False,
    example: str | None = None,
) -> None:
    """Add ``config`` and ``--cfg-options``."""
    parser.add_argument('config', help='config file')
    if checkpoint:
        add_checkpoint(parser)
        add_device(parser)
    text = f', e.g. {example} key="[a,b]"; applied last' if example else ''
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=CfgOptions,
        metavar='KEY=VALUE',
        help=f'override settings of the config{text}',
    )


class CfgOptions(DictAction):
    """MMEngine's ``DictAction``, which ends with a sentence."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *_
    ) -> None:
        """Read ``KEY=VALUE`` of which values may be nested lists."""
        try:
            super().__call__(parser, namespace, values)
        except (AssertionError, ValueError) as error:
            raise argparse.ArgumentError(
                self,
                f'{" ".join(values)!r} is not KEY=VALUE ({error})',
            ) from None


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add ``checkpoint``, which a model without training does not need."""
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file or URL; not for a model of which nothing is '
        'trained',
    )


def add_annotated_images(parser: argparse.ArgumentParser) -> None:
    """Add ``data_root``, in the layout of MP-100, and ``--ann-files``."""
    parser.add_argument('data_root', type=Path, help='annotations/, images/')
    parser.add_argument(
        '--ann-files',
        nargs='+',
        metavar='FILE',
        help='annotation files in annotations/; default: all of them',
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    parser.add_argument('--device', help='e.g. cpu or cuda:0')


def add_inference(
    parser: argparse.ArgumentParser, out_dir: str, batch_size: int
) -> None:
    """Add what all demos have: config, output folder, device, batch size."""
    parser.add_argument(
        '--config', help='config file (default: stored in the checkpoint)'
    )
    parser.add_argument('--out-dir', default=out_dir)
    add_device(parser)
    parser.add_argument('--batch-size', type=positive, default=batch_size)


def add_annotation_files(parser: argparse.ArgumentParser) -> None:
    """Add what converters of annotation files share: what is read, where to.

    They are arguments of ``import_annotations`` and ``convert_annotations``.
    """
    parser.add_argument(
        'sources',
        nargs='+',
        type=Path,
        metavar='SOURCE',
        help='file of annotations or predictions, or folder of them',
    )
    parser.add_argument(
        '--out', type=Path, required=True, help='folder to write to'
    )
    parser.add_argument(
        '--image-root',
        type=Path,
        metavar='DIR',
        help='folder of the images (default: beside the source)',
    )
    parser.add_argument(
        '--category',
        metavar='NAME',
        help='the only category to keep; its name where the files have none',
    )
    parser.add_argument(
        '--images',
        choices=('link', 'copy'),
        default='link',
        help='how images come to --out (default: %(default)s)',
    )
    parser.add_argument(
        '--skeleton-base',
        choices=('auto', '0', '1'),
        default='auto',
        help='from what skeletons of COCO files count (default: recognised '
        'where an index proves it; files in MP-100 layout: 0)',
    )


def positive(text: str) -> int:
    """Positive integer, as a ``type`` of arguments."""
    return _number(text, int, 1)


def natural(text: str) -> int:
    """Integer that is not negative, as a ``type`` of arguments."""
    return _number(text, int, 0)


def amount(text: str) -> float:
    """Finite number above 0, as a ``type`` of arguments."""
    return _number(text, float, 1e-15)


def share(text: str) -> float:
    """Number from 0 to 1, as a ``type`` of arguments."""
    return _number(text, float, 0, 1)


def _number(
    text: str, kind: type, least: float, most: float = 1e15
) -> int | float:
    """Number of a kind between two limits, which are allowed."""
    try:
        value = kind(text)
    except ValueError:
        noun = 'whole number' if kind is int else 'number'
        raise argparse.ArgumentTypeError(f'{text!r} is no {noun}') from None
    if not least <= value <= most:
        limits = f'from {least} to {most:g}'
        raise argparse.ArgumentTypeError(f'is {text}, must be {limits}')
    return value


def add_browsing(parser: argparse.ArgumentParser, out_dir: str) -> None:
    """Add the flags of tools that draw the input of a model."""
    add_config(parser)
    parser.add_argument(
        '--mode', choices=['train', 'val', 'test'], default='train'
    )
    parser.add_argument(
        '--num', type=positive, default=12, help='how many, evenly chosen'
    )
    parser.add_argument(
        '--epoch', type=natural, default=0, help='epoch of training, from 0'
    )
    parser.add_argument(
        '--size', type=positive, default=256, help='panel, pixels'
    )
    parser.add_argument('--out-dir', default=out_dir, help='folder')


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a run: folders, images and launching."""
    parser.add_argument(
        '--work-dir',
        help='folder for logs and checkpoints (default: `work_dir` of the '
        'config, otherwise ./work_dirs/<config name>)',
    )
    parser.add_argument(
        '--show', action='store_true', help='show the images in a window'
    )
    parser.add_argument(
        '--show-dir',
        help='write images into this folder, exactly as given (relative to '
        'the current folder; no time stamp is added as MMPose does); those '
        'of validations have the epoch in their names',
    )
    parser.add_argument(
        '--interval',
        type=positive,
        default=1,
        help='draw every N-th query (default: 1)',
    )
    parser.add_argument(
        '--wait-time',
        type=float,
        default=1,
        help='seconds that a window stays (default: 1)',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how the processes of a distributed run are started',
    )
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        default=0,
        help=argparse.SUPPRESS,  # given by PyTorch's old launcher
    )


@contextmanager
def one_line_errors(when_stopped: str = '') -> Iterator[None]:
    """End the program with the message alone on Ctrl-C and wrong input.

    Wrong input is what our errors say, what the system refuses to read or
    write, and a config from which something cannot be built. Other errors are
    mistakes of the program and keep their traceback, as all do with
    ``python -X dev``.
    """
    name = osp.basename(sys.argv[0])
    try:
        yield
    except KeyboardInterrupt:
        print(f'{name}: stopped{when_stopped}', file=sys.stderr)
        sys.exit(_STOPPED)
    except Exception as error:
        text = None if sys.flags.dev_mode else explain(error)
        if text is None:
            raise
        sys.exit(f'{name}: error: {text}')


def explain(error: Exception) -> str | None:
    """What a user has to know of an error; None if the program is wrong."""
    text = str(error)
    if 'Traceback (most recent call last)' in text:
        # of a worker of a data loader
        text = text.rpartition(f'{type(error).__name__}: ')[-1].strip()
    if isinstance(error, _USER_ERRORS):
        return text
    if isinstance(error, OSError):
        if not error.strerror:
            return text
        name = error.filename or _name_of_file(error)
        place = f"'{name}': " if name else ''
        remedy = _REMEDIES.get(error.errno, '')
        return f'{place}{error.strerror}{remedy and f": {remedy}"}'
    from .config_mistakes import explain_build_error

    return explain_build_error(error)


def _name_of_file(error: OSError) -> str | None:
    """Name of the file that was written when an error came, if it is known."""
    for frame, _ in reversed(list(walk_tb(error.__traceback__))):
        for value in frame.f_locals.values():
            name = getattr(value, 'name', None)
            if hasattr(value, 'write') and isinstance(name, str):
                return name
    return None


def parse_rule_args(
    parser: argparse.ArgumentParser, subject: str
) -> argparse.Namespace:
    """Add the flags on rules, and read the command line."""
    parser.add_argument(
        '--list', action='store_true', help='print all rules and end'
    )
    parser.add_argument(
        '--table',
        action='store_true',
        help='print all rules as the table of the documentation and end',
    )
    parser.add_argument(
        '--strict', action='store_true', help='fail on warnings, too'
    )
    parser.add_argument(
        '--ignore', nargs='+', default=[], metavar='RULE', help='leave out'
    )
    args = parser.parse_args()
    if getattr(args, subject) is None and not (args.list or args.table):
        parser.error(f'{subject.upper()} or --list is needed')
    return args


def print_rules(args: argparse.Namespace, rules: RuleBook) -> bool:
    """Do what ``--list`` and ``--table`` ask for."""
    from cape_mm.checks import list_rules, rule_table

    if args.list or args.table:
        print(list_rules(rules) if args.list else rule_table(rules))
        return True
    try:
        rules.check_names(args.ignore)
    except KeyError as error:
        raise UsageError(error.args[0]) from None
    return False


def exit_with(findings: Sequence[Finding], strict: bool) -> None:
    """End with 1 if there are errors, or any findings if strict."""
    from cape_mm.checks import WARNING

    if any(strict or finding.severity != WARNING for finding in findings):
        sys.exit(1)
