_base_ = ['./graphcape_swinv2-t.py']

model = dict(backbone=dict(depths=(2, 2, 18, 2), drop_path=0.3))
