_base_ = ['../pavenet_tiny_stick-figures.py']

# A control: identities are exchanged at random in each frame, so that nothing
# can be learned about them. Poses in neighbour frames are found by identity,
# so they are not supervised: compare with the config without neighbours.
train_pipeline = [
    dict(type='cape_mm.LoadClipImages'),
    dict(type='cape_mm.ShuffleTrackIds'),
    dict(
        type='cape_mm.RandomClipAffine',
        rotation=8,
        scale=(0.9, 1.12),
        shift=0.05,
    ),
    dict(type='cape_mm.WarpClip'),
    dict(type='cape_mm.PackClipInputs'),
]
model = dict(head=dict(criterion=dict(neighbour_weight=0.0)))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
