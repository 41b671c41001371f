# Copyright (c) cape_mm contributors. All rights reserved.
"""The page: tabs over the functions of this package."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from cape_mm.cli.arguments import EXPORT_FORMATS

from .handlers import Handlers, describe_shots
from .panel import QUIET, Panel, Sessions
from .predict import describe_corrections
from .session import describe_project

try:
    import gradio as gr
except ImportError:  # the server says so, see `serve`
    gr = None


def build_page(out_dir: Path, first: Namespace | None = None) -> Any:
    """Build the page.

    Args:
        out_dir (Path): Folder of the files that are downloaded.
        first (Namespace, optional): ``folder``, ``annotations``, ``category``,
            ``checkpoint``, ``config``, ``device`` to begin with.

    Returns:
        gradio.Blocks: The page.
    """
    given = dict(vars(first or Namespace()))
    sessions = Sessions()
    model = given.get('config'), given.get('device')
    handlers = Handlers(sessions, out_dir, *model)
    with gr.Blocks(
        title='cape_mm studio',
        analytics_enabled=False,
        delete_cache=(3600, 86400),
        fill_width=True,
    ) as page:
        gr.Markdown('## Label one, predict the rest, correct, keep')
        with gr.Tab('Project'):
            _add_project(page, handlers, given)
        with gr.Tab('Annotate') as tab:
            gr.Markdown(
                'Click the keypoints one after the other. A click on one '
                'selects it, the next click moves it; arrow keys move it by a '
                'pixel.'
            )
            panel = Panel(sessions, to_correct=False)
            tab.select(panel.show, None, panel.outputs, **QUIET)
        with gr.Tab('Predict') as tab:
            _add_prediction(tab, handlers, given)
        with gr.Tab('Correct') as tab:
            measure = gr.Markdown(elem_id='measure')
            gr.Markdown(
                'Lowest scores first. Two clicks move a keypoint; a corrected '
                'or accepted image is a further shot of the next prediction. '
                'Hollow keypoints (score below 0.3) are left out unless you '
                'select them and press Visible.'
            )
            panel = Panel(sessions, to_correct=True)
            show = handlers.show(lambda p: describe_corrections(p.labels))
            tab.select(panel.show_first, None, panel.outputs, **QUIET)
            tab.select(show, None, measure, **QUIET)
            panel.image.change(show, None, measure, **QUIET)
        with gr.Tab('Export') as tab:
            _add_export(tab, handlers)
        page.unload(sessions.leave)
    return page


def _add_project(page: Any, handlers: Handlers, given: dict) -> None:
    folder = gr.Textbox(
        given.get('folder') or '',
        label='Folder of images',
        elem_id='folder',
        info='Labels are saved in its subfolder annotations.',
    )
    with gr.Row():
        category = gr.Textbox(
            given.get('category') or '',
            label='Kind of object',
            info='Chooses one where annotations have several.',
        )
        source = gr.Textbox(
            given.get('annotations') or '',
            label='Annotations to import (optional)',
            info='File or folder of COCO, CVAT, LabelMe, Label Studio, '
            'DeepLabCut, SLEAP ...',
        )
    opener = gr.Button('Open', variant='primary')
    summary = gr.Markdown(elem_id='summary')
    names = gr.Textbox(
        label='Names of the keypoints, one a line',
        lines=6,
        elem_id='names',
        info='In the order in which you will click them.',
    )
    namer = gr.Button('Save names')
    given_values = [folder, source, category]
    opened = [summary, names, category]
    opener.click(handlers.open_folder, given_values, opened, **QUIET)
    if given.get('folder'):
        page.load(handlers.open_folder, given_values, opened, **QUIET)
    namer.click(handlers.save_names, names, [summary, names], **QUIET)


def _add_prediction(tab: Any, handlers: Handlers, given: dict) -> None:
    shots = gr.Markdown(elem_id='shots')
    detect = gr.Checkbox(
        label='Search for the object first (slow): where it is small and has '
        'no box'
    )
    with gr.Row():
        every = gr.Button('Predict all', variant='primary')
        one = gr.Button('Predict the current image')
        stop = gr.Button('Stop', variant='stop')
    bar = gr.HTML(elem_id='progress')
    with gr.Accordion('Model', open=False):
        checkpoint = gr.Textbox(
            given.get('checkpoint') or '',
            label='Checkpoint',
            info='Without one, the matcher, which needs no training.',
        )
    model = [checkpoint, detect]
    every.click(handlers.predict(False), model, [bar, shots], **QUIET)
    one.click(handlers.predict(True), model, [bar, shots], **QUIET)
    stop.click(handlers.stop, None, None, queue=False, **QUIET)
    tab.select(handlers.show(describe_shots), None, shots, **QUIET)


def _add_export(tab: Any, handlers: Handlers) -> None:
    counts = gr.Markdown()
    formats = gr.CheckboxGroup(
        [*EXPORT_FORMATS, 'overlay'], value=['coco'], label='Formats'
    )
    with_predictions = gr.Checkbox(
        True, label='With predictions that are not accepted yet'
    )
    zipper = gr.Button('Make the zip', variant='primary')
    archive = gr.File(label='Download', elem_id='archive')
    lines = gr.Markdown(elem_id='lines')
    tab.select(handlers.show(describe_project), None, counts, **QUIET)
    zipper.click(
        handlers.make_zip,
        [formats, with_predictions],
        [archive, lines],
        **QUIET,
    )
