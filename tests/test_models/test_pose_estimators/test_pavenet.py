# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest
import torch
from support.tiny_pavenet import (
    LAYERS,
    K,
    build_model,
    collate,
    make_clip,
    model_config,
    run_loss,
)

from cape_mm.models.task_modules import TRACK_DIAGNOSTICS
from cape_mm.registry import MODELS


@pytest.mark.parametrize('num_frames', [1, 3, 5])
@pytest.mark.parametrize('num_windows', [1, 2, 3])
@pytest.mark.parametrize('batch_size', [1, 2])
def test_trains(num_frames, num_windows, batch_size):
    model = build_model(num_frames=num_frames)
    clips = [
        make_clip(seed, num_windows, num_frames) for seed in range(batch_size)
    ]
    total, losses = run_loss(model, collate(*clips))
    total.backward()
    assert all(value.isfinite() for value in losses.values())
    names = {'loss_cls', 'loss_kpt', 'd0.loss_kpt', 'd1.loss_kpt_refine'}
    assert {*names, 'enc_loss_cls', 'enc_loss_kpt', 'loss_hm'} <= set(losses)
    assert ('trk_id_con' in losses) == (num_windows > 1)


@pytest.mark.parametrize('num_frames', [1, 3, 5])
@pytest.mark.parametrize('batch_size', [1, 2])
def test_predicts(num_frames, batch_size):
    model = build_model(num_frames=num_frames).eval()
    clips = [
        make_clip(seed, 1, num_frames, first=seed)
        for seed in range(batch_size)
    ]
    data = model.data_preprocessor(collate(*clips))
    frames = model(**data, mode='predict')
    middles = [clip['data_samples'].centers[0].frame_id for clip in clips]
    assert [frame.frame_id for frame in frames] == middles
    for frame in frames:
        persons = frame.pred_instances
        count = len(persons.track_ids)
        assert count and persons.keypoints.shape == (count, K, 2)
        assert persons.keypoint_scores.shape == (count, K)
        assert persons.keypoints_visible.shape == (count, K)
        assert persons.bboxes.shape == (count, 4)
        assert len(set(persons.track_ids.tolist())) == count
        # Pixels of a 48 x 32 image, not shares of it.
        assert persons.keypoints.max() > 2
    assert len(model(data['inputs'])) == 1


def test_keys_of_the_document():
    losses = run_loss(
        build_model(
            criterion=dict(
                l1_weight=0, oks_weight=0, vis_weight=0, neighbour_weight=0
            ),
            heatmap=None,
            decoder=dict(num_layers=2, **LAYERS),
            keypoint_decoder=dict(num_layers=2, **LAYERS),
        ),
        collate(make_clip()),
    )[1]
    assert set(losses) - set(TRACK_DIAGNOSTICS) == {
        *('enc_loss_cls', 'enc_loss_kpt', 'loss_cls', 'loss_kpt'),
        *('d0.loss_cls', 'd0.loss_kpt'),
        *('d0.loss_kpt_refine', 'd1.loss_kpt_refine'),
    }


@pytest.mark.parametrize('neighbour_weight', [0.0, 1.0])
@pytest.mark.parametrize('detach', [True, False])
@pytest.mark.parametrize('refinement', [True, False])
def test_every_parameter_gets_a_gradient(neighbour_weight, detach, refinement):
    layers = dict(
        num_layers=2,
        num_heads=2,
        feedforward_dims=16,
        detach_reference=detach,
    )
    model = build_model(
        criterion=dict(neighbour_weight=neighbour_weight),
        decoder=dict(layers, sampling_radius=1),
        keypoint_decoder=dict(layers, sampling_radius=1)
        if refinement
        else None,
    )
    batch = collate(make_clip(0), make_clip(1))
    run_loss(model, batch)[0].backward()
    dead = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert not dead


def test_no_refinement_and_no_visibility_are_options():
    model = build_model(keypoint_decoder=None, criterion=dict(vis_weight=0))
    losses = run_loss(model, collate(make_clip()))[1]
    assert not any('refine' in key or 'vis' in key for key in losses)
    data = model.eval().data_preprocessor(collate(make_clip(0, 1)))
    frame = model(**data, mode='predict')[0]
    assert (frame.pred_instances.keypoints_visible == 1).all()


def test_one_flow_for_all_stages_is_an_option():
    shared, apart = (
        build_model(criterion=dict(share_flow=share))
        for share in (True, False)
    )
    count = sum(p.numel() for p in apart.parameters())
    fewer = sum(p.numel() for p in shared.parameters())
    flow = apart.head.criterion.loss_kpt['refine'].flow
    assert count - fewer == 2 * sum(p.numel() for p in flow.parameters())


def test_identity_mode_has_predicted_consistency():
    model = build_model(mode='hard')
    losses = run_loss(model, collate(make_clip()))[1]
    assert 0 <= losses['trk_id_con'] <= 1


def test_wrong_use_is_refused():
    model = build_model()
    data = model.data_preprocessor(collate(make_clip(0, 2)))
    with pytest.raises(ValueError, match='mode'):
        model(**data, mode='train')
    with pytest.raises(ValueError, match='sampling_radius'):
        build_model(heatmap=None)
    with pytest.raises(ValueError, match='finer_map'):
        build_model(heatmap=dict())
    with pytest.raises(ValueError, match='odd'):
        build_model(num_frames=2)
    data = model.data_preprocessor(collate(make_clip(num_frames=5)))
    with pytest.raises(ValueError, match='windows of 5 frames'):
        model(**data, mode='loss')
    with pytest.raises(ValueError, match='DetectionLinker'):
        build_model(sampler=None)
    batch = collate(make_clip(0, 2))
    with pytest.raises(ValueError, match=r'model\.tracker'):
        build_model(tracker=None).test_step(batch)
    with pytest.raises(ValueError, match=r'model\.head\.assigner'):
        run_loss(build_model(assigner=None), batch)


def test_configs_of_earlier_checkpoints_build_the_same_model():
    config = model_config()
    head = config['head']
    head['joint_decoder'] = head.pop('keypoint_decoder')
    for decoder in (head['decoder'], head['joint_decoder']):
        decoder['lookup_radius'] = decoder.pop('sampling_radius')
    head['sampler']['joint_jitter'] = 0.1
    head['criterion']['loss_kpt']['joint_weights'] = [1.0] * K
    model = MODELS.build(config)
    assert list(model.state_dict()) == list(build_model().state_dict())
    assert model.head.sampler.keypoint_jitter == 0.1
    head['keypoint_decoder'] = None
    with pytest.raises(ValueError, match='joint_decoder is now keypoint_deco'):
        MODELS.build(config)


def test_losses_do_not_depend_on_the_mode_of_the_model():
    """There is neither dropout nor batch norm in it."""
    model = build_model(
        decoder=dict(num_layers=2, **LAYERS),
        keypoint_decoder=dict(num_layers=1, **LAYERS),
    )
    batch = collate(make_clip())
    learning, testing = (
        run_loss(model.train(mode), batch)[1]['loss_hm']
        for mode in (True, False)
    )
    assert torch.allclose(learning, testing)


@pytest.mark.parametrize('windows', [0, 1])
def test_mixed_precision_trains(windows):
    model = build_model(no_grad_windows=windows)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        total, losses = run_loss(model, collate(make_clip(0), make_clip(1)))
    total.backward()
    assert all(value.isfinite() for value in losses.values())
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all()
        for parameter in model.parameters()
    )


@pytest.mark.parametrize('change', [dict(sampler=None, tracker=None), dict()])
def test_without_track_queries_they_have_no_diagnostics(change):
    windows = 2 if change else 1
    model = build_model(**change)
    losses = run_loss(model, collate(make_clip(0, windows)))[1]
    keys = set(losses) & set(TRACK_DIAGNOSTICS)
    assert keys == {'det_kpt_l1', 'n_det_pos', 'det_cls_val'}


def test_a_training_step_leaves_nothing_in_the_model():
    model = build_model()
    tools = [model.head.assigner, model.head.sampler, model.tracker]
    parts = [*model.modules(), *tools]
    batch = collate(make_clip(0), make_clip(1))
    before = [dict(vars(part)) for part in parts]
    losses = run_loss(model, batch)[1]
    assert [dict(vars(part)) for part in parts] == before
    again = run_loss(model, batch)[1]
    assert all(torch.equal(losses[name], again[name]) for name in losses)


def test_tensors_decide_on_the_device_not_the_machine(monkeypatch):
    """A CPU must do where CUDA is there, and no file is read meanwhile."""
    model, batch = build_model(), collate(make_clip())
    expected = run_loss(model, batch)[0]

    def refuse(*args, **kwargs):
        raise AssertionError(f'reads {args[0]}')

    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, 'is_available', lambda: True)
        patch.setattr('builtins.open', refuse)
        patch.setattr('cv2.imread', refuse)
        total = run_loss(model, batch)[0]
        found = model.eval().test_step(batch)
    assert torch.equal(total, expected) and len(found) == 2


def test_initialisation_keeps_the_start_of_sampling_points():
    """A blanket initialisation must not undo zeros, nor pose branches."""
    torch.manual_seed(0)
    model = MODELS.build(model_config())
    model.init_weights()
    offsets = [
        (name, parameter)
        for name, parameter in model.named_parameters()
        if 'offsets.' in name
    ]
    places = {
        name.split('.')[0] + '.' + name.split('.')[1] for name, _ in offsets
    }
    assert places == {
        'encoder.layers',
        'head.decoder',
        'head.keypoint_decoder',
    }
    for name, parameter in offsets:
        assert parameter.any() == name.endswith('bias'), name
    last = [
        *model.head.decoder.branches,
        *model.head.keypoint_decoder.branches,
    ]
    for branches in last:
        for pose in branches.pose:
            assert not pose.layers[-1].weight.any()


def test_poses_in_neighbour_frames_learn_from_their_labels():
    model = build_model()
    losses = run_loss(model, collate(make_clip()))[1]
    assert {'loss_nbr', 'd0.loss_nbr', 'd1.loss_nbr_refine'} <= set(losses)
    losses['loss_nbr'].backward()
    middle = model.head.num_frames // 2
    for frame, pose in enumerate(model.head.decoder.branches[-1].pose):
        gradient = pose.layers[-1].bias.grad
        assert (frame == middle) != bool(
            gradient is not None and gradient.any()
        )
