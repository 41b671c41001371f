_base_ = ['./hrnetv2_w18.py']

# The same widths with fewer blocks: a quarter of the parameters, made for
# training from random initialisation on a CPU.
model = dict(
    backbone=dict(
        extra=dict(
            stage1=dict(num_blocks=(2,)),
            stage2=dict(num_blocks=(2, 2)),
            stage3=dict(num_modules=1, num_blocks=(2, 2, 2)),
            stage4=dict(num_modules=1, num_blocks=(2, 2, 2, 2)),
        ),
    ),
)
