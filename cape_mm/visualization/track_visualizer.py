# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from copy import copy

import cv2
import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

from cape_mm.registry import VISUALIZERS

from .pose_panel import draw_keypoints, draw_skeleton
from .track_colors import track_colors

_DARK = (20, 20, 20)


@VISUALIZERS.register_module()
class TrackVisualizer(PoseLocalVisualizer):
    """Draw poses in the colours of their identities, with their numbers.

    The colour is a function of the track id alone, so a person keeps it over
    a video. Persons without ``track_ids`` are grey. ``add_datasample`` and its
    arguments are those of :class:`PoseLocalVisualizer`; ``kpt_thr`` is the
    least ``keypoints_visible`` of a joint that is drawn. The skeleton is set
    by ``set_dataset_meta``.
    """

    def draw_frame(
        self,
        image: np.ndarray,
        frame: PoseDataSample,
        kpt_thr: float = 0.3,
        draw_bbox: bool = False,
        kpt_score_thr: float = 0.0,
    ) -> np.ndarray:
        """Draw the predicted persons of a frame.

        Args:
            image (np.ndarray): (H, W, 3) uint8, RGB.
            frame (PoseDataSample): With ``pred_instances``.
            kpt_thr (float): Least visibility of a joint. Defaults to 0.3.
            draw_bbox (bool): Draw boxes, too. Defaults to False.
            kpt_score_thr (float): Least ``keypoint_scores`` of a joint.
                Defaults to 0, which leaves out none.

        Returns:
            np.ndarray: (H, W, 3) uint8, RGB, another array.
        """
        persons = frame.pred_instances
        if kpt_score_thr > 0:
            persons = _leave_out(persons, kpt_score_thr)
        drawn = self._draw_instances_kpts(image, persons, kpt_thr)
        if draw_bbox:
            drawn = self._draw_instances_bbox(drawn, persons)
        return drawn

    def _draw_instances_kpts(
        self,
        image: np.ndarray,
        instances: InstanceData,
        kpt_thr: float = 0.3,
        show_kpt_idx: bool = False,
        skeleton_style: str = 'mmpose',
    ) -> np.ndarray:
        """Draw all persons; hook of :class:`PoseLocalVisualizer`."""
        canvas = np.ascontiguousarray(image).copy()
        if 'keypoints' not in instances:
            return canvas
        points = np.asarray(instances.keypoints)
        visible = instances.get('keypoints_visible', np.ones(points.shape[:2]))
        # a joint that the model leaves out is NaN
        shown = (visible >= kpt_thr) & np.isfinite(points).all(axis=-1)
        ids = _track_ids(instances)
        for person, color in enumerate(track_colors(ids).tolist()):
            place, there = points[person], shown[person]
            same = np.repeat(np.uint8([color]), len(there), axis=0)
            draw_skeleton(canvas, place, there, self.skeleton or (), color)
            draw_keypoints(canvas, place, there, same)
            if ids[person] >= 0 and there.any():
                top = place[there][place[there][:, 1].argmin()]
                _write(canvas, str(ids[person]), top, color)
            if show_kpt_idx:
                for index in np.flatnonzero(there):
                    _write(canvas, str(index), place[index], color)
        return canvas

    def _draw_instances_bbox(
        self, image: np.ndarray, instances: InstanceData
    ) -> np.ndarray:
        """Draw all boxes; hook of :class:`PoseLocalVisualizer`."""
        canvas = np.ascontiguousarray(image).copy()
        if 'bboxes' not in instances:
            return canvas
        colors = track_colors(_track_ids(instances)).tolist()
        for box, color in zip(np.asarray(instances.bboxes), colors):
            if np.isfinite(box).all():
                corners = np.clip(box, -1e4, 1e4).round().astype(int).tolist()
                start, end = tuple(corners[:2]), tuple(corners[2:])
                cv2.rectangle(canvas, start, end, color, _unit(canvas))
        return canvas


def _leave_out(instances: InstanceData, least_score: float) -> InstanceData:
    """The same persons without the joints of lower scores."""
    kept = copy(instances)
    points = np.array(instances.keypoints)
    points[np.asarray(instances.keypoint_scores) < least_score] = np.nan
    kept.keypoints = points
    return kept


def _track_ids(instances: InstanceData) -> np.ndarray:
    """(N,) identities, -1 where there are none."""
    unknown = np.full(len(instances), -1, np.int64)
    return np.asarray(instances.get('track_ids', unknown))


def _unit(canvas: np.ndarray) -> int:
    return max(1, round(max(canvas.shape[:2]) / 384))


def _write(canvas: np.ndarray, text: str, place: np.ndarray, color) -> None:
    """Write above a place, inside the image."""
    unit = _unit(canvas)
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.45 * unit
    (width, height), _ = cv2.getTextSize(text, font, scale, unit)
    limits = [canvas.shape[1] - width - 1, canvas.shape[0] - 1]
    corner = np.clip(
        place - [width / 2, 8 * unit], [0, height], np.maximum(limits, 0)
    )
    corner = tuple(corner.round().astype(int).tolist())
    for ink, thickness in ((_DARK, 3 * unit), (color, unit)):
        cv2.putText(
            canvas, text, corner, font, scale, ink, thickness, cv2.LINE_AA
        )
