# Copyright (c) cape_mm contributors. All rights reserved.
"""Losses, gradients, memory and times."""

from __future__ import annotations

from math import inf, isfinite
from statistics import median
from typing import Iterable, Iterator

from ..rule import LOG_RULES, Message
from .log_file import LogLine, Values, lasting, thirds

#: Norm of the gradient, before clipping.
EXPLODING = 200.0
#: A classification loss that keeps this share of its first value.
STUCK = 0.9
#: Last iteration, in the first epoch, at which a log can begin and still show
#: how the training began. Healthy trainings lose more than a tenth of these
#: losses after it; after iteration 200 not all of them do.
START = 100
#: Least progress of loss_kpt from one third of a log to the next, and the
#: distance, in [0, 1] of the input, from which standing still is no fault. A
#: log that begins with it is that of a model that was trained before.
PROGRESS, PRECISE = 0.02, 0.03
#: How much of the total loss it may rise from one third to the next.
RISE = 0.05
#: How much above an earlier layer's loss a later one's may be.
WORSE = 0.05
#: Megabytes.
MUCH_MEMORY = 20 * 1024
#: Share of the time that goes into waiting for data.
WAITING = 0.5


@LOG_RULES.error(
    'Go back to a checkpoint from before. Lower the learning rate or warm up '
    'longer; keep sigma_min of the flow losses above 0 and the flow in '
    'float32.',
    'A number is NaN or infinite; what was learned before is lost.',
    reads=('loss',),
)
def not_finite(lines: list[LogLine]) -> Iterator[Message]:
    """A loss or ``grad_norm`` that is NaN or infinite in the last line."""

    def broken(line: LogLine) -> list[str]:
        values = line.values.items()
        keys = [key for key, value in values if not isfinite(value)]
        return [key for key in keys if 'loss' in key or key == 'grad_norm']

    if broken(lines[-1]):
        first = next(filter(broken, lines))
        text = f'not finite: {", ".join(broken(first))}'
        yield Message(text, since=first.place)


@LOG_RULES.error(
    'Lower the learning rate, warm up longer, raise sigma_min or the initial '
    'sigma of the flow losses. Do not make the batch smaller: that makes '
    'gradients noisier. A norm that is always above max_norm is no fault with '
    'AdamW, whose steps do not depend on the scale of gradients.',
    'The gradient is very large before clipping. Clipping keeps the step '
    'small, so that training goes on, but in the direction of few samples.',
    reads=('grad_norm',),
)
def gradient_explodes(lines: list[LogLine]) -> Iterable[Message]:
    """``grad_norm`` above {EXPLODING:g}."""
    usual = median(line.values['grad_norm'] for line in lines)

    @lasting
    def explodes(v: Values) -> Iterator[str]:
        if not v['grad_norm'] <= EXPLODING:
            yield (
                f'grad_norm is {v["grad_norm"]:.4g}, above {EXPLODING:g}; the '
                f'median of the log is {usual:.4g}'
            )

    return explodes(lines)


@LOG_RULES.warning(
    'Check boxes and keypoints of the data with browse_clips.py, then the '
    'learning rate and the weight of loss_cls.',
    'The last decoder layer does not learn which queries are persons. It '
    'stays low from the start only with trained weights.',
    reads=('loss_cls',),
)
def persons_not_found(lines: list[LogLine]) -> Iterator[Message]:
    """``loss_cls`` still above {STUCK:.0%} of its first value."""
    return _not_fallen(lines, 'loss_cls')


@LOG_RULES.warning(
    'Check boxes and keypoints of the data with browse_clips.py; a frozen '
    'encoder cannot learn; raise the weight of enc_loss_cls.',
    'The encoder does not learn where persons are: the queries start at '
    'random places.',
    reads=('enc_loss_cls',),
)
def proposals_not_found(lines: list[LogLine]) -> Iterator[Message]:
    """``enc_loss_cls`` still above {STUCK:.0%} of its first value."""
    return _not_fallen(lines, 'enc_loss_cls')


def _not_fallen(lines: list[LogLine], key: str) -> Iterator[Message]:
    """A loss that is still at its first value in the last third."""
    line, parts = lines[0], thirds(lines, key)
    first = line.values[key]
    # of a trained model, or later on, losses need not fall; weights of the
    # loss differ between configs, distances do not
    is_trained = line.values.get('det_kpt_l1', inf) <= PRECISE
    is_late = line.epoch > 1 or line.iteration > START
    if parts is None or is_trained or is_late or first <= 0:
        return
    if parts[-1] > STUCK * first:
        yield Message(
            f'{key} was {first:.4g} at first and is {parts[-1]:.4g} in the '
            'last third',
            since=line.place,
        )


@LOG_RULES.warning(
    'Raise the learning rate or the number of iterations; make sure that '
    'it is not the end of the schedule. Add the heatmap and L1 losses and the '
    'keypoint decoder from the first step. The clip norm alone does not do '
    'this with AdamW.',
    'Keypoints are still imprecise, and the loss no longer falls.',
    reads=('loss_kpt', 'det_kpt_l1'),
)
def keypoints_stuck(lines: list[LogLine]) -> Iterator[Message]:
    """``loss_kpt`` falls < {PROGRESS:g}, ``det_kpt_l1`` over {PRECISE:g}."""
    parts = thirds(lines, 'loss_kpt')
    if parts is None or not parts[2] > parts[1] - PROGRESS:
        return
    distance = thirds(lines, 'det_kpt_l1')[2]
    if distance > PRECISE:
        yield Message(
            f'loss_kpt is {parts[2]:.4g} in the last third and was '
            f'{parts[1]:.4g} before it, with det_kpt_l1 at {distance:.3g}',
            since=lines[-2 * (len(lines) // 3)].place,
        )


@LOG_RULES.warning(
    'Lower the learning rate; find which of its parts rises. If several rise '
    'at once, check grad_norm where it began.',
    'The total loss rises again.',
    reads=('loss',),
)
def loss_rises(lines: list[LogLine]) -> Iterator[Message]:
    """``loss`` of the last third {RISE:.0%} above that of the second."""
    parts = thirds(lines, 'loss')
    if parts is None or not parts[2] > parts[1] + RISE * abs(parts[1]):
        return
    best = min(lines, key=lambda line: line.values['loss'])
    yield Message(
        f'loss was {best.values["loss"]:.4g} at best and is {parts[2]:.4g} in '
        'the last third',
        since=best.place,
    )


@LOG_RULES.warning(
    'Make sure that references go on from layer to layer and that all layers '
    'have the same weight. A pose decoder that stays worse than its proposals '
    'gains from the heatmap loss.',
    'The last decoder layer is worse than the first, with the same flow.',
    reads=('loss_kpt', 'd0.loss_kpt'),
)
@lasting
def layers_do_not_refine(v: Values) -> Iterable[str]:
    """``loss_kpt`` more than {WORSE:g} above ``d0.loss_kpt``."""
    return _out_of_order(v, 'd0.loss_kpt', 'loss_kpt')


@LOG_RULES.warning(
    'Give it more iterations; compare the configuration without refinement. '
    'These values can only be compared with each other: pose decoder and '
    'proposals have flows of their own unless the config shares them.',
    'The second layer of the keypoint decoder is worse than the first.',
    reads=('d1.loss_kpt_refine', 'd0.loss_kpt_refine'),
)
@lasting
def refinement_does_not_refine(v: Values) -> Iterable[str]:
    """``d1.loss_kpt_refine`` more than {WORSE:g} above that of ``d0``."""
    return _out_of_order(v, 'd0.loss_kpt_refine', 'd1.loss_kpt_refine')


def _out_of_order(v: Values, early: str, late: str) -> Iterator[str]:
    """A later layer's loss that is above an earlier one's."""
    if v[late] > v[early] + WORSE:
        yield f'{late} {v[late]:.4g}, {early} {v[early]:.4g}'


@LOG_RULES.warning(
    'Run the first window without gradient, freeze with requires_grad=False '
    '(a learning rate of 0 saves nothing), use smaller images, or '
    'checkpointing of an encoder that is trained.',
    'More than 20 GB: little is left on a card of 24 GB, and clips with many '
    'persons need more.',
    reads=('memory',),
)
@lasting
def much_memory(v: Values) -> Iterator[str]:
    """``memory`` above {MUCH_MEMORY} MB."""
    if v['memory'] > MUCH_MEMORY:
        yield f'memory is {v["memory"]:.0f} MB'


@LOG_RULES.warning(
    'Raise num_workers of the training data, keep persistent_workers=True, '
    'store smaller images.',
    'Most of the time goes into waiting for images.',
    reads=('data_time', 'time'),
)
@lasting
def waits_for_data(v: Values) -> Iterator[str]:
    """``data_time`` above {WAITING:.0%} of ``time``."""
    if v['data_time'] > WAITING * v['time']:
        yield f'data_time is {v["data_time"]:.3g} of {v["time"]:.3g} s'
