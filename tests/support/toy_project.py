# Copyright (c) cape_mm contributors. All rights reserved.
"""A project in one file, small enough to train in a test.

The model draws random numbers while it trains, the dataset's metainfo holds
NumPy data, and the PCK goes up and down, so that what depends on these shows.
"""

from __future__ import annotations

import random

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS
from torch.utils.data import Dataset

PCK_OF_EPOCH = (0.5, 0.9, 0.7, 0.8, 0.95)


@MODELS.register_module()
class ToyPoseModel(BaseModel):
    def __init__(self, data_preprocessor=None, noise=True):
        super().__init__(data_preprocessor=data_preprocessor)
        self.noise = noise
        self.linear = torch.nn.Linear(4, 2)
        self.norm = torch.nn.BatchNorm1d(4)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        inputs = self.norm(torch.stack(inputs))
        if mode == 'loss' and self.noise:
            inputs = torch.nn.functional.dropout(inputs, 0.5)
            inputs = inputs + random.random() + np.random.rand()
        if mode == 'loss':
            return dict(loss_toy=self.linear(inputs).square().mean())
        return self.linear(inputs)


@DATASETS.register_module()
class ToyPoseDataset(Dataset):
    metainfo = dict(dataset_name='toy', sigmas=np.array([0.1, 0.2]))

    def __len__(self):
        return 8

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        return dict(inputs=torch.rand(4, generator=generator), data_samples=1)


@METRICS.register_module()
class ToyPCK(BaseMetric):
    """``pcks`` of the epochs, and ``share`` of what the model predicts."""

    def __init__(self, pcks=None, share=0.0):
        super().__init__()
        self.pcks, self.share = pcks, share

    def process(self, data_batch, data_samples):
        torch.rand(1)  # validation, too, draws random numbers
        self.results += list(data_samples)

    def compute_metrics(self, results):
        epoch = MessageHub.get_current_instance().get_info('epoch', 1)
        pck = (self.pcks or PCK_OF_EPOCH)[epoch]
        if self.share:
            pck += self.share * torch.stack(results).mean().tanh().item()
        return dict(PCK=np.float64(pck))
