# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from torch import Tensor, nn

from .attention import Attention
from .clip_memory import ClipMemory
from .coordinate_embedding import CoordinateEmbedding
from .map_lookup import MapLookup
from .pose_branches import JointBranches, PosePrediction
from .pose_decoder import PoseDecoderLayer, hand_on
from .temporal_pose_attention import TemporalPoseAttention


class JointDecoder(nn.Module):
    """Refine each joint of given persons by what is around it in all frames.

    A query is one joint of one person: a learned embedding of the joint plus
    the features of the person. Joints of a person see each other; all joints
    of all persons look into the same memory, which is not copied.

    The arguments are those of :class:`PoseDecoder`, and

    Args:
        embed_dims (int): Channels C.
        num_layers (int): Number of layers.
        num_heads (int): Attention heads.
        num_levels (int): L.
        num_frames (int): F.
        num_keypoints (int): K.
        feedforward_dims (int): Hidden channels.
        num_points (int): Sampling points per head, level and frame. Defaults
            to 4.
        lookup_radius (int): Before each layer, a joint sees its own maps of
            all frames, up to so many cells around it, and moves to where they
            say it is; see :class:`MapLookup`. Defaults to 0, not at all.
        dropout (float): Defaults to 0.
        detach_reference (bool): Defaults to True.
        supervised_neighbours (bool): Defaults to True.
        with_visibility (bool): Defaults to True.
    """

    def __init__(
        self,
        embed_dims: int,
        num_layers: int,
        num_heads: int,
        num_levels: int,
        num_frames: int,
        num_keypoints: int,
        feedforward_dims: int,
        num_points: int = 4,
        lookup_radius: int = 0,
        dropout: float = 0.0,
        detach_reference: bool = True,
        supervised_neighbours: bool = True,
        with_visibility: bool = True,
    ) -> None:
        super().__init__()
        self.detach_reference = detach_reference
        self.supervised_neighbours = supervised_neighbours
        self.joints = nn.Embedding(num_keypoints, embed_dims)
        self.person = nn.Linear(embed_dims, embed_dims)
        self.position = CoordinateEmbedding(embed_dims)
        self.lookup_radius = lookup_radius
        self.layers = nn.ModuleList()
        self.lookups = nn.ModuleList()
        self.seen = nn.ModuleList()
        self.branches = nn.ModuleList()
        for number in range(num_layers):
            self.layers.append(
                PoseDecoderLayer(
                    _JointsOfPerson(embed_dims, num_heads, num_keypoints),
                    TemporalPoseAttention(
                        embed_dims,
                        num_heads,
                        num_levels,
                        num_frames,
                        num_anchors=1,
                        points_per_anchor=num_points,
                        scale='cell',
                    ),
                    embed_dims,
                    feedforward_dims,
                    dropout,
                )
            )
            if lookup_radius:
                lookup = MapLookup(num_keypoints, lookup_radius)
                self.lookups.append(lookup)
                self.seen.append(
                    nn.Sequential(
                        nn.Linear(num_frames * len(lookup.patch), embed_dims),
                        nn.ReLU(),
                        nn.Linear(embed_dims, embed_dims),
                    )
                )
            moved = supervised_neighbours or number < num_layers - 1
            self.branches.append(
                JointBranches(
                    embed_dims,
                    frames=num_frames if moved else 1,
                    with_visibility=with_visibility,
                )
            )

    def forward(
        self,
        persons: Tensor,
        poses: Tensor,
        memory: ClipMemory,
        valid: Tensor,
    ) -> list[PosePrediction]:
        """Refine the poses of B windows.

        Args:
            persons (Tensor): (B, P, C), features of the persons.
            poses (Tensor): (B, P, F, K, 2) in [0, 1]; no gradient goes into
                them.
            memory (ClipMemory): The F frames.
            valid (Tensor): (B, P) bool, False for padding.

        Returns:
            List[PosePrediction]: One per layer, without logits.
        """
        poses = poses.detach()
        frames, joints = poses.shape[2:4]
        query = self.joints.weight + self.person(persons)[:, :, None]
        query = query.flatten(1, 2)
        valid = valid.repeat_interleave(joints, dim=1)
        predictions = []
        for number, layer in enumerate(self.layers):
            if self.lookup_radius:
                seen = self.lookups[number](poses, memory)
                poses = poses + seen.offsets
                # B, P, F, K, cells -> B, P * K, F * cells
                patches = seen.patches.transpose(2, 3).flatten(3)
                query = query + self.seen[number](patches.flatten(1, 2))
            position = self.position(poses[:, :, frames // 2].detach())
            # B, P, F, K, 2 -> B, P * K, F, 1, 2
            anchors = poses.transpose(2, 3).flatten(1, 2)[:, :, :, None]
            query = layer(
                query, position.flatten(1, 2), anchors, memory, valid
            )
            branches = self.branches[number]
            predictions.append(
                branches(query.unflatten(1, (-1, joints)), poses)
            )
            poses = hand_on(
                predictions[-1].poses,
                self.detach_reference,
                self.supervised_neighbours,
            )
        return predictions


class _JointsOfPerson(Attention):
    """Attention between the K joints of one person, not between persons."""

    def __init__(
        self, embed_dims: int, num_heads: int, num_keypoints: int
    ) -> None:
        super().__init__(embed_dims, num_heads)
        self.num_keypoints = num_keypoints

    def project(self, key: Tensor, value: Tensor):
        """Project (B, P * K, C), person by person."""
        return super().project(self._split(key), self._split(value))

    def forward(self, query: Tensor, memory, mask: Tensor) -> Tensor:
        """Attend; a padded person sees itself only, so no mask is needed."""
        attended = super().forward(self._split(query), memory)
        return attended.flatten(0, 1).view_as(query)

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(-1, self.num_keypoints, x.shape[-1])
