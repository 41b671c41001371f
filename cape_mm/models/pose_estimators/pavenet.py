# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from functools import partial
from typing import Sequence

import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import Tensor

from cape_mm.registry import MODELS, TASK_UTILS
from cape_mm.structures import ClipDataSample, PoseTrackerState
from cape_mm.structures.coordinates import norm_to_original

from ..layers.pavenet import ClipMemory

#: Options of the configs in earlier checkpoints, and their present names.
_RENAMED_OPTIONS = dict(
    joint_decoder='keypoint_decoder',
    joint_jitter='keypoint_jitter',
    joint_weights='keypoint_weights',
    lookup_radius='sampling_radius',
)
#: Parts of the head's keys in earlier checkpoints, and their present names.
_RENAMED_KEYS = (
    ('joint_decoder.joints.', 'keypoint_decoder.keypoints.'),
    ('joint_decoder.', 'keypoint_decoder.'),
    ('decoder.lookups.', 'decoder.map_samplers.'),
    ('decoder.seen.', 'decoder.map_embeddings.'),
    ('decoder.position.joint.', 'decoder.position.keypoint.'),
)


@MODELS.register_module()
class PAVENet(BaseModel):
    """Poses and identities of all persons in videos, end to end.

    Every frame of a clip passes backbone, neck and encoder once; windows
    gather their frames.

    In tests the state of the tracker goes in and out of :meth:`track`.
    MMEngine's loops have no place for it, so ``val_step`` and ``test_step``,
    and only they, remember the state of the last frame; frames of a video must
    come in order, and a new video, or the same one again, begins without
    tracks.

    Args:
        backbone (dict): Config of the backbone, which gives feature maps.
        neck (dict): Config of the neck, which gives L maps of C channels.
        encoder (dict): Config of a :class:`ClipEncoder`.
        head (dict): Config of a :class:`PAVEHead`.
        tracker (dict, optional): Config of a ``PoseQueryTracker``, for tests.
        finer_map (bool): Whether the first map of the backbone does not go to
            the neck but to the heatmap of the head, which needs
            ``finer_channels``. Defaults to False.
        data_preprocessor (dict, optional): Config of a
            :class:`ClipDataPreprocessor`.
        init_cfg (dict, optional): Initialisation of the weights.

    Raises:
        ValueError: If only one of ``finer_map`` and ``finer_channels`` is
            set; or if tests hand queries over, but training does not.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        encoder: dict,
        head: dict,
        tracker: dict | None = None,
        finer_map: bool = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        self.encoder = MODELS.build(encoder)
        self.head = MODELS.build(_rename_options(head))
        self.tracker = tracker and TASK_UTILS.build(tracker)
        self.finer_map = finer_map
        lateral = getattr(self.head.heatmap, 'lateral', None)
        if finer_map != (lateral is not None):
            raise ValueError(
                'finer_map of the model and finer_channels of its heatmap '
                'go together: set both, or neither'
            )
        if (
            self.head.sampler is None
            and self.tracker
            and self.tracker.propagates
        ):
            raise ValueError(
                'without model.head.sampler no queries are handed over in '
                'training, so that they cannot carry identities in tests: '
                'model.tracker must be a DetectionLinker'
            )
        self._register_load_state_dict_pre_hook(_rename_keys)
        self._tested: PoseTrackerState | None = None

    def forward(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[ClipDataSample] | None = None,
        mode: str = 'tensor',
    ) -> dict[str, Tensor] | list[PoseDataSample] | list[tuple]:
        """Run the model.

        Args:
            inputs (dict[str, Tensor]): Output of
                :class:`ClipDataPreprocessor`.
            data_samples (list[ClipDataSample], optional): B clips, for all
                modes but ``'tensor'``.
            mode (str): ``'loss'``, ``'predict'`` (frames as in :meth:`track`,
                without tracks to begin with) or ``'tensor'`` (poses
                (B, Q, K, 2) and logits (B, Q) of each window, without
                tracks).

        Returns:
            dict | list: Losses, frames, or tensors.

        Raises:
            ValueError: If the mode is unknown.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.track(inputs, data_samples)[0]
        if mode != 'tensor':
            raise ValueError(
                f"mode is 'loss', 'predict' or 'tensor', not {mode!r}"
            )
        memory = self.encode(inputs)
        outputs = []
        for index in inputs['frame_index'].unbind(dim=1):
            window = memory.gather(index)
            result = self.head.predict(window, self.head(window))
            outputs.append((result.poses, result.logits))
        return outputs

    def loss(
        self,
        inputs: dict[str, Tensor],
        data_samples: Sequence[ClipDataSample],
    ) -> dict[str, Tensor]:
        """Losses and diagnostics of a batch of clips.

        Args:
            inputs (dict[str, Tensor]): See :meth:`forward`.
            data_samples (Sequence[ClipDataSample]): B clips.

        Returns:
            dict[str, Tensor]: See :meth:`PAVEHead.loss`.

        Raises:
            ValueError: If all windows are without gradient.
        """
        index, without = inputs['frame_index'], self.head.no_grad_windows
        if without >= index.shape[1]:
            raise ValueError(
                f'all {index.shape[1]} windows of a clip are among the '
                f'no_grad_windows ({without}): give the dataset more windows'
            )
        with_grad = None
        if without:
            # Frames only in windows without gradient need none.
            with_grad = torch.zeros_like(inputs['frame_valid'])
            with_grad.scatter_(1, index[:, without:].flatten(1), True)
        memory = self.encode(inputs, with_grad, for_loss=True)
        return self.head.loss(memory, index, data_samples)

    def encode(
        self,
        inputs: dict[str, Tensor],
        with_grad: Tensor | None = None,
        for_loss: bool = False,
    ) -> ClipMemory:
        """Encode each frame once.

        Args:
            inputs (dict[str, Tensor]): See :meth:`forward`.
            with_grad (Tensor, optional): (B, U) bool, True for frames to
                encode with gradient. By default all are, if gradients are on.
            for_loss (bool): Whether heatmaps are needed for their loss, and
                not only where they are sampled. Defaults to False.

        Returns:
            ClipMemory: The U frames of B clips.

        Raises:
            ValueError: If the windows have another number of frames than the
                model, or the neck gives another number of levels.
        """
        given, expected = inputs['frame_index'].shape[-1], self.head.num_frames
        if given != expected:
            raise ValueError(
                f'windows of {given} frames, but the model was made for '
                f'{expected}: set num_frames of the datasets and of '
                'model.head alike'
            )
        frames = inputs['frames']
        # The frames of a clip have one size; repetitions are not used.
        valid = inputs['valid'][:, 0]
        masks = valid[:, None].expand(-1, frames.shape[1], -1, -1)
        if with_grad is None or bool(with_grad.all()):
            encoded, shapes = self._encode(
                frames.flatten(0, 1), masks.flatten(0, 1)
            )
            encoded = [x.unflatten(0, frames.shape[:2]) for x in encoded]
        else:
            parts, shapes = self._encode(frames[with_grad], masks[with_grad])
            with torch.no_grad():
                others, _ = self._encode(frames[~with_grad], masks[~with_grad])
            encoded = []
            for part, other in zip(parts, others):
                both = part.new_zeros(*frames.shape[:2], *part.shape[1:])
                both[with_grad] = part
                both[~with_grad] = other.to(part.dtype)
                encoded.append(both)
        tokens, *finer = encoded
        memory = ClipMemory.assemble(tokens, valid, shapes)
        heatmap = self.head.heatmap
        if heatmap is not None and (for_loss or self.head.samples_maps):
            maps = heatmap(memory.finest_level(), *finer)
            memory = memory._replace(maps=maps)
        return memory

    @torch.no_grad()
    def track(
        self,
        inputs: dict[str, Tensor],
        data_samples: Sequence[ClipDataSample],
        state: PoseTrackerState | None = None,
    ) -> tuple[list[PoseDataSample], PoseTrackerState | None]:
        """Predict the middle frames of windows, in their order.

        Args:
            inputs (dict[str, Tensor]): See :meth:`forward`.
            data_samples (Sequence[ClipDataSample]): B clips of T windows.
            state (PoseTrackerState, optional): State after the windows
                before. Defaults to none.

        Returns:
            tuple:
            - frames (list[PoseDataSample]): The B x T middle frames, clip by
              clip, with ``pred_instances`` (NumPy, original pixels):
              ``keypoints`` (N, K, 2), ``keypoint_scores`` (N, K),
              ``keypoints_visible`` (N, K) in [0, 1], ``bboxes`` (N, 4), the
              extent of the keypoints, ``bbox_scores`` (N,), ``track_ids``
              (N,).
            - state (PoseTrackerState): State after these windows.

        Raises:
            ValueError: If there is no tracker.
        """
        if self.tracker is None:
            raise ValueError(
                'persons get their identities from model.tracker: set it'
            )
        memory = self.encode(inputs)
        frames = []
        for number, sample in enumerate(data_samples):
            clip = memory.clip(number)
            windows = inputs['frame_index'][number].split(1)
            for index, frame in zip(windows, sample.centers):
                window = clip.gather(index)
                proposals = self.head(window)
                decode = partial(self.head.predict, window, proposals)
                persons, state = self.tracker.track(
                    proposals, decode, frame, state
                )
                result = frame.new()
                result.gt_instances = frame.gt_instances
                result.pred_instances = _to_original(persons, frame)
                frames.append(result)
        return frames, state

    def val_step(self, data: dict | tuple | list) -> list:
        """Predict a batch that follows on the one of the last call."""
        return self.test_step(data)

    def test_step(self, data: dict | tuple | list) -> list:
        """Predict a batch that follows on the one of the last call."""
        data = self.data_preprocessor(data, False)
        frames, self._tested = self.track(
            data['inputs'], data['data_samples'], self._tested
        )
        return frames

    def _encode(
        self, frames: Tensor, valid: Tensor
    ) -> tuple[list[Tensor], list]:
        """Tokens of N frames, and the finer map if there is one."""
        levels = self.backbone(frames)
        finer = levels[:1] if self.finer_map else ()
        tokens, shapes = self.encoder(self.neck(levels[len(finer) :]), valid)
        return [tokens, *finer], shapes


def _to_original(persons: InstanceData, frame: PoseDataSample) -> InstanceData:
    """Persons of a tracker as ``pred_instances``, in original pixels."""
    points = norm_to_original(
        persons.keypoints.float(), frame.warp_mat, frame.img_shape
    )
    values = dict(
        keypoints=points,
        keypoint_scores=persons.keypoint_scores,
        keypoints_visible=persons.keypoints_visible,
        bboxes=torch.cat([points.amin(dim=1), points.amax(dim=1)], dim=-1),
        bbox_scores=persons.bbox_scores,
        track_ids=persons.track_ids,
    )
    return InstanceData(
        **{name: value.cpu().numpy() for name, value in values.items()}
    )


def _rename_options(config):
    """A config with the present names of its options."""
    if isinstance(config, (list, tuple)):
        return [_rename_options(value) for value in config]
    if not isinstance(config, dict):
        return config
    renamed = {}
    for key, value in config.items():
        name = _RENAMED_OPTIONS.get(key, key)
        if name in renamed or (name != key and name in config):
            raise ValueError(f'{key} is now {name}: the config has both')
        # `joint_weights` of a dataset's metainfo is MMPose's name.
        renamed[name] = value if key == 'metainfo' else _rename_options(value)
    return renamed


def _rename_keys(state_dict: dict, prefix: str, *_) -> None:
    """Give the head's weights of earlier checkpoints their present keys."""
    prefix = f'{prefix}head.'
    for key in list(state_dict):
        if key.startswith(prefix):
            name = key[len(prefix) :]
            for old, new in _RENAMED_KEYS:
                name = name.replace(old, new)
            state_dict[prefix + name] = state_dict.pop(key)
