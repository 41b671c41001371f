# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import re
from typing import Any, Sequence

import mmcv
import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

from cape_mm.datasets.formats.image_check import read_image
from cape_mm.evaluation.functional.keypoints import pair_pck
from cape_mm.evaluation.metrics.episode_pairs import pair_errors
from cape_mm.registry import VISUALIZERS
from cape_mm.structures import EpisodeDataSample

from .drawing import (
    ERROR_COLOR,
    draw_errors,
    draw_inset,
    draw_keypoints,
    draw_skeleton,
    draw_texts,
    join_panels,
    keypoint_colors,
    legend_bar,
    view_around_box,
    white_image,
)

_THRESHOLD = 0.2  # the headline PCK
_PREDICTIONS = (('prediction', 'pred_instances'),)
#: Sides in pixels of panels that adapt to their images, and the least one
#: with more keypoints than that.
_LEAST_SIDE, _LARGEST_SIDE = 384, 640
_MANY, _LEAST_SIDE_OF_MANY = 20, 512
#: Texts beside keypoints are names up to this number and length.
_MAX_NAMES, _MAX_LENGTH = 12, 12
#: No text beside more keypoints than this, or in smaller panels.
_MAX_TEXTS, _LEAST_TEXT_SIDE = 70, 180
#: An object is enlarged if it fills less than this share of its box.
_ENLARGED = 0.6
#: Least rim around keypoints that are enlarged, in original pixels.
_LEAST_RIM = 8


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
        panel_size (int, optional): Side of a panel in pixels; None adapts it
            to the images. Defaults to 384.
        margin (float): Side of the panel's view / longer side of the
            instance's box. Defaults to 1.25.
        show_errors (bool): Whether to draw the red lines. Defaults to True.
        labels (str): Texts beside keypoints: ``'names'``, ``'numbers'`` with
            a legend below, ``'auto'`` for names if they are few and short,
            or ``'none'``. Defaults to 'none'.
        score_thr (float): Score below which predicted keypoints are hollow
            and without skeleton. Defaults to 0.
        focus (bool): Whether to enlarge the query to the keypoints that were
            found where they are small in its box. Defaults to False.
        backend_args (dict, optional): Backend that images are read with.
        **kwargs: Arguments of :class:`PoseLocalVisualizer`.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        panel_size: int | None = 384,
        margin: float = 1.25,
        show_errors: bool = True,
        labels: str = 'none',
        score_thr: float = 0.0,
        focus: bool = False,
        backend_args: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if labels not in ('auto', 'names', 'numbers', 'none'):
            raise ValueError(f'labels is {labels!r}')
        self.panel_size = panel_size
        self.margin = margin
        self.show_errors = show_errors
        self.labels = labels
        self.score_thr = score_thr
        self.focus = focus
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
        labels, legend = self._label(episode)
        supported = np.any([_labelled(s) for s in episode.supports], axis=0)
        box = self._query_box(query, supported)
        size = self.panel_size or self._adapt(episode.supports, box)
        supports = self._supports_panel(
            episode.supports, skeleton, colors, labels, size
        )
        panels = [('support', supports)]

        image = self._load(query)
        view = view_around_box(image, box, size, self.margin)
        is_enlarged = not np.array_equal(box, _box(query))
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
            mask = supported & np.isfinite(guess).all(axis=1)
            hollow = mask & (_scores(query.get(name)) < self.score_thr)
            panel = view.image.copy()
            draw_skeleton(panel, guess, mask & ~hollow, skeleton)
            if truth is not None and self.show_errors:
                draw_errors(panel, guess, truth, mask & labelled)
            draw_keypoints(panel, guess, mask, colors, hollow)
            if is_enlarged:
                draw_inset(panel, image, view, guess[mask])
            if labels:
                draw_texts(panel, labels, guess, mask)
            if self.score_thr > 0:
                count = (mask & ~hollow).sum()
                caption += f': {count} of {mask.sum()} above {self.score_thr}'
                entry = f'score < {self.score_thr:g}', None
                legend += [entry] if hollow.any() else []
            panels.append((caption, panel))

        texts = [*self._texts(episode, query, supported, predictions), title]
        figure = join_panels(panels, '    '.join(texts))
        if legend and truth is not None and self.show_errors:
            legend.append(('line to the ground truth', np.array(ERROR_COLOR)))
        if legend:
            figure = np.vstack([figure, legend_bar(legend, figure.shape[1])])
        return figure

    def _texts(
        self,
        episode: EpisodeDataSample,
        query: PoseDataSample,
        supported: np.ndarray,
        predictions: Sequence[tuple[str, str]],
    ) -> list[str]:
        """Category, and what is measured of the one prediction, if it is."""
        texts = [episode.category_name]
        if episode.category_id >= 0:
            texts[0] += f' ({episode.category_id})'
        if predictions != _PREDICTIONS or 'pred_instances' not in query:
            return texts
        if 'keypoints' in query.gt_instances:
            share = pair_pck(*pair_errors(query, episode.supports), _THRESHOLD)
            score = f'{100 * share:.1f} %'
            if np.isnan(share):
                score = 'no common keypoint'
            texts.append(f'PCK@{_THRESHOLD}: {score}')
        if supported.any():
            mean = _scores(query.pred_instances)[supported].mean()
            texts.append(f'mean score: {mean:.2f}')
        return texts

    def _label(
        self, episode: EpisodeDataSample
    ) -> tuple[list[str], list[tuple[str, np.ndarray | None]]]:
        """Texts beside keypoints, and the entries of the legend."""
        names = list(map(str, episode.keypoint_names))
        mode, count = self.labels, len(names)
        numbers = list(map(str, range(count)))
        are_numbered = all(  # keypoint_0, keypoint_1 ...
            re.fullmatch(rf'\D*{n}', name) for n, name in zip(numbers, names)
        )
        if mode == 'auto':
            longest = max(map(len, names), default=0)
            is_short = count <= _MAX_NAMES and longest <= _MAX_LENGTH
            mode = 'names' if is_short and not are_numbered else 'numbers'
        if mode == 'none' or count > _MAX_TEXTS:
            return [], []
        if mode == 'names':
            return names, []
        if are_numbered:
            return numbers, []
        texts = [f'{number} {name}' for number, name in zip(numbers, names)]
        return numbers, list(zip(texts, keypoint_colors(count)))

    def _query_box(
        self, query: PoseDataSample, supported: np.ndarray
    ) -> np.ndarray:
        """Box (4,) to view: that of the query, or closer to what was found."""
        box = _box(query)
        if not self.focus or 'pred_instances' not in query:
            return box
        scores = _scores(query.pred_instances)
        points = _points(query.pred_instances.keypoints)
        mask = supported & np.isfinite(points).all(1)
        sure = mask & (scores >= max(self.score_thr, 0.5 * scores.max()))
        truth = np.zeros((0, 2))
        if 'keypoints' in query.gt_instances:
            truth = _points(query.gt_instances.keypoints)[_labelled(query)]
        side = (box[2:] - box[:2]).max()
        # without uncertain ones only if those are far from the others
        for chosen, share in ((mask, _ENLARGED), (sure, _ENLARGED / 2)):
            shown = np.concatenate([points[chosen], truth])
            if len(shown) < 2:
                continue
            low, high = shown.min(0), shown.max(0)
            rim = max(0.15 * (high - low).max(), _LEAST_RIM)
            found = np.concatenate([low - rim, high + rim])
            if (found[2:] - found[:2]).max() < share * side:
                return found
        return box

    def _adapt(
        self, supports: list[PoseDataSample], query_box: np.ndarray
    ) -> int:
        """Side of a panel for the largest box."""
        boxes = np.array([query_box, *map(_box, supports)])
        side = self.margin * (boxes[:, 2:] - boxes[:, :2]).max()
        is_many = len(_labelled(supports[0])) > _MANY
        least = _LEAST_SIDE_OF_MANY if is_many else _LEAST_SIDE
        return int(np.clip(side, least, _LARGEST_SIDE))

    def _supports_panel(
        self,
        supports: list[PoseDataSample],
        skeleton: list[list[int]],
        colors: np.ndarray,
        labels: list[str],
        panel_size: int,
    ) -> np.ndarray:
        """All supports in one panel, in a square grid."""
        per_row = int(np.ceil(np.sqrt(len(supports))))
        size = panel_size // per_row
        panel = white_image(panel_size, panel_size)
        for i, support in enumerate(supports):
            view = view_around_box(
                self._load(support), _box(support), size, self.margin
            )
            points = view.to_panel(_points(support.gt_instances.keypoints))
            labelled = _labelled(support)
            y, x = size * (i // per_row), size * (i % per_row)
            cell = panel[y : y + size, x : x + size]
            cell[:] = view.image
            draw_skeleton(cell, points, labelled, skeleton)
            draw_keypoints(cell, points, labelled, colors)
            if labels and size >= _LEAST_TEXT_SIDE:
                draw_texts(cell, labels, points, labelled)
        return panel

    def _load(self, member: PoseDataSample) -> np.ndarray:
        """Image (H, W, 3), uint8, RGB, of a member."""
        image = read_image(member.img_path, backend_args=self.backend_args)
        return mmcv.bgr2rgb(image)


def _numpy(value: Any) -> np.ndarray:
    """A tensor or an array as float64 array."""
    return torch.as_tensor(value).detach().cpu().double().numpy()


def _points(keypoints: Any) -> np.ndarray:
    """Keypoints (K, 2) of the one instance of a member."""
    return _numpy(keypoints).reshape(-1, 2)


def _box(member: PoseDataSample) -> np.ndarray:
    """Box (4,) of the one instance of a member."""
    return _numpy(member.gt_instances.bboxes).reshape(-1, 4)[0]


def _scores(instances: InstanceData) -> np.ndarray:
    """Scores (K,) of the one instance; infinite where there are none."""
    if 'keypoint_scores' not in instances:
        return np.full(len(_points(instances.keypoints)), np.inf)
    return _numpy(instances.keypoint_scores).reshape(-1)


def _labelled(member: PoseDataSample) -> np.ndarray:
    """Mask (K,) of the labelled keypoints."""
    return _numpy(member.gt_instances.keypoints_visible).reshape(-1) > 0
