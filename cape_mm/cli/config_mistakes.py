# Copyright (c) cape_mm contributors. All rights reserved.
"""Mistakes in configs and ``--cfg-options``, each said in a sentence."""

from __future__ import annotations

import inspect
import re
from difflib import get_close_matches
from traceback import walk_tb
from types import FrameType
from typing import Any, Iterable

from mmengine import registry as mmengine_registry
from mmengine import runner as mmengine_runner
from mmengine.config import Config
from mmengine.registry import OPTIMIZERS, DefaultScope, Registry
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from cape_mm.checks.training_config import find_class
from cape_mm.errors import UsageError, shorten

# Runner reads these from the config, not from its arguments.
_READ_BY_RUNNER = {'model_wrapper_cfg', 'find_unused_parameters', 'compile'}
# MMEngine warns of a registry of which MMPose has none.
_REGISTRIES = [
    value
    for value in vars(mmengine_registry).values()
    if isinstance(value, Registry) and 'mmpose' in value.children
]
_UNEXPECTED = re.compile(
    r"([\w.]+)\(\) got an unexpected keyword argument '(\w+)'"
)
_UNREGISTERED = re.compile(r'(\S+) is not in the \S+::[\w ]+ registry')
#: Least values of what a run counts with.
_LEAST = {
    'train_cfg.max_epochs': 1,
    'train_cfg.max_iters': 1,
    'train_cfg.val_interval': 1,
    'train_dataloader.batch_size': 1,
    'val_dataloader.batch_size': 1,
    'test_dataloader.batch_size': 1,
    'randomness.seed': 0,
}


def check_options(cfg: Config, options: dict[str, Any]) -> None:
    """Refuse ``--cfg-options`` with misspelt names or values of a wrong kind.

    A new entry is misspelt if the constructor of its ``type`` does not take
    it and something has a similar name.

    Args:
        cfg (Config): Config to be changed.
        options (dict): Values by dotted names.

    Raises:
        UsageError: For the first mistake.
    """
    scope = cfg.get('default_scope') or 'mmpose'
    with DefaultScope.overwrite_default_scope(scope):
        for option, value in options.items():
            try:
                _check_option(cfg._cfg_dict, option, options)
            except UsageError as error:
                raise UsageError(
                    f'--cfg-options {option}={value}: {error}'
                ) from None


def check_counts(cfg: Config) -> None:
    """Refuse epochs, intervals, batches and seeds that no run can have."""
    for name, least in _LEAST.items():
        section, key = name.split('.')
        value = (cfg.get(section) or {}).get(key)
        if value is not None and not (
            isinstance(value, int) and value >= least
        ):
            raise UsageError(
                f'{name} is {value!r}, must be a whole number of at least '
                f'{least}'
            )


def explain_build_error(error: Exception) -> str | None:
    """What is wrong in the config if building it failed, otherwise None."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    builders = [frame for frame in frames if _builds(frame)]
    last_is_mmengine = bool(frames) and _is_mmengine(frames[-1])
    text = str(error.args[0] if error.args else error)
    unexpected = _UNEXPECTED.search(text)
    if isinstance(error, TypeError) and unexpected:
        owner, key = unexpected.groups()
        kind = builders[-1].f_locals.get('obj_cls') if builders else None
        kind = kind or _runner_part(owner)
        if kind is None and not builders:  # of a hook, in mid-training
            return None
        name = owner if kind is None else kind.__name__
        hint = _hint(key, _parameters(kind))
        return f'`{name}` of the config has no `{key}`{hint}'
    kinds = (ValueError, TypeError, LookupError, AssertionError)
    if last_is_mmengine:
        kinds += (RuntimeError,)
    if not builders or not isinstance(error, kinds):
        return None
    scope = builders[-1].f_locals
    unregistered = _UNREGISTERED.search(text)
    name, registries = None, [scope.get('registry')]
    if unregistered:
        name = unregistered[1]
    elif 'None is not a callable' in text:
        name, registries = _optimizer_type(frames), [OPTIMIZERS]
    if name:
        hint = _hint(name, _registered_names(registries))
        return f'the config names the type `{name}`, which is unknown{hint}'
    part = scope.get('obj_type') or builders[-1].f_code.co_name[6:]
    part = part if isinstance(part, str) else part.__name__
    first = ' '.join(text.split())[:300]
    return (
        f'`{part}` cannot be built as the config says: '
        f'{type(error).__name__}: {first} (where: python -X dev)'
    )


def _check_option(node: Any, option: str, options: dict[str, Any]) -> None:
    """Follow the name through the config."""
    kind, path, value = None, '', options[option]
    for key in option.split('.'):
        path = f'{path}.{key}' if path else key
        where = path.rpartition('.')[0]
        if isinstance(node, (list, tuple)):
            if not key.isdigit() or int(key) >= len(node):
                raise UsageError(
                    f'`{where}` is a list of {len(node)}, counted from 0'
                )
            node = node[int(key)]
        elif isinstance(node, dict) or not where:
            kind = _class_of(node, where, options)
            if key not in node:
                _refuse_misspelt(node, key, where, kind)
                return
            if key == 'type' and isinstance(value, str):
                _check_type(node[key], value)
            node = node[key]
        elif node is None:
            return
        else:
            raise UsageError(f'`{where}` is {node!r} and has no entries')
    if not isinstance(value, type(_parameters(kind).get(key))):
        _check_kind(node, value)


def _refuse_misspelt(
    node: dict, key: str, where: str, kind: type | None
) -> None:
    """Refuse a new entry that must be a slip."""
    known = {*node, *_parameters(kind)}
    if not where:
        known |= {*_parameters(Runner), *_READ_BY_RUNNER}
    similar = [
        name
        for name in get_close_matches(key, sorted(known), n=3, cutoff=0.8)
        if re.sub(r'\d', '', name) != re.sub(r'\d', '', key)
    ]
    if similar and key not in known:
        place = f'`{where}`' if where else 'the config'
        raise UsageError(
            f'there is no `{key}` in {place}{_hint(key, similar)}'
        )


def _check_type(old: Any, new: str) -> None:
    """Refuse a type that is not registered where the old one is."""
    registries = [
        one for one in _REGISTRIES if find_class(one, dict(type=old))
    ]
    if registries and not any(
        find_class(one, dict(type=new)) for one in registries
    ):
        names = _registered_names(registries)
        raise UsageError(f'there is no such type{_hint(new, names)}')


def _check_kind(old: Any, new: Any) -> None:
    """Refuse a value that cannot replace one of the config."""
    expected = None
    if old is None or new is None:
        return
    if isinstance(old, bool):
        if not isinstance(new, (bool, dict)) and new not in (0, 1):
            expected = 'True or False'
    elif isinstance(old, (int, float)):
        if isinstance(new, (str, dict)):
            expected = 'a number'
    elif isinstance(old, dict):
        if not isinstance(new, dict) and new is not False:
            expected = 'its entries, such as KEY.NAME=VALUE, or a dict'
    elif (
        isinstance(old, (list, tuple))
        and isinstance(new, (str, int, float))
        and any(isinstance(one, dict) for one in old)
    ):
        expected = 'a list'
    if expected:
        raise UsageError(
            f'the config has {shorten(old)} there: give {expected}'
        )


def _class_of(node: dict, where: str, options: dict) -> type | None:
    """Class that an entry of the changed config is built of, if known."""
    if where in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        return DataLoader
    kind = options.get(f'{where}.type', node.get('type'))
    if not isinstance(kind, str):
        return kind
    found = (find_class(one, dict(type=kind)) for one in _REGISTRIES)
    return next((one for one in found if one is not None), None)


def _parameters(kind: Any) -> dict[str, Any]:
    """Defaults of a constructor's arguments, also of those it passes on."""
    defaults: dict[str, Any] = {}
    for base in inspect.getmro(kind) if inspect.isclass(kind) else (kind,):
        own = base.__dict__.get('__init__') if inspect.isclass(base) else base
        if not callable(own):
            continue
        try:
            parameters = inspect.signature(own).parameters.values()
        except ValueError:  # built in
            break
        named = [p for p in parameters if p.kind != p.VAR_KEYWORD]
        defaults = {**{p.name: p.default for p in named}, **defaults}
        if len(named) == len(parameters):
            break
    defaults.pop('self', None)
    return defaults


def _registered_names(registries: Iterable[Registry | None]) -> set[str]:
    """Names of registries of all packages, with their scopes and without."""
    names: set[str] = set()
    for one in filter(None, registries):
        root = one.parent or one
        for node in (root, *root.children.values()):
            names |= set(node.module_dict)
            names |= {f'{node.scope}.{name}' for name in node.module_dict}
    return names


def _hint(name: str, known: Iterable[str]) -> str:
    """The nearest of some names, as the end of a sentence."""
    similar = get_close_matches(name, sorted(known), n=1)
    return f'; did you mean `{similar[0]}`?' if similar else ''


def _is_mmengine(frame: FrameType) -> bool:
    return frame.f_globals.get('__name__', '').startswith('mmengine.')


def _builds(frame: FrameType) -> bool:
    """Whether a call builds something from a config."""
    return _is_mmengine(frame) and frame.f_code.co_name.startswith('build_')


def _runner_part(owner: str) -> Any:
    """Class or method of the runner that an error names."""
    name, _, method = owner.rpartition('.')
    if name == 'DataLoader':
        return DataLoader
    if name in ('', 'Runner') and not method.startswith('_'):
        return getattr(Runner, method, None)
    return vars(mmengine_runner).get(name)


def _optimizer_type(frames: list[FrameType]) -> str | None:
    """Type of the optimizer that is being built."""
    for frame in reversed(frames):
        config = frame.f_locals.get('optimizer_cfg')
        if config:
            return config.get('type')
    return None
