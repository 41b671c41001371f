# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Any, Sequence

import mmcv
import numpy as np
import torch
from mmengine import fileio
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

from cape_mm.evaluation.functional.keypoints import pair_pck
from cape_mm.evaluation.metrics.episode_pairs import pair_errors
from cape_mm.registry import VISUALIZERS
from cape_mm.structures import EpisodeDataSample

from .drawing import (
    PanelView,
    draw_errors,
    draw_keypoints,
    draw_skeleton,
    join_panels,
    keypoint_colors,
    view_around_box,
    white_image,
)

_THRESHOLD = 0.2  # the headline PCK
_PREDICTIONS = (('prediction', 'pred_instances'),)


@VISUALIZERS.register_module()
class EpisodeVisualizer(PoseLocalVisualizer):
    """Draw a query of an episode: *support | ground truth | prediction*.

    Each panel has the surroundings of the instance's box. A keypoint has the
    same colour in all panels; the skeleton is that of the episode. Keypoints
    without a label are not drawn, in the prediction those that no support has
    labelled. Several supports share the first panel. Red lines lead from
    predictions to the ground truth. The title names category (with its id,
    unless that is negative: a category of no dataset) and PCK@0.2 of the
    query. Without ground truth there are two panels.

    Args:
        name (str): Name of the instance. Defaults to 'visualizer'.
        panel_size (int): Side of a panel in pixels. Defaults to 384.
        margin (float): Side of the panel's view / longer side of the
            instance's box. Defaults to 1.25.
        show_errors (bool): Whether to draw the red lines. Defaults to True.
        backend_args (dict, optional): Backend that images are read with.
        **kwargs: Arguments of :class:`PoseLocalVisualizer`.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        panel_size: int = 384,
        margin: float = 1.25,
        show_errors: bool = True,
        backend_args: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.panel_size = panel_size
        self.margin = margin
        self.show_errors = show_errors
        self.backend_args = backend_args

    def add_episode(
        self,
        name: str,
        episode: EpisodeDataSample,
        query_index: int = 0,
        title: str = '',
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        step: int = 0,
    ) -> np.ndarray:
        """Draw one query, and show it, write it, or add it to the backends.

        Args:
            name (str): Name of the window or of the image in the backends.
            episode (EpisodeDataSample): Its queries may have
                ``pred_instances``.
            query_index (int): Index of the query. Defaults to 0.
            title (str): Text at the end of the title.
            show (bool): Whether to open a window. Defaults to False.
            wait_time (float): Seconds that the window stays; 0 for ever.
            out_file (str, optional): Write the image to this file instead
                of adding it to the backends.
            step (int): Step under which the backends keep the image.

        Returns:
            np.ndarray: Image (H, W, 3), uint8, RGB.
        """
        image = self.draw_episode(episode, query_index, title)
        self.set_image(image)
        if show:
            self.show(image, win_name=name, wait_time=wait_time)
        if out_file is not None:
            mmcv.imwrite(image[..., ::-1], out_file)
        elif not show:
            self.add_image(name, image, step)
        return image

    def draw_episode(
        self,
        episode: EpisodeDataSample,
        query_index: int = 0,
        title: str = '',
        predictions: Sequence[tuple[str, str]] = _PREDICTIONS,
    ) -> np.ndarray:
        """Draw one query.

        Args:
            episode (EpisodeDataSample): See :meth:`add_episode`.
            query_index (int): Index of the query. Defaults to 0.
            title (str): Text at the end of the title.
            predictions (Sequence[tuple[str, str]]): One panel each: caption
                and field of the query. Defaults to ``pred_instances``.

        Returns:
            np.ndarray: Image (H, W, 3), uint8, RGB.
        """
        query = episode.queries[query_index]
        skeleton = episode.get('skeleton', [])
        colors = keypoint_colors(episode.num_keypoints)
        supports = self._supports_panel(episode.supports, skeleton, colors)
        panels = [('support', supports)]

        view = self._view(query, self.panel_size)
        truth = None
        if 'keypoints' in query.gt_instances:
            truth = view.to_panel(_points(query.gt_instances.keypoints))
            labelled = _labelled(query)
            panel = view.image.copy()
            draw_skeleton(panel, truth, labelled, skeleton)
            draw_keypoints(panel, truth, labelled, colors)
            panels.append(('ground truth', panel))
        for caption, name in predictions:
            if name not in query:
                continue
            guess = view.to_panel(_points(query.get(name).keypoints))
            mask = np.any([_labelled(s) for s in episode.supports], axis=0)
            mask &= np.isfinite(guess).all(axis=1)
            panel = view.image.copy()
            draw_skeleton(panel, guess, mask, skeleton)
            if truth is not None and self.show_errors:
                draw_errors(panel, guess, truth, mask & labelled)
            draw_keypoints(panel, guess, mask, colors)
            panels.append((caption, panel))

        texts = [episode.category_name]
        if episode.category_id >= 0:
            texts[0] += f' ({episode.category_id})'
        if predictions == _PREDICTIONS and len(panels) == 3:
            share = pair_pck(*pair_errors(query, episode.supports), _THRESHOLD)
            score = f'{100 * share:.1f} %'
            if np.isnan(share):
                score = 'no common keypoint'
            texts.append(f'PCK@{_THRESHOLD}: {score}')
        return join_panels(panels, '    '.join([*texts, title]))

    def _supports_panel(
        self,
        supports: list[PoseDataSample],
        skeleton: list[list[int]],
        colors: np.ndarray,
    ) -> np.ndarray:
        """All supports in one panel, in a square grid."""
        per_row = int(np.ceil(np.sqrt(len(supports))))
        size = self.panel_size // per_row
        panel = white_image(self.panel_size, self.panel_size)
        for i, support in enumerate(supports):
            view = self._view(support, size)
            points = view.to_panel(_points(support.gt_instances.keypoints))
            labelled = _labelled(support)
            y, x = size * (i // per_row), size * (i % per_row)
            cell = panel[y : y + size, x : x + size]
            cell[:] = view.image
            draw_skeleton(cell, points, labelled, skeleton)
            draw_keypoints(cell, points, labelled, colors)
        return panel

    def _view(self, member: PoseDataSample, size: int) -> PanelView:
        """The surroundings of an instance in its image."""
        image = mmcv.imfrombytes(
            fileio.get(member.img_path, backend_args=self.backend_args),
            channel_order='rgb',
        )
        bbox = _numpy(member.gt_instances.bboxes).reshape(-1, 4)[0]
        return view_around_box(image, bbox, size, self.margin)


def _numpy(value: Any) -> np.ndarray:
    """A tensor or an array as float64 array."""
    return torch.as_tensor(value).detach().cpu().double().numpy()


def _points(keypoints: Any) -> np.ndarray:
    """Keypoints (K, 2) of the one instance of a member."""
    return _numpy(keypoints).reshape(-1, 2)


def _labelled(member: PoseDataSample) -> np.ndarray:
    """Mask (K,) of the labelled keypoints."""
    return _numpy(member.gt_instances.keypoints_visible).reshape(-1) > 0
