# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from cape_mm.structures import ClipDataSample

from ..task_modules import TrackAwareHungarianAssigner
from .ignored_areas import ignored_cells, in_cells

_NOBODY = -1


class WindowTargets(NamedTuple):
    """Persons of the middle frames of B windows, and where they are nearby.

    Attributes:
        keypoints (Tensor): (B, N, F, K, 2) in [0, 1] of the input, 0 where
            not visible.
        visible (Tensor): (B, N, F, K) bool. A person without label in a
            neighbour frame, or of unknown identity, is not visible there.
        areas (Tensor): (B, N) in input pixels.
        track_ids (Tensor): (B, N) int64, -1 for unknown and for padding.
        ignored (Tensor): (B, H, W) bool, cells of the middle frames where
            persons are not labelled.
        persons (List[InstanceData]): Those of the middle frames, unpadded.
        img_metas (List[dict]): Of the middle frames.
    """

    keypoints: Tensor
    visible: Tensor
    areas: Tensor
    track_ids: Tensor
    ignored: Tensor
    persons: list[InstanceData]
    img_metas: list[dict]


class ClipTargets(NamedTuple):
    """Persons of all U frames of B clips, padded to N.

    Attributes:
        keypoints (Tensor): (B, U, N, K, 2) in [0, 1], 0 where not visible.
        visible (Tensor): (B, U, N, K) bool.
        areas (Tensor): (B, U, N).
        track_ids (Tensor): (B, U, N) int64, -1 for unknown and for padding.
        labelled (Tensor): (B, U) bool, which frames have labels.
        ignored (Tensor): (B, U, H, W) bool, cells where persons are not
            labelled.
        persons (List[List[InstanceData]]): Unpadded.
        img_metas (List[List[dict]]): Of the frames.
    """

    keypoints: Tensor
    visible: Tensor
    areas: Tensor
    track_ids: Tensor
    labelled: Tensor
    ignored: Tensor
    persons: list[list[InstanceData]]
    img_metas: list[list[dict]]

    @classmethod
    def of_samples(
        cls, data_samples: Sequence[ClipDataSample], device: torch.device
    ) -> ClipTargets:
        """Stack the labels of a batch.

        Args:
            data_samples (Sequence[ClipDataSample]): B clips.
            device (torch.device): Where the tensors are wanted.

        Returns:
            ClipTargets: With U of the longest clip.
        """
        persons = [
            [
                _with_class(frame.gt_instance_labels.to(device))
                for frame in sample.frames
            ]
            for sample in data_samples
        ]
        frames = max(len(clip) for clip in persons)
        flat = [
            clip[min(number, len(clip) - 1)]
            for clip in persons
            for number in range(frames)
        ]

        def stack(name: str, fill: float = 0.0) -> Tensor:
            values = pad_sequence(
                [getattr(frame, name) for frame in flat],
                batch_first=True,
                padding_value=fill,
            )
            if not values.shape[1]:
                # Nobody in any frame: an empty place, to have an index.
                values = values.new_full(
                    (len(flat), 1, *values.shape[2:]), fill
                )
            return values.unflatten(0, (len(persons), frames))

        visible = stack('keypoints_visible') > 0
        keypoints = stack('keypoints').masked_fill(~visible[..., None], 0.0)
        labelled = [
            [
                number < len(sample.frames)
                and bool(sample.frames[number].is_labeled)
                for number in range(frames)
            ]
            for sample in data_samples
        ]
        ignored = [
            ignored_cells(
                [
                    sample.frames[min(number, len(sample.frames) - 1)]
                    for number in range(frames)
                ]
            )
            for sample in data_samples
        ]
        return cls(
            keypoints=keypoints.float(),
            visible=visible,
            areas=stack('areas').float(),
            track_ids=stack('track_ids', _NOBODY).long(),
            labelled=torch.tensor(labelled, device=device),
            ignored=torch.stack(ignored).to(device),
            persons=persons,
            img_metas=[
                [frame.metainfo for frame in sample.frames]
                for sample in data_samples
            ],
        )

    def taught(self, index: Tensor) -> ClipTargets:
        """Use the labels of some frames only, for what sees single frames.

        Args:
            index (Tensor): (B, T, F) int64, frames of the windows with losses.

        Returns:
            ClipTargets: With the other frames not ``labelled``.
        """
        seen = torch.zeros_like(self.labelled)
        seen.scatter_(1, index.flatten(1), True)
        return self._replace(labelled=self.labelled & seen)

    def window(self, index: Tensor) -> WindowTargets:
        """Take one window of each clip.

        Args:
            index (Tensor): (B, F) int64, which of the U frames.

        Returns:
            WindowTargets: The persons of its middle frame.
        """
        middle = index.shape[1] // 2
        rows = torch.arange(len(index), device=index.device)
        centre = index[:, middle]
        ids = self.track_ids[rows, centre]
        there = self.track_ids[rows[:, None], index]
        same = (ids[:, None, :, None] == there[:, :, None]) & (
            ids[:, None, :, None] >= 0
        )
        # In the middle a person is found even if its identity is unknown.
        same[:, middle] = torch.eye(
            ids.shape[1], dtype=torch.bool, device=ids.device
        )
        person = same.to(torch.uint8).argmax(dim=-1)
        at = (rows[:, None, None], index[:, :, None], person)
        visible = self.visible[at] & same.any(dim=-1)[..., None]
        keypoints = self.keypoints[at].masked_fill(~visible[..., None], 0.0)
        frames = list(enumerate(centre.tolist()))
        return WindowTargets(
            keypoints=keypoints.transpose(1, 2),
            visible=visible.transpose(1, 2),
            areas=self.areas[rows, centre],
            track_ids=ids,
            ignored=self.ignored[rows, centre],
            persons=[self.persons[clip][frame] for clip, frame in frames],
            img_metas=[self.img_metas[clip][frame] for clip, frame in frames],
        )


def assign_queries(
    assigner: TrackAwareHungarianAssigner,
    logits: Tensor,
    poses: Tensor,
    targets: WindowTargets,
    valid: Tensor,
    query_ids: Tensor | None = None,
    is_track: Tensor | None = None,
) -> Tensor:
    """Give persons to the queries of B windows.

    Args:
        assigner (TrackAwareHungarianAssigner): How.
        logits (Tensor): (B, Q).
        poses (Tensor): (B, Q, K, 2), in the middle frames.
        targets (WindowTargets): The persons.
        valid (Tensor): (B, Q) bool, False for padding.
        query_ids (Tensor, optional): (B, Q) int64, identities of the track
            queries, -1 for all others. By default there are no tracks.
        is_track (Tensor, optional): (B, Q) bool.

    Returns:
        Tensor: (B, Q) int64, 1-based person, 0 for background, -1 for padding
        and for what was found where persons are not labelled.
    """
    # float32: half a precision makes costs of sure scores infinite
    logits, poses = logits.detach().float(), poses.detach().float()
    results = []
    for clip, persons in enumerate(targets.persons):
        results.append(
            assigner.assign(
                InstanceData(
                    scores=logits[clip, :, None], keypoints=poses[clip]
                ),
                persons,
                img_meta=targets.img_metas[clip],
                query_track_ids=None if query_ids is None else query_ids[clip],
                is_track=None if is_track is None else is_track[clip],
                query_valid=valid[clip],
            ).gt_inds
        )
    gt_inds = torch.stack(results)
    nowhere = in_cells(poses.mean(dim=2), targets.ignored)
    return gt_inds.masked_fill(nowhere & (gt_inds == 0), -1)


def _with_class(labels: InstanceData) -> InstanceData:
    """The labels of a frame, as assigners want them: all are persons."""
    return InstanceData(
        labels=torch.zeros_like(labels.track_ids),
        keypoints=labels.keypoints.float(),
        keypoints_visible=labels.keypoints_visible,
        areas=labels.areas.float(),
        track_ids=labels.track_ids,
    )
