# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from cape_mm.datasets.formats.annotation_report import AnnotationReport

#: What a conversion counts, and what is done about it.
CONVERSION_PROBLEMS = OrderedDict(
    no_annotation='images without landmarks (left out)',
    no_image='cephalograms whose image is missing (left out)',
    not_labelled='landmarks without coordinates (not labelled, v = 0)',
    one_observer='landmarks marked by one observer only (not labelled, v = 0)',
    outside='landmarks outside of their image (kept)',
    no_spacing='cephalograms without spacing: no millimetres for them',
    unlikely_size=(
        'cephalograms of an unlikely size in mm (kept, check the spacing)'
    ),
    no_class='cephalograms without class label',
    class_conflict='classes on which observers differ (given for each)',
    ignored_columns='columns that mean nothing here (not copied)',
    same_image='images that are there before, byte for byte (kept)',
    shrunk='images made smaller, with their landmarks and spacing',
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
