_base_ = ['../pavenet_tiny_stick-figures.py']

# Windows of one frame, without the frames before and after.
num_frames = 1
model = dict(head=dict(num_frames=num_frames))
train_dataloader = dict(dataset=dict(num_frames=num_frames))
val_dataloader = dict(dataset=dict(num_frames=num_frames))
test_dataloader = val_dataloader
