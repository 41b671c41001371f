# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from ..annotation_report import AnnotationReport

#: What a conversion counts, and what is done about it.
CONVERSION_PROBLEMS = OrderedDict(
    no_annotation='pictures without landmarks (left out)',
    no_picture='films whose picture is missing (left out)',
    not_labelled='landmarks without coordinates (not labelled, v = 0)',
    one_observer='landmarks marked by one observer only (not labelled, v = 0)',
    outside='landmarks outside of their picture (kept)',
    no_spacing='films without spacing: no millimetres for them',
    unlikely_size='films of an unlikely size in mm (kept, check the spacing)',
    no_class='films without class label',
    class_conflict='classes on which observers differ (given for each)',
    ignored_columns='columns that mean nothing here (not copied)',
    same_picture='pictures that are there before, byte for byte (kept)',
    shrunk='pictures made smaller, with their landmarks and spacing',
    dicom='remarks on DICOM files',
)


def make_report(source: str | Path) -> AnnotationReport:
    """Start the report of a conversion.

    Args:
        source (str | Path): What is converted.

    Returns:
        AnnotationReport: Counts :data:`CONVERSION_PROBLEMS`; empty.
    """
    return AnnotationReport(str(source), problems=CONVERSION_PROBLEMS)
