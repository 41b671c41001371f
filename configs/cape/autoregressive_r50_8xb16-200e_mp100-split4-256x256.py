_base_ = './autoregressive_r50_8xb16-200e_mp100-split1-256x256.py'

train_dataloader = dict(
    dataset=dict(dataset=dict(ann_file='annotations/mp100_split4_train.json'))
)
val_dataloader = dict(
    dataset=dict(dataset=dict(ann_file='annotations/mp100_split4_val.json'))
)
test_dataloader = dict(
    dataset=dict(dataset=dict(ann_file='annotations/mp100_split4_test.json'))
)
