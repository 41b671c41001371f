# Copyright (c) cape_mm contributors. All rights reserved.
from .base_inferencer import BaseInferencer, load_config, load_estimator
from .cape_inferencer import CapeInferencer
from .cephalometric_finetuning import (
    CephalogramFit,
    fit_cephalograms,
    write_cephalogram_fit,
)
from .cephalometric_inferencer import CephalometricInferencer, read_cephalogram
from .exports.annotation_files import (
    PredictionFile,
    export_predictions,
    write_request,
)
from .exports.landmark_tables import (
    describe_cephalogram,
    landmark_table,
    measurement_table,
    review_table,
    write_table,
)
from .exports.onnx import compare_onnx, decode_heatmaps, export_onnx
from .exports.tracks import TrackExport
from .finetuning import Fit, fit_category, write_fit
from .inputs.episode_request import EpisodeRequest, RequestMember
from .inputs.images import check_keypoints, find_images
from .inputs.requests import read_request
from .inputs.videos import FrameSource, VideoFrame, open_video
from .pose_tracking_inferencer import PoseTrackingInferencer
from .radius_calibration import (
    RadiusCalibration,
    calibrate_radii,
    calibration_path,
    radius_coverage,
)

__all__ = [
    'BaseInferencer',
    'CapeInferencer',
    'CephalogramFit',
    'CephalometricInferencer',
    'EpisodeRequest',
    'Fit',
    'FrameSource',
    'PoseTrackingInferencer',
    'PredictionFile',
    'RadiusCalibration',
    'RequestMember',
    'TrackExport',
    'VideoFrame',
    'calibrate_radii',
    'calibration_path',
    'check_keypoints',
    'compare_onnx',
    'decode_heatmaps',
    'describe_cephalogram',
    'export_onnx',
    'export_predictions',
    'find_images',
    'fit_category',
    'fit_cephalograms',
    'landmark_table',
    'load_config',
    'load_estimator',
    'measurement_table',
    'open_video',
    'radius_coverage',
    'read_cephalogram',
    'read_request',
    'review_table',
    'write_cephalogram_fit',
    'write_table',
    'write_fit',
    'write_request',
]
