# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

#: Keys of a training log of pose tracking and what a healthy run shows, in
#: the order of the report. The page `reading_the_tracking_log.md` has more.
HEALTHY: dict[str, str] = {
    'loss': 'falls, negative after a while',
    'enc_loss_cls': 'falls',
    'enc_loss_kpt': 'falls',
    'd0.loss_cls': 'falls',
    'd0.loss_kpt': 'falls',
    'd1.loss_cls': 'falls',
    'd1.loss_kpt': 'falls, not above d0',
    'loss_cls': 'falls',
    'loss_kpt': 'falls, not above d0 and d1',
    'd0.loss_kpt_refine': 'falls',
    'd1.loss_kpt_refine': 'falls, not above d0',
    'loss_l1': 'falls',
    'loss_oks': 'falls',
    'loss_nbr': 'falls',
    'loss_hm': 'falls',
    'loss_vis': 'falls',
    'trk_kpt_l1': 'near det_kpt_l1',
    'det_kpt_l1': 'falls to 0.01 .. 0.03',
    'n_trk': 'above 0.5',
    'n_trk_pos': '50 .. 95 % of n_trk',
    'n_det_pos': 'above 0.05',
    'trk_id_con': 'above 0.7, later above 0.9',
    'trk_cls_val': 'falls',
    'det_cls_val': 'falls',
    'grad_norm': 'steady, below 200',
    'memory': 'fits the card',
    'data_time': 'small part of time',
    'time': 'steady',
}
