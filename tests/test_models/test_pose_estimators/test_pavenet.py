# Copyright (c) cape_mm contributors. All rights reserved.
import numpy as np
import pytest
import torch
from tiny_pavenet import (
    LAYERS,
    C,
    K,
    build_model,
    collate,
    make_clip,
    model_config,
)

from cape_mm.models.task_modules import TRACK_DIAGNOSTICS
from cape_mm.registry import MODELS
from cape_mm.structures import TrackQueryState


def run_loss(model, batch):
    data = model.data_preprocessor(batch, True)
    losses = model(**data, mode='loss')
    total, _ = model.parse_losses(losses)
    return total, losses


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


@pytest.mark.parametrize('neighbour_weight', [0.0, 1.0])
@pytest.mark.parametrize('batch_size', [1, 2])
def test_clips_without_persons_teach_that_there_are_none(
    batch_size, neighbour_weight
):
    model = build_model(criterion=dict(neighbour_weight=neighbour_weight))
    clips = [make_clip(seed) for seed in range(batch_size)]
    for clip in clips:
        for frame in clip['data_samples'].frames:
            frame.gt_instance_labels = frame.gt_instance_labels[:0]
    total, losses = run_loss(model, collate(*clips))
    total.backward()
    assert all(value.isfinite() for value in losses.values())
    assert losses['loss_cls'] > 0 and losses['loss_kpt'] == 0
    for part in (model.head.proposer, model.head.decoder.branches[0]):
        assert (part.cls.bias.grad > 0).all()


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
        # Pixels of a 48 x 32 picture, not shares of it.
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
            joint_decoder=dict(num_layers=2, **LAYERS),
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
def test_every_parameter_gets_a_gradient(neighbour_weight, detach):
    layers = dict(
        num_layers=2,
        num_heads=2,
        feedforward_dims=16,
        detach_reference=detach,
    )
    model = build_model(
        criterion=dict(neighbour_weight=neighbour_weight),
        decoder=dict(layers, lookup_radius=1),
        joint_decoder=dict(layers, lookup_radius=1),
    )
    batch = collate(make_clip(0), make_clip(1))
    run_loss(model, batch)[0].backward()
    dead = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert not dead


def make_state(model, counts):
    torch.manual_seed(5)
    states = [
        TrackQueryState(
            content=torch.randn(1, count, C),
            reference=torch.rand(1, count, K, 2),
            track_ids=torch.arange(count)[None],
            valid=torch.ones(1, count, dtype=torch.bool),
        )
        for count in counts
    ]
    return states


def decode(model, data, state):
    memory = model.encode(data['inputs'])
    window = memory.gather(data['inputs']['frame_index'][:, 0])
    best = model.head.best(model.head.proposer(window))
    return model.head.predict(window, best, state)


def test_a_batch_of_two_is_two_batches_of_one():
    model = build_model().eval()
    # With another number of tracks.
    clips = [make_clip(0, 1), make_clip(1, 1, video='b')]
    states = make_state(model, (3, 1))
    data = model.data_preprocessor(collate(*clips))
    both = decode(model, data, TrackQueryState.cat(states))
    for number, (clip, state) in enumerate(zip(clips, states)):
        data = model.data_preprocessor(collate(clip))
        one = decode(model, data, state)
        tracks = state.num_queries
        places = [*range(tracks), *range(3, both.logits.shape[1])]
        for name in ('poses', 'logits', 'sigma', 'visibility', 'content'):
            assert torch.allclose(
                getattr(both, name)[number, places],
                getattr(one, name)[0],
                atol=1e-4,
            ), name


def test_the_loss_of_a_batch_comes_from_both_clips():
    model = build_model(seed=1)
    clips = [make_clip(0), make_clip(1)]
    parts = [run_loss(model, collate(clip))[1] for clip in clips]
    both = run_loss(model, collate(*clips))[1]
    # Both clips have as many visible joints and persons.
    for name in ('enc_loss_kpt', 'loss_kpt', 'loss_cls', 'loss_hm'):
        mean = (parts[0][name] + parts[1][name]) / 2
        assert torch.allclose(both[name], mean, rtol=1e-3), name


def test_repeated_and_other_frames_have_no_influence():
    model = build_model().eval()
    short, long = make_clip(0, 1), make_clip(1, 2)
    # Twice the same window: 3 frames instead of 4, and one is repeated.
    sample = short['data_samples']
    sample.set_metainfo(dict(frame_index=sample.frame_index.repeat(2, axis=0)))
    data = model.data_preprocessor(collate(short, long))
    data['inputs']['frame_index'] = data['inputs']['frame_index'][:, :1]
    state = model.head.empty_state(model.encode(data['inputs']))
    before = decode(model, data, state).poses
    data['inputs']['frames'][0, 3] = 7.0
    data['inputs']['frames'][1, 3] = 7.0
    assert torch.equal(decode(model, data, state).poses, before)
    data['inputs']['frames'][1, 2] = 7.0
    changed = decode(model, data, state).poses
    assert torch.equal(changed[0], before[0])
    assert not torch.equal(changed[1], before[1])


@pytest.fixture
def windows_batch():
    torch.manual_seed(0)
    return collate(make_clip(0, 2), make_clip(1, 2))


def count_saved(function):
    sizes = {}

    def note(tensor):
        sizes[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
        function()
    return sum(sizes.values())


def test_first_window_without_gradient(windows_batch):
    full, silent = build_model(), build_model(no_grad_windows=1)
    silent.load_state_dict(full.state_dict())
    saved = [
        count_saved(lambda m=model: run_loss(m, windows_batch))
        for model in (full, silent)
    ]
    assert saved[1] < 0.8 * saved[0]

    data = silent.data_preprocessor(windows_batch, True)
    data['inputs']['frames'].requires_grad_()
    losses = silent(**data, mode='loss')
    silent.parse_losses(losses)[0].backward()
    grad = data['inputs']['frames'].grad.flatten(2).abs().sum(dim=-1)
    # Frame 0 is seen by the first window only.
    assert not grad[:, 0].any() and (grad[:, 1:] > 0).all()
    assert losses['n_trk'] > 0
    with pytest.raises(ValueError, match='no_grad_windows'):
        run_loss(silent, collate(make_clip(0, 1)))


def test_a_frozen_start_of_the_clip_gives_the_same_second_window():
    full, silent = build_model(), build_model(no_grad_windows=1)
    silent.load_state_dict(full.state_dict())
    batch = collate(make_clip(0, 2))
    first, second = run_loss(full, batch)[1], run_loss(silent, batch)[1]
    for name in TRACK_DIAGNOSTICS:
        if name in first:
            assert torch.allclose(first[name], second[name], atol=1e-5)


def test_handed_over_queries_have_no_gradient():
    model = build_model()
    states = []
    sample = model.head.sampler.sample

    def spy(**kwargs):
        states.append(sample(**kwargs))
        return states[-1]

    model.head.sampler.sample = spy
    run_loss(model, collate(make_clip(0, 3)))
    assert len(states) == 3 and states[0].num_queries == 2
    assert sorted(states[0].track_ids[0].tolist()) == [3, 7]
    for state in states:
        assert not state.content.requires_grad
        assert not state.reference.requires_grad


def make_video(model, video, seed, length=3):
    """Frames of a video, one batch each."""
    return [
        model.data_preprocessor(
            collate(make_clip(seed + n, 1, video=video, first=n))
        )
        for n in range(length)
    ]


def track(model, batches):
    state, results = None, []
    for data in batches:
        frames, state = model.track(**data, state=state)
        results += frames
    return results


def same(one, other):
    return all(
        np.array_equal(a.pred_instances[name], b.pred_instances[name])
        for a, b in zip(one, other)
        for name in ('track_ids', 'keypoints')
    )


def test_another_video_has_no_influence():
    model = build_model().eval()
    first, second = make_video(model, 'a', 0), make_video(model, 'b', 10)
    alone = track(model, second)
    after = track(model, first + second)[len(first) :]
    assert same(alone, after)
    # Within a video the frame before matters: tracks are propagated.
    cut = track(model, second[1:])
    assert not same(alone[1:], cut)
    ids = [set(frame.pred_instances.track_ids.tolist()) for frame in alone]
    assert ids[0] & ids[1]


def test_windows_of_a_clip_are_tracked_as_clips_of_one_window():
    model = build_model().eval()
    clip = make_clip(0, 3)
    together = model.data_preprocessor(collate(clip))
    apart = []
    for window in clip['data_samples'].frame_index:
        sample = clip['data_samples'].new()
        sample.frames = [clip['data_samples'].frames[i] for i in window]
        sample.set_metainfo(dict(frame_index=np.arange(3)[None]))
        apart.append(
            model.data_preprocessor(
                collate(
                    dict(inputs=clip['inputs'][window], data_samples=sample)
                )
            )
        )
    found, wanted = track(model, [together]), track(model, apart)
    assert [frame.frame_id for frame in found] == [1, 2, 3]
    for one, other in zip(found, wanted):
        one, other = one.pred_instances, other.pred_instances
        assert (one.track_ids == other.track_ids).all()
        assert np.allclose(one.keypoints, other.keypoints, atol=1e-3)


def test_loops_follow_a_video_over_batches_and_begin_again():
    model = build_model().eval()
    clips = [make_clip(n, 1, first=n) for n in range(4)]
    wanted = track(
        model, [model.data_preprocessor(collate(clip)) for clip in clips]
    )
    for _ in range(2):
        found = []
        for batch in (clips[:2], clips[2:]):
            found += model.test_step(collate(*batch))
        assert [len(f.pred_instances.track_ids) for f in found] == [
            len(f.pred_instances.track_ids) for f in wanted
        ]
        for one, other in zip(found, wanted):
            assert (
                one.pred_instances.track_ids == other.pred_instances.track_ids
            ).all()


def test_no_refinement_and_no_visibility_are_options():
    model = build_model(joint_decoder=None, criterion=dict(vis_weight=0))
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


def test_identity_mode_tells_predicted_consistency():
    model = build_model(mode='hard')
    losses = run_loss(model, collate(make_clip()))[1]
    assert 0 <= losses['trk_id_con'] <= 1


def test_wrong_use_is_refused():
    model = build_model()
    data = model.data_preprocessor(collate(make_clip(0, 2)))
    with pytest.raises(ValueError, match='mode'):
        model(**data, mode='train')
    with pytest.raises(ValueError, match='lookup_radius'):
        build_model(heatmap=None)
    with pytest.raises(ValueError, match='finer_map'):
        build_model(heatmap=dict())
    with pytest.raises(ValueError, match='odd'):
        build_model(num_frames=2)
    data = model.data_preprocessor(collate(make_clip(num_frames=5)))
    with pytest.raises(ValueError, match='windows of 5 frames'):
        model(**data, mode='loss')


def test_losses_do_not_depend_on_the_mode_of_the_model():
    """There is neither dropout nor batch norm in it."""
    model = build_model(
        decoder=dict(num_layers=2, **LAYERS),
        joint_decoder=dict(num_layers=1, **LAYERS),
    )
    batch = collate(make_clip())
    learning, testing = (
        run_loss(model.train(mode), batch)[1]['loss_hm']
        for mode in (True, False)
    )
    assert torch.allclose(learning, testing)


@pytest.mark.parametrize('num_frames', [1, 3, 5])
def test_pictures_of_unequal_sizes_train_together(num_frames):
    model = build_model(num_frames=num_frames)
    sizes = ((32, 48), (64, 40))
    clips = [
        make_clip(n, num_frames=num_frames, size=size)
        for n, size in enumerate(sizes)
    ]
    total, losses = run_loss(model, collate(*clips))
    total.backward()
    assert all(value.isfinite() for value in losses.values())
    frames = model.eval().test_step(
        collate(
            *(
                make_clip(n, 1, num_frames, video=str(n), size=size)
                for n, size in enumerate(sizes)
            )
        )
    )
    for frame, (height, width) in zip(frames, sizes):
        points = frame.pred_instances.keypoints
        assert (points >= -1).all() and (points <= [width, height]).all()


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


@pytest.mark.parametrize('change', [dict(sampler=None), dict()])
def test_without_track_queries_there_is_nothing_to_tell_of_them(change):
    windows = 2 if change else 1
    model = build_model(**change)
    losses = run_loss(model, collate(make_clip(0, windows)))[1]
    told = set(losses) & set(TRACK_DIAGNOSTICS)
    assert told == {'det_kpt_l1', 'n_det_pos', 'det_cls_val'}


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
    seen = [
        (name, parameter)
        for name, parameter in model.named_parameters()
        if 'offsets.' in name
    ]
    places = {
        name.split('.')[0] + '.' + name.split('.')[1] for name, _ in seen
    }
    assert places == {'encoder.layers', 'head.decoder', 'head.joint_decoder'}
    for name, parameter in seen:
        assert parameter.any() == name.endswith('bias'), name
    last = [*model.head.decoder.branches, *model.head.joint_decoder.branches]
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
