# Copyright (c) cape_mm contributors. All rights reserved.
"""Diagnostics of track queries."""

from __future__ import annotations

from typing import Iterable, Iterator

from ..rule import LOG_RULES, Message
from .log_file import LogLine, Values, lasting

#: Fewer track queries per clip than this are none.
NONE = 0.05
#: So many are enough for shares of them to mean something.
SOME = 0.5
#: Shares of track queries with a person.
FEW, HALF, NEARLY_ALL = 0.1, 0.5, 0.98
#: Share of the persons that track queries have.
FEW_TRACKED = 0.2
#: Least healthy share of kept identities.
KEPT = 0.5
#: L1 of track queries, in [0, 1] of the input, and as a multiple of the L1 of
#: detect queries: drifted, and elsewhere.
DRIFTED, DRIFTED_TIMES = 0.01, 2
ELSEWHERE, ELSEWHERE_TIMES = 0.04, 3


@LOG_RULES.error(
    'If loss_cls still falls, wait until scores reach the selection threshold '
    'of the TrackQuerySampler, lower score_thr, or set matched_always=True. '
    'Otherwise check that clips have at least 2 windows and that '
    'p_false_negative is not 1.',
    'No queries are handed over from window to window: tracking is not '
    'trained. The trk_* values of these lines are old ones.',
    reads=('n_trk', 'n_det_pos'),
)
@lasting
def no_tracks(v: Values) -> Iterator[str]:
    """``n_trk`` below {NONE:g} while there are persons."""
    if v['n_trk'] < NONE and v['n_det_pos'] > 0:
        yield f'n_trk is {v["n_trk"]:.3g}, n_det_pos {v["n_det_pos"]:.3g}'


@LOG_RULES.error(
    'Check track_ids in the data (-1 is unknown) and, with code of your own, '
    'who hands them over: the assignment of the last decoder layer, '
    'not that of the proposals. If identities are right, the selection '
    'threshold lets mistakes through.',
    'Queries are handed over, but get no persons: their identities are not '
    'those of the persons of the next window.',
    reads=('n_trk_pos', 'n_trk'),
)
@lasting
def tracks_without_persons(v: Values) -> Iterator[str]:
    """``n_trk`` at least {SOME:g}, less than {FEW:.0%} with a person."""
    if v['n_trk'] >= SOME and _share(v) < FEW:
        yield _describe_share(v)


@LOG_RULES.warning(
    'Raise score_thr of the TrackQuerySampler, lower p_false_positive or '
    'max_gap of the dataset.',
    'More than half of the track queries are mistakes or persons who have '
    'left: training sees little tracking.',
    reads=('n_trk_pos', 'n_trk'),
)
@lasting
def mostly_mistakes(v: Values) -> Iterator[str]:
    """``n_trk`` at least {SOME:g}, {FEW:.0%} to {HALF:.0%} with a person."""
    if v['n_trk'] >= SOME and FEW <= _share(v) < HALF:
        yield _describe_share(v)


@LOG_RULES.warning(
    'Raise p_false_positive of the TrackQuerySampler, keep keep_vanished=True '
    'and raise max_gap of the dataset, so that persons leave between '
    'windows.',
    'Track queries are hardly ever background. What does not occur in '
    'training is not learned: in test, tracks of persons who left will not '
    'end.',
    reads=('n_trk_pos', 'n_trk'),
)
@lasting
def tracks_never_wrong(v: Values) -> Iterator[str]:
    """``n_trk`` at least {SOME:g}, over {NEARLY_ALL:.0%} with a person."""
    if v['n_trk'] >= SOME and _share(v) > NEARLY_ALL:
        yield _describe_share(v)


@LOG_RULES.warning(
    'Lower score_thr of the TrackQuerySampler, lower p_false_negative, or set '
    'matched_always=True; a young training needs time first.',
    'n_trk_pos + n_det_pos is the number of persons. Most of them come to '
    'detect queries anew in each window.',
    reads=('n_trk_pos', 'n_trk', 'n_det_pos'),
)
@lasting
def few_persons_tracked(v: Values) -> Iterator[str]:
    """Track queries with less than {FEW_TRACKED:.0%} of the persons."""
    share = v['n_trk_pos'] / max(v['n_trk_pos'] + v['n_det_pos'], 1e-9)
    if v['n_trk'] >= NONE and _share(v) >= FEW and share < FEW_TRACKED:
        yield f'track queries have {_percent(share)} of the persons'


@LOG_RULES.warning(
    'Raise p_false_negative of the TrackQuerySampler.',
    'Track queries have all persons. Detect queries do not learn to find '
    'a person who comes in beside those who are tracked.',
    reads=('n_det_pos', 'n_trk_pos'),
)
@lasting
def no_births(v: Values) -> Iterator[str]:
    """``n_det_pos`` below {NONE:g} with ``n_trk_pos`` at least {SOME:g}."""
    if v['n_trk_pos'] >= SOME and v['n_det_pos'] < NONE:
        yield (
            f'n_det_pos is {v["n_det_pos"]:.3g}, n_trk_pos '
            f'{v["n_trk_pos"]:.3g}'
        )


@LOG_RULES.error(
    'Check trk_kpt_l1 first: if track queries stand elsewhere, that is the '
    'cause, and a larger bonus would only hide it. If it is near '
    'det_kpt_l1, set track_bonus=-50 or mode="hard" of the assigner: with a '
    'KeypointL1Cost of weight 70, -10 is overruled by 0.14 of the image.',
    'Most track queries do not get the person they came with.',
    reads=('trk_id_con', 'n_trk'),
)
@lasting
def identities_lost(v: Values) -> Iterator[str]:
    """``trk_id_con`` below {KEPT:g}."""
    if v['n_trk'] >= NONE and v['trk_id_con'] < KEPT:
        yield f'trk_id_con is {v["trk_id_con"]:.3g}'


@LOG_RULES.error(
    'Check in this order: the windows of a clip share one geometric '
    'augmentation; track_ids are filtered together with boxes and keypoints; '
    'the hand-over takes poses and identities of the same queries; only then '
    'the bonus, which can force a query onto a far person.',
    'Track queries are given persons they do not stand at. A pose that is one '
    'frame old is wrong by about 0.01 of the image, so this is not '
    'staleness and does not heal.',
    reads=('trk_kpt_l1', 'n_trk', 'det_kpt_l1'),
)
@lasting
def tracks_elsewhere(v: Values) -> Iterable[str]:
    """``trk_kpt_l1`` over {ELSEWHERE:g}, {ELSEWHERE_TIMES} x detect's."""
    return _far_tracks(v, ELSEWHERE, ELSEWHERE_TIMES)


@LOG_RULES.warning(
    'Raise reference_jitter of the TrackQuerySampler (0.02 is a start) and '
    'the number of windows to 3; in test, re-anchor tracks on proposals.',
    'Propagated poses lag behind those that are found anew. Over many frames '
    'the lag adds up.',
    reads=('trk_kpt_l1', 'n_trk', 'det_kpt_l1'),
)
def tracks_drift(lines: list[LogLine]) -> Iterable[Message]:
    """``trk_kpt_l1`` over {DRIFTED:g}, {DRIFTED_TIMES} x detect's."""
    if any(tracks_elsewhere(lines)):
        return []
    return lasting(lambda v: _far_tracks(v, DRIFTED, DRIFTED_TIMES))(lines)


def _share(v: Values) -> float:
    """Share of the track queries that have a person."""
    return v['n_trk_pos'] / max(v['n_trk'], 1e-9)


def _percent(share: float) -> str:
    return f'{100 * share:.3g} %'


def _describe_share(v: Values) -> str:
    return (
        f'n_trk_pos {v["n_trk_pos"]:.3g} is {_percent(_share(v))} of n_trk '
        f'{v["n_trk"]:.3g}'
    )


def _far_tracks(v: Values, limit: float, times: float) -> Iterator[str]:
    """L1 of track queries above a limit and a multiple of detect queries'."""
    track, detect = v['trk_kpt_l1'], v['det_kpt_l1']
    if v['n_trk'] >= NONE and track > limit and track > times * detect:
        yield (
            f'trk_kpt_l1 {track:.3g}, {_percent(track)} of the image, is '
            f'{track / max(detect, 1e-9):.3g} times det_kpt_l1 {detect:.3g}'
        )
