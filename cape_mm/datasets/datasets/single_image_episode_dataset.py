# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np
from mmengine.dataset import force_full_init

from cape_mm.datasets.samplers import SampleIndex
from cape_mm.registry import DATASETS

from .episode_dataset import EpisodeDataset


@DATASETS.register_module()
class SingleImageEpisodeDataset(EpisodeDataset):
    """Episodes in which one instance is every support and every query.

    For overfitting one image: what a sound model must be able to do. The
    score says nothing about other images.

    Args:
        *args: See :class:`EpisodeDataset`.
        category_id (int | str): Id of the category; as text when it comes
            from a variable of the environment.
        image_index (int | str): Number of the instance among those of the
            category, from 0, in the order of the file. Defaults to 0.
        **kwargs: See :class:`EpisodeDataset`.

    Raises:
        DataError: If there is no such category, or it has no such instance.
    """

    def __init__(
        self,
        *args,
        category_id: int | str,
        image_index: int | str = 0,
        **kwargs,
    ) -> None:
        self.category_id = _to_int(category_id)
        self.image_index = _to_int(image_index)
        super().__init__(*args, **kwargs)

    def draw_members(
        self, index: SampleIndex, rng: np.random.Generator
    ) -> tuple[int, list[int], list[int]]:
        """Always the chosen instance; see :class:`EpisodeDataset`."""
        chosen = int(self._pools[self.category_id][0])
        num_members = self.num_shots + self.num_queries
        return self.category_id, [chosen] * num_members, []

    @force_full_init
    def describe(self) -> str:
        """Say which image it is and what is cut out of it.

        Returns:
            str: The lines.
        """
        chosen = int(self._pools[self.category_id][0])
        info = self.dataset.get_data_info(chosen)
        support = self[0]['data_samples'].supports[0]
        labels = support.gt_instance_labels.keypoint_weights
        side_w, side_h = support.input_scale
        in_w, in_h = support.input_size
        category = self.dataset.categories[self.category_id]
        return '\n'.join(
            [
                'mode: single image, support and query are the same image',
                f'annotations: {getattr(self.dataset, "ann_file", "?")}',
                f'image: {info["img_path"]}, annotation {info["id"]} '
                f'(number {self.image_index} of its category)',
                f'category: {category}',
                f'keypoints: {info["num_keypoints"]}, labelled: '
                f'{int(info["keypoints_visible"].sum())}, of these inside '
                f'the crop: {int((labels > 0).sum())}',
                f'crop: {side_w:.0f} x {side_h:.0f} pixels of the image, '
                f'resized to {in_w} x {in_h}',
                f'episode: {self.num_shots} shot(s), {self.num_queries} '
                'query(s)',
                f'episodes per epoch: {self.num_episodes}',
            ]
        )

    def _drawn_from(self) -> dict:
        """The category and the annotation."""
        chosen = int(self._pools[self.category_id][0])
        annotation_id = self.dataset.get_data_info(chosen)['id']
        return dict(super()._drawn_from(), annotation_id=annotation_id)

    def _make_pools(self) -> dict[int, np.ndarray]:
        """The chosen instance alone."""
        chosen = self.dataset.find_instance(self.category_id, self.image_index)
        return {self.category_id: np.array([chosen])}


def _to_int(value: int | str) -> int | str:
    """Read a number; other text stays, and the look-up says what exists."""
    return int(value) if str(value).strip().isdigit() else value
