# Copyright (c) cape_mm contributors. All rights reserved.
"""What losses, gradients and times tell."""

from __future__ import annotations

from math import inf, isfinite
from statistics import median

from ..log_file import LogLine
from ..rule import ERROR, WARNING, Trouble, lasting, rule, thirds

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


@rule(
    'not-finite',
    ERROR,
    'A number is NaN or infinite; what was learned before is lost.',
    'Go back to a checkpoint from before. Lower the learning rate or warm up '
    'longer; keep sigma_min of the flow losses above 0 and the flow in '
    'float32.',
    keys=('loss',),
)
def not_finite(lines: list[LogLine]) -> Trouble | None:
    """A loss or the gradient is NaN or infinite at the end."""

    def broken(values) -> list[str]:
        return [
            key
            for key, value in values.items()
            if ('loss' in key or key == 'grad_norm') and not isfinite(value)
        ]

    since = lasting(lines[-1:], lambda v: bool(broken(v)))
    if since is None:
        return None
    since = next(line for line in lines if broken(line.values))
    return Trouble(since, f'not finite: {", ".join(broken(since.values))}')


@rule(
    'gradient-explodes',
    ERROR,
    'The gradient is very large before clipping. Clipping keeps the step '
    'small, so that training goes on, but in the direction of few samples.',
    'Lower the learning rate, warm up longer, raise sigma_min or the initial '
    'sigma of the flow losses. Do not make the batch smaller: that makes '
    'gradients noisier. A norm that is always above max_norm is no fault with '
    'AdamW, whose steps do not depend on the scale of gradients.',
    keys=('grad_norm',),
)
def gradient_explodes(lines: list[LogLine]) -> Trouble | None:
    """The norm is above the limit and stays there."""
    since = lasting(lines, lambda v: not v['grad_norm'] <= EXPLODING)
    if since is None:
        return None
    usual = median(line.values['grad_norm'] for line in lines)
    return Trouble(
        since,
        f'grad_norm is {lines[-1].values["grad_norm"]:.4g}, above '
        f'{EXPLODING:g}; the median of the log is {usual:.4g}',
    )


@rule(
    'persons-not-found',
    WARNING,
    'The last decoder layer does not learn which queries are persons. It '
    'stays low from the start only with trained weights.',
    'Check boxes and keypoints of the data with browse_clips.py, then the '
    'learning rate and the weight of loss_cls.',
    keys=('loss_cls',),
)
def persons_not_found(lines: list[LogLine]) -> Trouble | None:
    """loss_cls has not fallen since the training began."""
    return _not_fallen(lines, 'loss_cls')


@rule(
    'proposals-not-found',
    WARNING,
    'The encoder does not learn where persons are: the queries start at '
    'random places.',
    'Check boxes and keypoints of the data with browse_clips.py; a frozen '
    'encoder cannot learn; raise the weight of enc_loss_cls.',
    keys=('enc_loss_cls',),
)
def proposals_not_found(lines: list[LogLine]) -> Trouble | None:
    """enc_loss_cls has not fallen since the training began."""
    return _not_fallen(lines, 'enc_loss_cls')


def _not_fallen(lines: list[LogLine], key: str) -> Trouble | None:
    if not _begins_untrained(lines[0]):
        return None
    parts = thirds(lines, key)
    first = lines[0].values[key]
    if parts is None or first <= 0 or not parts[-1] > STUCK * first:
        return None
    return Trouble(
        lines[0],
        f'{key} was {first:.4g} at first and is {parts[-1]:.4g} in the last '
        'third',
    )


def _begins_untrained(first: LogLine) -> bool:
    """Whether losses can be expected to fall from here on."""
    if first.epoch > 1 or first.iteration > START:
        return False
    # Weights of the loss differ between configs, distances do not.
    return not first.values.get('det_kpt_l1', inf) <= PRECISE


@rule(
    'keypoints-stuck',
    WARNING,
    'Keypoints are still imprecise, and the loss no longer falls.',
    'Raise the learning rate or the number of iterations; see that it is not '
    'the end of the schedule. Add the heat-map and L1 losses and the joint '
    'decoder from the first step. The clip norm alone does not do this with '
    'AdamW.',
    keys=('loss_kpt',),
    needs=('det_kpt_l1',),
)
def keypoints_stuck(lines: list[LogLine]) -> Trouble | None:
    """loss_kpt does not fall although keypoints are imprecise."""
    parts = thirds(lines, 'loss_kpt')
    if parts is None or not parts[2] > parts[1] - PROGRESS:
        return None
    distance = thirds(lines, 'det_kpt_l1')[2]
    if distance <= PRECISE:
        return None
    return Trouble(
        lines[-2 * (len(lines) // 3)],
        f'loss_kpt is {parts[2]:.4g} in the last third and was {parts[1]:.4g} '
        f'before it, with det_kpt_l1 at {distance:.3g}',
    )


@rule(
    'loss-rises',
    WARNING,
    'The total loss rises again.',
    'Lower the learning rate; look which of its parts rises. If several rise '
    'at once, look at grad_norm where it began.',
    keys=('loss',),
)
def loss_rises(lines: list[LogLine]) -> Trouble | None:
    """The last third is worse than the one before."""
    parts = thirds(lines, 'loss')
    if parts is None or not parts[2] > parts[1] + RISE * abs(parts[1]):
        return None
    best = min(lines, key=lambda line: line.values['loss'])
    return Trouble(
        best,
        f'loss was {best.values["loss"]:.4g} at best and is {parts[2]:.4g} in '
        'the last third',
    )


@rule(
    'layers-do-not-refine',
    WARNING,
    'The last decoder layer is worse than the first, with the same flow.',
    'See that references go on from layer to layer and that all layers have '
    'the same weight. A pose decoder that stays worse than its proposals '
    'gains from the heat-map loss.',
    keys=('loss_kpt',),
    needs=('d0.loss_kpt',),
)
def layers_do_not_refine(lines: list[LogLine]) -> Trouble | None:
    """The first layer's loss is lower than the last one's."""
    return _out_of_order(lines, 'd0.loss_kpt', 'loss_kpt')


@rule(
    'refinement-does-not-refine',
    WARNING,
    'The second layer of the joint decoder is worse than the first.',
    'Give it more iterations; compare the configuration without refinement. '
    'These values can only be compared with each other: pose decoder and '
    'proposals have flows of their own unless the config shares them.',
    keys=('d1.loss_kpt_refine',),
    needs=('d0.loss_kpt_refine',),
)
def refinement_does_not_refine(lines: list[LogLine]) -> Trouble | None:
    """The first refinement's loss is lower than the second one's."""
    return _out_of_order(lines, 'd0.loss_kpt_refine', 'd1.loss_kpt_refine')


def _out_of_order(
    lines: list[LogLine], early: str, late: str
) -> Trouble | None:
    since = lasting(lines, lambda v: v[late] > v[early] + WORSE)
    if since is None:
        return None
    now = lines[-1].values
    return Trouble(since, f'{late} {now[late]:.4g}, {early} {now[early]:.4g}')


@rule(
    'much-memory',
    WARNING,
    'More than 20 GB: little is left on a card of 24 GB, and clips with many '
    'persons need more.',
    'Run the first window without gradient, freeze with requires_grad=False '
    '(a learning rate of 0 saves nothing), use smaller images, or '
    'checkpointing of an encoder that is trained.',
    keys=('memory',),
)
def much_memory(lines: list[LogLine]) -> Trouble | None:
    """Memory is above the limit."""
    since = lasting(lines, lambda v: v['memory'] > MUCH_MEMORY)
    if since is None:
        return None
    now = lines[-1].values['memory']
    return Trouble(since, f'memory is {now:.0f} MB')


@rule(
    'waits-for-data',
    WARNING,
    'Most of the time goes into waiting for images.',
    'Raise num_workers of the training data, keep persistent_workers=True, '
    'store smaller images.',
    keys=('data_time',),
    needs=('time',),
)
def waits_for_data(lines: list[LogLine]) -> Trouble | None:
    """Waiting takes most of the time."""
    since = lasting(lines, lambda v: v['data_time'] > WAITING * v['time'])
    if since is None:
        return None
    now = lines[-1].values
    return Trouble(
        since, f'data_time is {now["data_time"]:.3g} of {now["time"]:.3g} s'
    )
