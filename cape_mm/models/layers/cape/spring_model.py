# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import numpy as np
import torch
from scipy.sparse.csgraph import minimum_spanning_tree
from torch import Tensor, nn

from ..points import grid_points


class SpringModel(nn.Module):
    """Belief of keypoints that springs along a skeleton hold together.

    A spring expects its second keypoint at the first one plus an offset,
    turned by one of several angles, with a Gaussian error; it may break.
    Messages between neighbours (sum-product) are passed along all springs at
    once: exact on a tree after as many rounds as its longest path has edges,
    the usual approximation on loops. See Felzenszwalb and Huttenlocher,
    Pictorial Structures for Object Recognition, IJCV 2005.

    Args:
        length_share (float): Sigma of a spring by its length. Defaults to
            0.2.
        min_sigma (float): Sigma added to it, normalised. Defaults to 0.02.
        angles (Sequence[float]): Turns of a limb in degrees. Defaults to
            (-40, -20, 0, 20, 40).
        angle_cost (float): Logit that a turn loses per radian. Defaults to
            0.5.
        num_rounds (int): Number of rounds of messages. Defaults to 8.
        break_share (float): Message of a broken spring against the peak of a
            whole one. Defaults to 0.001.
    """

    def __init__(
        self,
        length_share: float = 0.2,
        min_sigma: float = 0.02,
        angles: Sequence[float] = (-40.0, -20.0, 0.0, 20.0, 40.0),
        angle_cost: float = 0.5,
        num_rounds: int = 8,
        break_share: float = 0.001,
    ) -> None:
        super().__init__()
        self.length_share = length_share
        self.min_sigma = min_sigma
        self.num_rounds = num_rounds
        self.break_share = break_share
        turns = torch.deg2rad(torch.tensor(angles, dtype=torch.float32))
        cos, sin = turns.cos(), turns.sin()
        matrices = torch.stack([cos, -sin, sin, cos], -1).view(-1, 2, 2)
        self.register_buffer('turns', matrices, persistent=False)
        shares = (-angle_cost * turns.abs()).exp()
        self.register_buffer('shares', shares, persistent=False)

    def forward(
        self, logits: Tensor, offsets: Tensor, edges: Tensor
    ) -> Tensor:
        """Belief of the keypoints of one skeleton on N queries.

        Args:
            logits (Tensor): Evidence (N, K, H, W) of each keypoint.
            offsets (Tensor): Expected offsets (N, E, 2) from the first to the
                second end of each spring, normalised.
            edges (Tensor): Ends (E, 2), int64, of the springs.

        Returns:
            Tensor: Logits (N, K, H, W) of the beliefs.
        """
        if not len(edges):
            return logits
        ends = torch.cat([edges, edges.flip(1)])  # (2E, 2), from and to
        offsets = torch.cat([offsets, -offsets], dim=1)
        num_edges = len(edges)
        reverse = torch.arange(2 * num_edges, device=edges.device)
        reverse = (reverse + num_edges) % (2 * num_edges)
        columns, rows = self._kernels(logits, offsets)
        messages = logits.new_zeros(
            len(logits), 2 * num_edges, *logits.shape[-2:]
        )
        for _ in range(self.num_rounds):
            belief = logits.index_add(1, ends[:, 1], messages)
            sent = belief[:, ends[:, 0]] - messages[:, reverse]
            sent = sent.flatten(2).softmax(-1).view_as(sent).unsqueeze(2)
            # denormal numbers would make the products many times slower
            sent = sent.clamp_min(1e-9)
            # (N, 2E, A, H, H) @ (N, 2E, 1, H, W) @ (N, 2E, A, W, W)
            received = (rows @ sent @ columns).sum(2)
            peak = received.amax((2, 3), keepdim=True).clamp_min(1e-20)
            messages = (received / peak + self.break_share).log()
        return logits.index_add(1, ends[:, 1], messages)

    def _kernels(self, logits: Tensor, offsets: Tensor) -> tuple:
        """Gaussians (N, 2E, A, W, W) from-to and (N, 2E, A, H, H) to-from."""
        height, width = logits.shape[-2:]
        cells = grid_points(height, width, logits.device, logits.dtype)
        x, y = cells[:width, 0], cells[::width, 1]
        sigma = self.length_share * offsets.norm(dim=-1) + self.min_sigma
        scale = (0.5**0.5 / sigma)[..., None, None, None]
        turned = torch.einsum('aij,nej->neai', self.turns.to(offsets), offsets)
        shift = turned[..., None, None, :]  # (N, 2E, A, 1, 1, 2)
        columns = (x[None, :] - x[:, None] - shift[..., 0]) * scale
        rows = (y[:, None] - y[None, :] - shift[..., 1]) * scale
        shares = self.shares.to(offsets)[:, None, None]
        columns, rows = (
            (-error.square().clamp_max(20)).exp() for error in (columns, rows)
        )
        return columns * shares, rows


def connect_keypoints(
    points: np.ndarray, valid: np.ndarray, adjacency: np.ndarray
) -> np.ndarray:
    """Edges (E, 2) that connect all labelled keypoints.

    The skeleton's edges, and the shortest ones between what they leave
    apart: without a skeleton a minimum spanning tree.

    Args:
        points (np.ndarray): Keypoints (S, K, 2) of the supports, normalised,
            0 where not labelled.
        valid (np.ndarray): Mask (S, K), bool, of the labelled ones.
        adjacency (np.ndarray): Skeleton (K, K), bool, symmetric.

    Returns:
        np.ndarray: Indices (E, 2), int64, each edge once.
    """
    count = valid.sum(0)
    index = np.flatnonzero(count)
    places = points.sum(0)[index] / count[index, None]
    edges = np.triu(adjacency[np.ix_(index, index)], 1)
    # SciPy reads lengths below 1e-8 as no edge
    length = np.linalg.norm(places[:, None] - places[None], axis=-1) + 1e-5
    length[edges | edges.T] = 1e-6
    np.fill_diagonal(length, 0)
    tree = minimum_spanning_tree(length).toarray() > 0
    edges |= np.triu(tree | tree.T, 1)
    return index[np.argwhere(edges)].reshape(-1, 2)
