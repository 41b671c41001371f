_base_ = ['./default_runtime.py']

# What configs that track share: the best checkpoint by AP, and images with a
# colour per identity (--show-dir of tools/test.py and tools/train.py).
default_hooks = dict(
    checkpoint=dict(save_best='AP', rule='greater'),
    visualization=dict(type='cape_mm.TrackVisualizationHook'),
)
visualizer = dict(type='cape_mm.TrackVisualizer')
