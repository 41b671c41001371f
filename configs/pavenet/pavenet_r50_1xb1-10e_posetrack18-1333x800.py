_base_ = [
    '../_base_/tracking_runtime.py',
    '../_base_/datasets/posetrack_clips.py',
    '../_base_/models/pavenet_r50.py',
    '../_base_/schedules/pavenet_adamw_10e.py',
]

data_root = __import__('cape_mm').env('POSETRACK18_ROOT', 'data/posetrack18')
train_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='annotations/train')
)
val_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='annotations/val')
)
test_dataloader = val_dataloader
