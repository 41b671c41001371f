_base_ = ['../pavenet_tiny_stick-figures.py']

# What the model learns about identities must get lost: in each frame they are
# exchanged at random.
train_pipeline = [
    dict(type='cape_mm.LoadClipImages'),
    dict(type='cape_mm.ShuffleTrackIds'),
    dict(
        type='cape_mm.RandomClipAffine',
        rotation=15,
        scale=(0.85, 1.2),
        shift=0.08,
    ),
    dict(type='cape_mm.WarpClip'),
    dict(type='cape_mm.PackClipInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
