# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import numpy as np

from cape_mm.errors import DataError
from cape_mm.registry import DATASETS

from .episode_dataset import EpisodeDataset


@DATASETS.register_module()
class SingleCategoryEpisodeDataset(EpisodeDataset):
    """Episodes of one category only, of different instances.

    For overfitting a category: harder than one image, because support and
    query differ, and still without any unseen category.

    Args:
        *args: See :class:`EpisodeDataset`.
        category_id (int | str): Id of the category; as text when it comes
            from a variable of the environment.
        **kwargs: See :class:`EpisodeDataset`.

    Raises:
        DataError: If there is no such category, or it has fewer than S + Q
            instances.
    """

    def __init__(self, *args, category_id: int | str, **kwargs) -> None:
        self.category_id = self._to_int(category_id)
        super().__init__(*args, **kwargs)

    @staticmethod
    def _to_int(value: int | str) -> int | str:
        """Read a number; other text stays, and is refused with what exists."""
        return int(value) if str(value).strip().isdigit() else value

    def _describe_members(self) -> list[str]:
        """The category."""
        category = self.dataset.categories[self.category_id]
        return [
            'single category, support and query are different instances of it',
            f'category: {category} with '
            f'{len(self._pools[self.category_id])} instances',
            f'keypoints: {category.num_keypoints}',
        ]

    def _make_pools(self) -> dict[int, np.ndarray]:
        """All instances of the chosen category."""
        # find_instance lists what exists if the category does not.
        self.dataset.find_instance(self.category_id, 0)
        chosen = np.array(self.dataset.indices_by_category[self.category_id])
        need = self.num_shots + self.num_queries
        if len(chosen) < need:
            category = self.dataset.categories[self.category_id]
            raise DataError(
                f'category {category} has {len(chosen)} instances, fewer '
                f'than {need} ({self.num_shots} shots + {self.num_queries} '
                'queries): choose another category, or fewer of them'
            )
        return {self.category_id: chosen}
