# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np

from cape_mm.datasets.samplers import SampleIndex
from cape_mm.registry import DATASETS

from .single_category_episode_dataset import SingleCategoryEpisodeDataset


@DATASETS.register_module()
class SingleImageEpisodeDataset(SingleCategoryEpisodeDataset):
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

    def __init__(self, *args, image_index: int | str = 0, **kwargs) -> None:
        self.image_index = self._to_int(image_index)
        super().__init__(*args, **kwargs)

    def draw_members(
        self, index: SampleIndex, rng: np.random.Generator
    ) -> tuple[int, list[int], list[int]]:
        """Always the chosen instance; see :class:`EpisodeDataset`."""
        num_members = self.num_shots + self.num_queries
        return self.category_id, [self._chosen] * num_members, []

    @property
    def _chosen(self) -> int:
        """Index of the chosen instance."""
        return int(self._pools[self.category_id][0])

    def _describe_members(self) -> list[str]:
        """The image, and the crop of it."""
        info = self.dataset.get_data_info(self._chosen)
        support = self[0]['data_samples'].supports[0]
        labels = support.gt_instance_labels.keypoint_weights
        side_w, side_h = support.input_scale
        in_w, in_h = support.input_size
        return [
            'single image, support and query are the same image',
            f'image: {info["img_path"]}, annotation {info["id"]} '
            f'(number {self.image_index} of its category)',
            f'category: {self.dataset.categories[self.category_id]}',
            f'keypoints: {info["num_keypoints"]}, labelled: '
            f'{int(info["keypoints_visible"].sum())}, of these inside '
            f'the crop: {int((labels > 0).sum())}',
            f'crop: {side_w:.0f} x {side_h:.0f} pixels of the image, '
            f'resized to {in_w} x {in_h}',
        ]

    def _drawn_from(self) -> dict:
        """The category and the annotation."""
        annotation_id = self.dataset.get_data_info(self._chosen)['id']
        return dict(super()._drawn_from(), annotation_id=annotation_id)

    def _make_pools(self) -> dict[int, np.ndarray]:
        """The chosen instance alone."""
        chosen = self.dataset.find_instance(self.category_id, self.image_index)
        return {self.category_id: np.array([chosen])}
