# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from copy import copy

import cv2
import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

from cape_mm.registry import VISUALIZERS

from .drawing import (
    draw_keypoints,
    draw_label,
    draw_skeleton,
    line_width,
    track_colors,
)


@VISUALIZERS.register_module()
class TrackVisualizer(PoseLocalVisualizer):
    """Draw poses in the colours of their identities, with their numbers.

    The colour is a function of the track id alone, so a person keeps it over
    a video. Persons without ``track_ids`` are grey. ``add_datasample`` and its
    arguments are those of :class:`PoseLocalVisualizer`; ``kpt_thr`` is the
    least ``keypoints_visible`` of a keypoint that is drawn. The skeleton is
    set by ``set_dataset_meta``.
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
            image (np.ndarray): Image (H, W, 3), uint8, RGB.
            frame (PoseDataSample): Frame with ``pred_instances``.
            kpt_thr (float): Least visibility of a keypoint. Defaults to 0.3.
            draw_bbox (bool): Whether to draw boxes, too. Defaults to False.
            kpt_score_thr (float): Least ``keypoint_scores`` of a keypoint.
                Defaults to 0, which leaves out none.

        Returns:
            np.ndarray: Image (H, W, 3), uint8, RGB, another array.
        """
        persons = frame.pred_instances
        if kpt_score_thr > 0:
            persons = copy(persons)
            points = np.array(persons.keypoints)
            points[np.asarray(persons.keypoint_scores) < kpt_score_thr] = (
                np.nan
            )
            persons.keypoints = points
        canvas = self._draw_instances_kpts(image, persons, kpt_thr)
        if draw_bbox:
            canvas = self._draw_instances_bbox(canvas, persons)
        return canvas

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
        # a keypoint that the model leaves out is NaN
        mask = (visible >= kpt_thr) & np.isfinite(points).all(axis=-1)
        ids = _track_ids(instances)
        for person, color in enumerate(track_colors(ids).tolist()):
            place, valid = points[person], mask[person]
            draw_skeleton(canvas, place, valid, self.skeleton or (), color)
            draw_keypoints(canvas, place, valid, np.uint8(color))
            if ids[person] >= 0 and valid.any():
                top = min(place[valid], key=lambda point: point[1])
                draw_label(canvas, str(ids[person]), top, color)
            if show_kpt_idx:
                for index in np.flatnonzero(valid):
                    draw_label(canvas, str(index), place[index], color)
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
                cv2.rectangle(canvas, start, end, color, line_width(canvas))
        return canvas


def _track_ids(instances: InstanceData) -> np.ndarray:
    """(N,) identities, -1 where there are none."""
    unknown = np.full(len(instances), -1, np.int64)
    return np.asarray(instances.get('track_ids', unknown))
