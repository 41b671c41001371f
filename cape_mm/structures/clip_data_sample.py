# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from mmengine.structures import BaseDataElement
from mmpose.structures import PoseDataSample


class ClipDataSample(BaseDataElement):
    """A clip of one video: T windows of F frames, made of U unique frames.

    Windows overlap, so ``frames``, a list in order of time, has each frame
    once: frame ``f`` of window ``t`` is ``frames[frame_index[t, f]]``, and
    ``inputs[frame_index[t, f]]`` is its image.

    Meta information:
        - ``video_id`` (str)
        - ``frame_index`` (np.ndarray): (T, F) int64.

    Every frame is an ordinary :class:`PoseDataSample` of N persons:

    - ``gt_instances`` (NumPy, original pixels, as annotated): ``keypoints``
      (N, K, 2) float32, ``keypoints_visible`` (N, K) float32, 1 where
      labelled, ``bboxes`` (N, 4) and ``bbox_head`` (N, 4) float32 xyxy, the
      head NaN where it is not known, ``areas`` (N,) float32, ``track_ids``
      (N,) int64, -1 where the identity is not known.
    - ``gt_instance_labels`` (tensors, [0, 1] of the input without padding):
      ``keypoints`` (N, K, 2) float32, ``keypoints_visible`` (N, K) float32, 1
      where labelled and inside the input, ``bboxes`` (N, 4) float32 xyxy,
      ``areas`` (N,) float32 in input pixels, ``track_ids`` (N,) int64. If the
      clip was mirrored, left and right keypoints are exchanged here, not in
      ``gt_instances``.
    - meta information: ``video_id`` (str), ``frame_id`` (int, position in the
      video from 0), ``num_frames`` (int, of the video), ``is_labeled`` (bool,
      if not, there are no persons), ``img_path`` (str), ``img_id`` (int or
      None), ``ori_shape`` and ``img_shape`` (height, width; the latter of the
      input without padding), ``ignore_regions`` (list of (P, 2) polygons) and
      ``ignore_bboxes`` (M, 4) in original pixels, ``warp_mat`` (2, 3) float32
      from original to input pixels; ``batch_input_shape`` (height, width with
      padding) after :class:`cape_mm.models.ClipDataPreprocessor`.

    In training, a person with no keypoint in the input is not among a frame's
    persons; all fields of a frame always have the same persons in the same
    order.
    """

    @property
    def centers(self) -> list[PoseDataSample]:
        """The T frames in the middle of the windows."""
        middle = self.frame_index.shape[1] // 2
        return [
            self.frames[index]
            for index in self.frame_index[:, middle].tolist()
        ]

    def to(self, *args, **kwargs) -> ClipDataSample:
        """Convert the tensors of all frames; see ``BaseDataElement``."""
        sample = self.new()
        sample.frames = [frame.to(*args, **kwargs) for frame in self.frames]
        return sample
