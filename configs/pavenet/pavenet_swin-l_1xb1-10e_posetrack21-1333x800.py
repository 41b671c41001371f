_base_ = [
    '../_base_/tracking_runtime.py',
    '../_base_/datasets/posetrack_clips.py',
    '../_base_/models/pavenet_swin-l.py',
    '../_base_/schedules/pavenet_adamw_10e.py',
]

data_root = __import__('cape_mm').env('POSETRACK21_ROOT', 'data/posetrack21')
train_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='posetrack_data/train')
)
val_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='posetrack_data/val')
)
test_dataloader = val_dataloader
optim_wrapper = dict(accumulative_counts=16)
