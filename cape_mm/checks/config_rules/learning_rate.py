# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether the learning rate does what was meant in the time there is."""

from __future__ import annotations

from typing import Iterator

from ..rule import CONFIG_RULES, WARNING, Message
from ..training_config import TrainingConfig, type_name


@CONFIG_RULES.error(
    'warmup-length',
    'Make the warm-up a small part of all iterations, such as 5 %: before '
    'its end the learning rate that was set is not reached.',
)
def warmup_length(config: TrainingConfig) -> Iterator[str | Message]:
    """A warm-up longer than the training; a warning above a third."""
    for scheduler in config.schedulers:
        kind = type_name(scheduler)
        total = _total(scheduler, config)
        start = scheduler.get('start_factor', 1 / 3)
        if kind != 'LinearLR' or total is None:
            continue
        begin = scheduler.get('begin', 0)
        end = scheduler.get('end', float('inf'))
        unit = 'epochs' if scheduler.get('by_epoch', True) else 'iterations'
        if end >= total:
            reached = start + (1 - start) * (total - begin) / (end - begin)
            yield (
                f'the warm-up of {end} {unit} is not over after the {total} '
                f'{unit} of the training: at most {reached:.0%} of the '
                'learning rate are reached'
            )
        elif end - begin > total / 3:
            yield Message(
                f'the warm-up takes {end - begin} of {total} {unit}', WARNING
            )


@CONFIG_RULES.error(
    'cosine-period',
    'Tie T_max to the length of the training: T_max=max_epochs, less what '
    'comes before.',
)
def cosine_period(config: TrainingConfig) -> Iterator[str]:
    """``T_max`` that does not fit the length of the training."""
    for scheduler in config.schedulers:
        total = _total(scheduler, config)
        if not type_name(scheduler).startswith('CosineAnnealing'):
            continue
        begin = scheduler.get('begin', 0)
        end = scheduler.get('end', float('inf'))
        period = scheduler.get('T_max') or end - begin
        if total is None or period == float('inf'):
            continue
        unit = 'epochs' if scheduler.get('by_epoch', True) else 'iterations'
        slack = 0.02 * total
        if begin + period > total + slack:
            yield (
                f'the cosine reaches its lowest point after {begin + period} '
                f'{unit}, the training ends after {total}: the learning rate '
                'never comes down'
            )
        elif begin + period < min(end, total) - slack:
            yield (
                f'the cosine reaches its lowest point after {begin + period} '
                f'of {total} {unit}: then the learning rate rises again'
            )


@CONFIG_RULES.error(
    'milestones-beyond-end',
    'Put the milestones before the end of the training.',
)
def milestones_beyond_end(config: TrainingConfig) -> Iterator[str]:
    """Steps after the end."""
    for scheduler in config.schedulers:
        total = _total(scheduler, config)
        late = [
            milestone
            for milestone in scheduler.get('milestones', ())
            if total is not None and milestone >= total
        ]
        if late:
            yield (
                f'{type_name(scheduler)} has milestones '
                f'{", ".join(map(str, late))}, the training ends at {total}'
            )


def _total(scheduler: dict, config: TrainingConfig) -> int | None:
    """Length of the training in the scheduler's unit."""
    if scheduler.get('by_epoch', True):
        return config.max_epochs
    return config.built.total_iterations
