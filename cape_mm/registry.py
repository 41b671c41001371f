# Copyright (c) cape_mm contributors. All rights reserved.
"""Registries of ``cape_mm``, scope ``cape_mm``.

Every node is a sibling of MMPose's node under MMEngine's root. Configs keep
``default_scope = 'mmpose'`` and write ``type='cape_mm.X'``; importing this
module is all MMEngine needs to find a type, because each node knows the
package that registers into it.
"""

from __future__ import annotations

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import TASK_UTILS as MMENGINE_TASK_UTILS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import VISUALIZERS as MMENGINE_VISUALIZERS
from mmengine.registry import Registry
from mmpose.registry import KEYPOINT_CODECS as MMPOSE_KEYPOINT_CODECS

HOOKS = Registry(
    'hook', parent=MMENGINE_HOOKS, locations=['cape_mm.engine.hooks']
)
DATASETS = Registry(
    'dataset',
    parent=MMENGINE_DATASETS,
    locations=['cape_mm.datasets.datasets'],
)
DATA_SAMPLERS = Registry(
    'data sampler',
    parent=MMENGINE_DATA_SAMPLERS,
    locations=['cape_mm.datasets.samplers'],
)
TRANSFORMS = Registry(
    'transform',
    parent=MMENGINE_TRANSFORMS,
    locations=['cape_mm.datasets.transforms'],
)
MODELS = Registry(
    'model', parent=MMENGINE_MODELS, locations=['cape_mm.models']
)
TASK_UTILS = Registry(
    'task util',
    parent=MMENGINE_TASK_UTILS,
    locations=['cape_mm.models.task_modules'],
)
#: MMPose's own root: MMEngine has no codecs.
KEYPOINT_CODECS = Registry(
    'KEYPOINT_CODECS',
    parent=MMPOSE_KEYPOINT_CODECS,
    locations=['cape_mm.codecs'],
)
METRICS = Registry(
    'metric', parent=MMENGINE_METRICS, locations=['cape_mm.evaluation.metrics']
)
VISUALIZERS = Registry(
    'visualizer',
    parent=MMENGINE_VISUALIZERS,
    locations=['cape_mm.visualization'],
)
