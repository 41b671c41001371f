# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel, ImgDataPreprocessor

from cape_mm.datasets.datasets.episode_dataset import pack_episode
from cape_mm.errors import refuse_nonfinite
from cape_mm.structures import EpisodeDataSample

_SEARCH_SIDE = 1024  # at most, of an image that is searched


class EpisodePredictor:
    """Predicts queries by supports, which are encoded once."""

    def __init__(
        self, model: BaseModel, supports: list[dict], metainfo: dict
    ) -> None:
        self._model, self._supports = model, supports
        self._metainfo = metainfo
        self._encoded = None
        self._number = 0
        self.num_keypoints: int = metainfo['num_keypoints']

    @torch.no_grad()
    def predict(self, queries: list[dict]) -> EpisodeDataSample:
        """Predict the queries, as one episode."""
        data = self._prepare(queries)
        episode = self._model.predict(**data, support=self._encoded)[0]
        for query in episode.queries:
            found = query.pred_instances
            scores = np.asarray(found.keypoint_scores)[0]
            # a score of 0: no support has it, wherever it is
            places = np.where(
                scores[:, None] == 0, 0, np.asarray(found.keypoints)[0]
            )
            where = query.get('img_path') or 'query without a file'
            refuse_nonfinite(where, episode.keypoint_names, places, scores)
        return episode

    @torch.no_grad()
    def propose_boxes(self, pixels: np.ndarray) -> np.ndarray:
        """Boxes (N, 4) of an image (H, W, 3) that may have the object."""
        (episode,) = self._prepare(self._supports[:1])['data_samples']
        size = np.array(pixels.shape[1::-1])
        shape = size * min(1, _SEARCH_SIDE / size.max())
        shape = np.maximum(shape.round().astype(int), 1).tolist()
        image = cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA)
        image = ImgDataPreprocessor.forward(
            self._model.data_preprocessor,
            dict(inputs=[torch.from_numpy(image).permute(2, 0, 1)]),
        )['inputs'][0]
        boxes = self._model.propose_boxes(image, self._encoded, episode)
        boxes = boxes.cpu().numpy() * np.tile(size, 2)
        boxes = np.clip(boxes, 0, np.tile(size - 1, 2))
        return boxes[(boxes[:, 2:] - boxes[:, :2]).min(1) >= 2]

    def _prepare(self, queries: list[dict]) -> dict:
        """Inputs and data samples of one episode."""
        metainfo = dict(self._metainfo, episode=(0, 0, self._number))
        self._number += 1
        item = pack_episode(self._supports, queries, metainfo)
        data = self._model.data_preprocessor(pseudo_collate([item]))
        if self._encoded is None:
            images = data['inputs']['support']
            self._encoded = self._model.encode_supports(images)
        return data
