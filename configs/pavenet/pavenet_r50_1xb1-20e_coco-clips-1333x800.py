_base_ = ['./pavenet_r50_1xb1-10e_posetrack18-1333x800.py']

# Pre-training on COCO: each image as a clip of a slowly moving camera, one
# window, no tracking. Of PoseTrack's 15 keypoints COCO has all but head_bottom
# and head_top, which are learned afterwards. Validated on PoseTrack18, so that
# the AP of these two stays near 0 here.
coco_root = __import__('cape_mm').env('COCO_ROOT', 'data/coco')
max_epochs = 20
train_dataloader = dict(
    dataset=dict(
        type='cape_mm.StaticImageClipDataset',
        data_root=coco_root,
        ann_file='annotations/person_keypoints_train2017.json',
        data_prefix=dict(img='train2017/'),
        num_windows=1,
    )
)
model = dict(
    head=dict(sampler=None),
    tracker=dict(
        _delete_=True,
        type='cape_mm.DetectionLinker',
        metainfo={{_base_.metainfo}},
    ),
)

train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=2e-5), accumulative_counts=16)
param_scheduler = [dict(type='MultiStepLR', milestones=[15], gamma=0.1)]
