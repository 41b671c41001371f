# Copyright (c) cape_mm contributors. All rights reserved.
"""Registries of ``cape_mm``, scope ``cape_mm``.

Every node is a sibling of MMPose's node under MMEngine's root. Configs keep
``default_scope = 'mmpose'`` and write ``type='cape_mm.X'``; importing this
module is all MMEngine needs to find a type, because each node knows the
package that registers into it.
"""

from __future__ import annotations

from mmengine import registry as root
from mmengine.registry import Registry
from mmpose.registry import KEYPOINT_CODECS as MMPOSE_KEYPOINT_CODECS

HOOKS = Registry('hook', parent=root.HOOKS, locations=['cape_mm.engine.hooks'])
DATASETS = Registry(
    'dataset', parent=root.DATASETS, locations=['cape_mm.datasets.datasets']
)
DATA_SAMPLERS = Registry(
    'data sampler',
    parent=root.DATA_SAMPLERS,
    locations=['cape_mm.datasets.samplers'],
)
TRANSFORMS = Registry(
    'transform',
    parent=root.TRANSFORMS,
    locations=['cape_mm.datasets.transforms'],
)
MODELS = Registry('model', parent=root.MODELS, locations=['cape_mm.models'])
TASK_UTILS = Registry(
    'task util',
    parent=root.TASK_UTILS,
    locations=['cape_mm.models.task_modules'],
)
#: MMPose's own root: MMEngine has no codecs.
KEYPOINT_CODECS = Registry(
    'KEYPOINT_CODECS',
    parent=MMPOSE_KEYPOINT_CODECS,
    locations=['cape_mm.codecs'],
)
METRICS = Registry(
    'metric', parent=root.METRICS, locations=['cape_mm.evaluation.metrics']
)
VISUALIZERS = Registry(
    'visualizer', parent=root.VISUALIZERS, locations=['cape_mm.visualization']
)
