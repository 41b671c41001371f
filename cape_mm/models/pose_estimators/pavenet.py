# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from typing import Sequence

import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import Tensor

from cape_mm.registry import MODELS, TASK_UTILS
from cape_mm.structures import ClipDataSample, PoseTrackerState

from ..heads.frame_prediction import persons_to_original
from ..layers.clip_memory import ClipMemory


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
        backbone (dict): Gives the maps of an image.
        neck (dict): Gives L maps with C channels.
        encoder (dict): A :class:`ClipEncoder`.
        head (dict): A :class:`PAVEHead`.
        tracker (dict, optional): A ``PoseQueryTracker``, for tests.
        finer_map (bool): Whether the first map of the backbone does not go to
            the neck but to the heatmap of the head, which needs
            ``finer_channels``. Defaults to False.
        data_preprocessor (dict, optional): A :class:`ClipDataPreprocessor`.
        init_cfg (dict, optional): Initialisation of the weights.

    Raises:
        ValueError: If the finer map is made but not wanted, or the other way
            round; or if tests hand queries over, but training does not.
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
        self.head = MODELS.build(head)
        self.tracker = tracker and TASK_UTILS.build(tracker)
        self.finer_map = finer_map
        if finer_map != self.head.wants_finer_map:
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
        self._tested: PoseTrackerState | None = None

    def forward(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[ClipDataSample] | None = None,
        mode: str = 'tensor',
    ) -> dict[str, Tensor] | list[PoseDataSample] | list[tuple]:
        """Run the model.

        Args:
            inputs (Dict[str, Tensor]): As :class:`ClipDataPreprocessor` gives
                it.
            data_samples (List[ClipDataSample], optional): B clips, for all
                modes but ``'tensor'``.
            mode (str): ``'loss'``, ``'predict'`` (frames as in :meth:`track`,
                without tracks to begin with) or ``'tensor'`` (poses
                (B, Q, K, 2) and logits (B, Q) of each window, without
                tracks).

        Returns:
            dict | list: Of losses, of frames, or of tensors.

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
            result = self.head.predict(
                window,
                self.head.best(self.head.proposer(window)),
                self.head.empty_state(memory),
            )
            outputs.append((result.poses, result.logits))
        return outputs

    def loss(
        self,
        inputs: dict[str, Tensor],
        data_samples: Sequence[ClipDataSample],
    ) -> dict[str, Tensor]:
        """Losses and diagnostics of a batch of clips.

        Args:
            inputs (Dict[str, Tensor]): See :meth:`forward`.
            data_samples (Sequence[ClipDataSample]): B clips.

        Returns:
            Dict[str, Tensor]: See :meth:`PAVEHead.loss`.

        Raises:
            ValueError: If no window is left to learn from.
        """
        index, silent = inputs['frame_index'], self.head.no_grad_windows
        if silent >= index.shape[1]:
            raise ValueError(
                f'all {index.shape[1]} windows of a clip are among the '
                f'no_grad_windows ({silent}): give the dataset more windows'
            )
        learning = None
        if silent:
            # Frames that only windows without gradient see need none.
            learning = torch.zeros_like(inputs['frame_valid'])
            learning.scatter_(1, index[:, silent:].flatten(1), True)
        memory = self.encode(inputs, learning, to_learn=True)
        return self.head.loss(memory, index, data_samples)

    def encode(
        self,
        inputs: dict[str, Tensor],
        learning: Tensor | None = None,
        to_learn: bool = False,
    ) -> ClipMemory:
        """Encode each frame once.

        Args:
            inputs (Dict[str, Tensor]): See :meth:`forward`.
            learning (Tensor, optional): (B, U) bool, frames that are encoded
                with gradient. By default all are, if gradients are on.
            to_learn (bool): Whether there are losses. Defaults to False.

        Returns:
            ClipMemory: The U frames of B clips, with the maps of the joints if
            they are looked up or learned.

        Raises:
            ValueError: If the windows have another number of frames than the
                model, or the neck gives another number of levels.
        """
        given, wanted = inputs['frame_index'].shape[-1], self.head.num_frames
        if given != wanted:
            raise ValueError(
                f'windows of {given} frames, but the model was made for '
                f'{wanted}: set num_frames of the datasets and of model.head '
                'alike'
            )
        frames = inputs['frames']
        # The frames of a clip have one size; repetitions are not looked at.
        valid = inputs['valid'][:, 0]
        masks = valid[:, None].expand(-1, frames.shape[1], -1, -1)
        if learning is None or bool(learning.all()):
            encoded, shapes = self._encode(
                frames.flatten(0, 1), masks.flatten(0, 1)
            )
            encoded = [x.unflatten(0, frames.shape[:2]) for x in encoded]
        else:
            seen, shapes = self._encode(frames[learning], masks[learning])
            with torch.no_grad():
                others, _ = self._encode(frames[~learning], masks[~learning])
            encoded = []
            for ours, theirs in zip(seen, others):
                both = ours.new_zeros(*frames.shape[:2], *ours.shape[1:])
                both[learning] = ours
                both[~learning] = theirs.to(ours.dtype)
                encoded.append(both)
        memory = ClipMemory.assemble(encoded[0], valid, shapes)
        return self.head.find_joints(memory, *encoded[1:], to_learn=to_learn)

    @torch.no_grad()
    def track(
        self,
        inputs: dict[str, Tensor],
        data_samples: Sequence[ClipDataSample],
        state: PoseTrackerState | None = None,
    ) -> tuple[list[PoseDataSample], PoseTrackerState | None]:
        """Predict the middle frames of windows, in their order.

        Args:
            inputs (Dict[str, Tensor]): See :meth:`forward`.
            data_samples (Sequence[ClipDataSample]): B clips of T windows.
            state (PoseTrackerState, optional): What is known of the video
                before. Defaults to nothing.

        Returns:
            tuple:
            - frames (List[PoseDataSample]): The B x T middle frames, clip by
              clip, with ``pred_instances`` (NumPy, original pixels):
              ``keypoints`` (N, K, 2), ``keypoint_scores`` (N, K),
              ``keypoints_visible`` (N, K) in [0, 1], ``bboxes`` (N, 4), the
              extent of the joints, ``bbox_scores`` (N,), ``track_ids`` (N,).
            - state (PoseTrackerState): For the next frame.

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
                persons, state = self._track_frame(
                    clip.gather(index), frame, state
                )
                result = frame.new()
                result.gt_instances = frame.gt_instances
                result.pred_instances = persons
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
        """Tokens of N frames, and the finer map if it is wanted."""
        levels = self.backbone(frames)
        finer = levels[:1] if self.finer_map else ()
        tokens, shapes = self.encoder(self.neck(levels[len(finer) :]), valid)
        return [tokens, *finer], shapes

    def _track_frame(
        self,
        window: ClipMemory,
        frame: PoseDataSample,
        state: PoseTrackerState | None,
    ) -> tuple[InstanceData, PoseTrackerState]:
        """Find the persons of one frame."""
        shape = frame.img_shape
        state = self.tracker.begin(
            state,
            frame.video_id,
            frame.frame_id,
            self.head.embed_dims,
            self.head.num_keypoints,
            device=window.tokens.device,
            with_position=self.head.hand_over_position,
        )
        best = self.head.best(self.head.proposer(window))
        state = self.tracker.reanchor(
            state, best.poses[0], best.logits[0], shape
        )
        result = self.head.predict(window, best, self.tracker.queries(state))
        persons, state = self.tracker.update(
            result.content[0],
            result.poses[0],
            result.logits[0],
            state,
            shape,
            None if result.position is None else result.position[0],
        )
        return persons_to_original(persons, result, frame), state
