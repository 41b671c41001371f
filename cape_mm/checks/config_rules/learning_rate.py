# Copyright (c) cape_mm contributors. All rights reserved.
"""Whether the learning rate does what was meant in the time there is."""

from __future__ import annotations

from math import inf
from typing import Iterator

from ..rule import CONFIG_RULES, WARNING, Message
from ..training_config import TrainingConfig, type_name


@CONFIG_RULES.error(
    'Make the warm-up a small part of all iterations, such as 5 %: before '
    'its end the learning rate that was set is not reached.'
)
def warmup_length(config: TrainingConfig) -> Iterator[str | Message]:
    """A warm-up longer than the training; a warning above a third."""
    for scheduler, begin, end, total, unit in _timed(config, 'LinearLR'):
        if end >= total:
            start = scheduler.get('start_factor', 1 / 3)
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
    'Tie T_max to the length of the training: T_max=max_epochs, less what '
    'comes before.'
)
def cosine_period(config: TrainingConfig) -> Iterator[str]:
    """``T_max`` that does not fit the length of the training."""
    for scheduler, begin, end, total, unit in _timed(
        config, 'CosineAnnealing'
    ):
        period = scheduler.get('T_max') or end - begin
        slack = 0.02 * total
        if period == inf:
            continue
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


@CONFIG_RULES.error('Put the milestones before the end of the training.')
def milestones_beyond_end(config: TrainingConfig) -> Iterator[str]:
    """Steps after the end."""
    for scheduler, _, _, total, _ in _timed(config):
        milestones = scheduler.get('milestones', ())
        late = [str(m) for m in milestones if m >= total]
        if late:
            yield (
                f'{type_name(scheduler)} has milestones {", ".join(late)}, '
                f'the training ends at {total}'
            )


@CONFIG_RULES.warning(
    'Divide the learning rate by 10 to 100: with Adam every weight moves by '
    'about that much in each iteration, whatever the gradient.'
)
def learning_rate_high(config: TrainingConfig) -> Iterator[str]:
    """A learning rate of Adam above 0.01."""
    optimizer = (config.cfg.get('optim_wrapper') or {}).get('optimizer') or {}
    rate = optimizer.get('lr', 0)
    if type_name(optimizer).startswith('Adam') and rate > 0.01:
        yield f'the learning rate of {type_name(optimizer)} is {rate:g}'


def _timed(
    config: TrainingConfig, kind: str = ''
) -> Iterator[tuple[dict, float, float, int, str]]:
    """Schedulers of a kind with begin, end, length of training and unit."""
    for scheduler in config.schedulers:
        is_epochs = scheduler.get('by_epoch', True)
        total = config.max_epochs if is_epochs else config.total_iterations
        if type_name(scheduler).startswith(kind) and total is not None:
            begin, end = scheduler.get('begin', 0), scheduler.get('end', inf)
            unit = 'epochs' if is_epochs else 'iterations'
            yield scheduler, begin, end, total, unit
