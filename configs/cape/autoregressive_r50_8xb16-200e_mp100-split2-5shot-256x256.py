_base_ = './autoregressive_r50_8xb16-200e_mp100-split2-256x256.py'

train_dataloader = dict(dataset=dict(num_shots=5))
val_dataloader = dict(dataset=dict(num_shots=5))
test_dataloader = dict(dataset=dict(num_shots=5))
