# Copyright (c) cape_mm contributors. All rights reserved.
"""Write the tables of the cephalometric pages that the code determines.

    python docs/cephalometric_tables.py

replaces what stands between `<!-- table: NAME -->` and `<!-- end -->` in
docs/en/cephalometric.md and docs/en/cephalometric_data.md.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Iterable, Sequence

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mmengine.config import Config  # noqa: E402

from cape_mm.evaluation.functional.cephalometric_formulas import (  # noqa: E402
    FORMULAS,
)
from cape_mm.evaluation.functional.cephalometric_measurements import (  # noqa: E402
    missing_landmarks,
)
from cape_mm.evaluation.functional.cephalometric_norms import (  # noqa: E402
    Norm,
    load_norms,
)
from cape_mm.structures import available_schemas, get_schema  # noqa: E402

PAGES = (
    ROOT / 'docs' / 'en' / 'cephalometric.md',
    ROOT / 'docs' / 'en' / 'cephalometric_data.md',
)
_CONFIG = 'configs/cephalometric/hrnetv2_w18_cephalometric_{}.py'


def measurement_table() -> str:
    """Table of all measurements with their customary values."""
    norms = load_norms()
    rows = []
    for name, formula in FORMULAS.items():
        norm = norms.get(name)
        value, source = ('', '') if norm is None else _customary(norm)
        rows.append(
            (f'`{name}`', formula.definition, formula.unit, value, source)
        )
    head = ('name', 'what', 'unit', 'customary', 'after')
    return _table(head, rows)


def _customary(norm: Norm) -> tuple[str, str]:
    """Customary value and its source."""
    if norm.sd is not None:
        return f'{norm.mean:g} ± {norm.sd:g}', norm.source
    if norm.mean is not None:
        return f'{norm.mean:g}', norm.source
    return f'{norm.band[0]:g} to {norm.band[1]:g}', norm.source


def missing_table() -> str:
    """Table of the measurements that a schema does not allow."""
    rows = []
    for schema in available_schemas():
        missing = missing_landmarks(get_schema(schema).codes)
        lacks = [f'`{name}`' for name, codes in missing.items() if codes]
        text = ', '.join(lacks) or 'nothing'
        if len(lacks) == len(FORMULAS):
            text = 'everything: the landmarks are only numbered'
        rows.append((f'`{schema}`', text))
    return _table(('schema', 'lacks'), rows)


def schema_table() -> str:
    """Table of the landmark schemas."""
    rows = []
    for name in available_schemas():
        schema = get_schema(name)
        rows.append((f'`{name}`', str(len(schema)), schema.title))
    return _table(('schema', 'landmarks', 'of'), rows)


def column_table() -> str:
    """Table of the two columns of the training document, by their configs."""
    names = ('original', 'stable')
    columns = [
        _column(Config.fromfile(ROOT / _CONFIG.format(name))) for name in names
    ]
    rows = [(key, *(column[key] for column in columns)) for key in columns[0]]
    return _table(('', *names), rows)


def _column(cfg: Config) -> dict[str, str]:
    """Settings of one column."""
    optimizer = cfg.optim_wrapper.optimizer
    warmup, cosine = cfg.param_scheduler
    augmentation = cfg.train_dataloader.dataset.pipeline[2]
    low, high = augmentation.scale_factor
    no_shift = ', no shift' * (augmentation.get('shift_prob') == 0)
    stopping = next(
        (h for h in cfg.custom_hooks if 'EarlyStopping' in h.type), None
    )
    return {
        'learning rate': f'{optimizer.lr:g}',
        'batch size': f'{cfg.train_dataloader.batch_size}',
        'sigma, in cells of the heatmap': f'{cfg.codec.sigma:g}',
        'epochs': f'{cfg.train_cfg.max_epochs}',
        'weight decay': f'{optimizer.weight_decay:g}',
        'validation every': f'{cfg.train_cfg.val_interval} epochs',
        'early stopping': 'none'
        if stopping is None
        else f'`{stopping.monitor}`, patience {stopping.patience} '
        f'validations, `min_delta` {stopping.min_delta}',
        'optimiser': optimizer.type,
        'warm-up': f'{warmup.end} iterations from {warmup.start_factor:g}',
        'cosine down to': f'{cosine.eta_min:g}',
        'rotation, scale': f'{augmentation.rotate_factor} degrees, {low:g} '
        f'to {high:g}{no_shift}',
        'input, heatmap': ', '.join(
            '{} x {}'.format(*cfg.codec[key])
            for key in ('input_size', 'heatmap_size')
        ),
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Table in Markdown."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)


TABLES = dict(
    measurements=measurement_table,
    missing=missing_table,
    schemas=schema_table,
    columns=column_table,
)


def fill(text: str) -> str:
    """Put the tables into the text of a page."""
    return re.sub(
        r'(<!-- table: (\w+) -->\n).*?(<!-- end -->)',
        lambda found: f'{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}',
        text,
        flags=re.DOTALL,
    )


if __name__ == '__main__':
    for page in PAGES:
        page.write_text(fill(page.read_text('utf-8')), 'utf-8')
