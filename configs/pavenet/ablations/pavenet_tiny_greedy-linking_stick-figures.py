_base_ = ['../pavenet_tiny_stick-figures.py']

# No propagation: detections of single frames, linked afterwards. Only tests
# differ, so that the weights of the tiny config can be used. In the order of
# their scores instead of links: --cfg-options model.tracker.link_oks=None
model = dict(
    tracker=dict(
        _delete_=True,
        type='cape_mm.DetectionLinker',
        metainfo={{_base_.metainfo}},
        birth_thr=0.25,
        duplicate_oks=0.65,
    )
)
