# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import logging
from itertools import chain
from typing import Mapping, Sequence

import numpy as np
from mmdet.evaluation.metrics.base_video_metric import BaseVideoMetric
from mmengine.logging import print_log

from cape_mm.datasets.formats.posetrack import (
    PoseTrackWriter,
    check_exportable,
)
from cape_mm.registry import METRICS

from ..result_tables import (
    check_dump_file,
    format_table,
    write_result_files,
)
from .posetrack_frames import PoseTrackFrame, group_videos, read_frame
from .posetrack_report import count_videos, report_counts, score_rows
from .posetrack_scores import SCORES, compare_video, score_videos

_HEADLINE = 0.5


@METRICS.register_module()
class PoseTrackMetric(BaseVideoMetric):
    """Poses and identities in videos, by the measures of PoseTrack.

    All scores are fractions (0.72, not 72). A predicted keypoint matches a
    labelled one if their distance is at most ``threshold`` times the size of
    the labelled head, 0.6 times the diagonal of the head box. Each keypoint
    (nose, left wrist, ...) is measured on its own.

    Keys at threshold 0.5, with a suffix such as ``AP@1.0`` at any other, all
    explained in ``docs/en/pose_tracking_metric.md`` with the rules that
    decide about the numbers:

    - ``AP``, mean over keypoints;
    - ``MOTA``, ``MOTP``, ``precision``, ``recall``: CLEAR MOT, mean over
      keypoints; MOTP is 1 - mean distance of the matches in head sizes;
    - ``IDSW``: identity switches in all videos, mean over keypoints;
    - ``IDF1``, mean over keypoints;
    - ``HOTA``, ``DetA``, ``AssA``: keypoint HOTA with the similarity
      1 - distance / threshold and the matching of PoseTrack21's kit, over all
      keypoints together. Each match has the same weight; in the kit each
      keypoint has the same weight in the AssA of a video, even without any
      match, so that its total is a little lower.

    Counts are added over videos before a score is computed. A keypoint that
    is never labelled is not scored.

    Every frame is a dictionary like ``PoseDataSample.to_dict()``, with
    the metainfo ``video_id`` (str), ``frame_id`` (int, index in the video),
    ``num_frames``, ``is_labeled``, ``img_path``, ``ori_shape`` and
    ``ignore_regions`` (list of (P, 2) polygons), and, all in original pixels,

    - ``gt_instances``: ``keypoints`` (N, K, 2), ``keypoints_visible`` (N, K),
      ``bbox_head`` (N, 4) as x1, y1, x2, y2, not cut at the border of the
      image, ``track_ids`` (N,), -1 where not known; only read where
      ``is_labeled``;
    - ``pred_instances``: ``keypoints`` (M, K, 2), NaN for a keypoint that
      is left out, ``keypoint_scores`` (M, K), ``keypoints_visible`` (M, K) in
      [0, 1], ``track_ids`` (M,), ``bbox_scores`` (M,).

    A data sample may also be a video or a part of one, with its frames in
    ``video_data_samples``. Frames may come in any order, but all
    ``num_frames`` of a video must come, once; frames without labels are not
    scored. Labelled frames without persons are scored, counted and mentioned:
    predictions in them are false positives.

    With ``poseval_compat`` these points are as in poseval:

    - Labelled frames without persons are left out, so that predictions in
      them cost nothing.
    - Labelled and predicted keypoints in ignore regions are both removed, and
      persons without other keypoints with them, instead of only forgiving
      predictions that match nothing.
    - CLEAR MOT leaves out the last frame of each video, and so all of a video
      with one frame.
    - CLEAR MOT of a frame with labels but without predictions, or the
      reverse, is one miss and one false positive of each keypoint.
    - A track that two persons were last matched with stays with the one
      listed first, not with the one matched more recently.
    - Predictions of equal score enter the AP in order of arrival, not
      together.
    - MOTP of a keypoint without any match is 0 and counts in the mean,
      instead of being left out.

    Not repeated: poseval's MOTP adds up more than the matches with newer
    versions of py-motmetrics; it takes a keypoint with coordinates for
    labelled even if v = 0; and a keypoint that is neither labelled nor
    predicted has an AP of 0 there. poseval has no IDF1 and no HOTA: here they
    use the same frames and keypoints, without the three points about CLEAR
    MOT.

    Args:
        thresholds (Sequence[float]): Largest distances of a match, head
            sizes; 0.5 is always added. Defaults to (0.5,).
        keypoint_score_thr (float): Least score of a predicted keypoint that
            takes part in all but AP, which uses all of them and their scores.
            Defaults to 0, all.
        visibility_thr (float): Least predicted visibility, likewise. Defaults
            to 0, all.
        poseval_compat (bool): Repetition of poseval's rules above. Defaults
            to False.
        align_tracks (bool): Matching for HOTA by whole tracks, as in its
            paper. Defaults to False, as in PoseTrack21's kit.
        keypoint_keys (Sequence[str]): Scores that are also returned for each
            keypoint, such as ``'AP'`` for ``AP_left_wrist``. Defaults to
            none; the logged table has all.
        dump_file (str, optional): ``.json`` file for all scores, also by
            video, with those by keypoint in a ``.csv`` file beside it.
            Overwritten by every evaluation.
        export_dir (str, optional): Folder for the predictions in the format
            of PoseTrack18, one file per video, also if nothing is labelled.
        export_all_keypoints (bool): Export also of keypoints below the
            thresholds, as is right for AP. Defaults to False, as is right for
            tracking.
        **kwargs: Other arguments of MMEngine's ``BaseMetric``.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        thresholds: Sequence[float] = (_HEADLINE,),
        keypoint_score_thr: float = 0.0,
        visibility_thr: float = 0.0,
        poseval_compat: bool = False,
        align_tracks: bool = False,
        keypoint_keys: Sequence[str] = (),
        dump_file: str | None = None,
        export_dir: str | None = None,
        export_all_keypoints: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.thresholds = sorted({_HEADLINE, *map(float, thresholds)})
        if self.thresholds[0] <= 0:
            raise ValueError(f'thresholds must be positive: {thresholds}')
        unknown = set(keypoint_keys) - set(SCORES)
        if unknown:
            raise ValueError(
                f'unknown keypoint_keys {sorted(unknown)}; there are {SCORES}'
            )
        check_dump_file(dump_file)
        self.keypoint_score_thr = keypoint_score_thr
        self.visibility_thr = visibility_thr
        self.poseval_compat = poseval_compat
        self.align_tracks = align_tracks
        self.keypoint_keys = tuple(keypoint_keys)
        self.dump_file = dump_file
        self.export_dir = export_dir
        self.export_all_keypoints = export_all_keypoints

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Read the frames of a batch.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Frames or videos.
        """
        options = (
            len(self._keypoint_names()),
            self.keypoint_score_thr,
            self.visibility_thr,
        )
        for sample in data_samples:
            frames = sample.get('video_data_samples', [sample])
            frames = (
                f if isinstance(f, dict) else f.to_dict() for f in frames
            )
            self.results.append([read_frame(f, *options) for f in frames])

    def compute_metrics(
        self, results: list[list[PoseTrackFrame]]
    ) -> dict[str, float]:
        """Write the predictions, compute all scores and log the tables.

        Args:
            results (list[list[PoseTrackFrame]]): Frames by data sample.

        Returns:
            dict[str, float]: See the description of the class. Empty if
            nothing is labelled and the predictions are exported.

        Raises:
            ValueError: If a video is not complete, or if nothing is labelled
                and there is no ``export_dir``.
        """
        videos = group_videos(chain.from_iterable(results))
        names = self._keypoint_names()
        if self.export_dir is not None:
            self._export(videos, names)
        counts = count_videos(videos, names)
        labelled = np.flatnonzero([counts['labels'][name] for name in names])
        if not len(labelled):
            text = (
                f'no keypoint is labelled in {counts["frames"]} frames: there '
                'is nothing to measure'
            )
            if self.export_dir is None:
                raise ValueError(
                    f'{text}; set export_dir to export the predictions alone'
                )
            print_log(text, logger='current', level=logging.WARNING)
            return {}
        compared = {
            video_id: compare_video(frames, labelled, self.poseval_compat)
            for video_id, frames in videos.items()
        }
        rules = self.poseval_compat, self.align_tracks
        scores = [
            score_videos(compared, threshold, *rules)
            for threshold in self.thresholds
        ]
        scored = [names[k] for k in labelled]
        tables = {
            one.threshold: score_rows(one, scored, counts['labels'])
            for one in scores
        }
        self._log(counts, tables)
        metrics = {}
        for one in scores:
            suffix = '' if one.threshold == _HEADLINE else f'@{one.threshold}'
            for score in SCORES:
                metrics[f'{score}{suffix}'] = one.total[score]
            for score in self.keypoint_keys:
                for name, value in zip(scored, one.keypoints[score]):
                    metrics[f'{score}_{name}{suffix}'] = float(value)
        if self.dump_file is not None:
            summary = dict(
                metrics=metrics,
                settings=dict(
                    keypoint_score_thr=self.keypoint_score_thr,
                    visibility_thr=self.visibility_thr,
                    poseval_compat=self.poseval_compat,
                    align_tracks=self.align_tracks,
                    thresholds=self.thresholds,
                ),
                counts=counts,
                by_joint={str(key): table for key, table in tables.items()},
                by_video={str(one.threshold): one.videos for one in scores},
            )
            rows = [
                dict(threshold=str(threshold), **row)
                for threshold, table in tables.items()
                for row in table
            ]
            write_result_files(self.dump_file, summary, rows)
        return metrics

    def _keypoint_names(self) -> list[str]:
        """Names of the K keypoints."""
        meta = self.dataset_meta or {}
        if 'keypoint_names' in meta:
            return list(meta['keypoint_names'])
        if 'keypoint_id2name' in meta:
            by_id = meta['keypoint_id2name']
            return [by_id[k] for k in range(len(by_id))]
        raise ValueError(
            'PoseTrackMetric needs keypoint_names or keypoint_id2name in the '
            'metainfo of the dataset'
        )

    def _log(self, counts: dict, tables: dict[float, list[dict]]) -> None:
        """Log the tables, the counts and what the labels lack."""
        for threshold, rows in tables.items():
            print_log(
                f'PoseTrack scores at PCKh {threshold:g}; a limb in brackets '
                'is the mean of its keypoints, IDSW of the total their mean, '
                f'too\n{format_table(rows)}',
                logger='current',
            )
        text, *warnings = report_counts(counts)
        print_log(text, logger='current')
        for text in warnings:
            print_log(text, logger='current', level=logging.WARNING)

    def _export(
        self,
        videos: Mapping[str, Sequence[PoseTrackFrame]],
        names: list[str],
    ) -> None:
        """Write one file per video."""
        check_exportable(names)
        for video_id, frames in videos.items():
            with PoseTrackWriter(self.export_dir, video_id, names) as writer:
                for frame in frames:
                    frame.write(writer, self.export_all_keypoints)
                writer.finish()
        print_log(
            f'predictions for {len(videos)} videos are in {self.export_dir}',
            logger='current',
        )
