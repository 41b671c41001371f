# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from cape_mm.datasets.formats.cephalometric.splits import (
    SplitContent,
    check_cephalogram_splits,
    read_split,
)
from cape_mm.registry import DATASETS, HOOKS


@HOOKS.register_module()
class CephalometricSplitCheckHook(Hook):
    """Refuse to train on what validation or test contain.

    Compares the annotation files, images and subjects of the datasets of
    all data loaders. Test data that are not on this machine are not compared,
    which is logged.

    Raises:
        DataError: Before the first iteration, if two of them share a
            subject or an image, or the training file is used again.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare all datasets of the config."""
        splits = read_split('train', runner.train_dataloader.dataset)
        if runner.val_loop is not None:
            splits += read_split('val', runner.val_dataloader.dataset)
        splits += self._read_test(runner)
        check_cephalogram_splits(splits)
        unknown = sum(split.num_unknown for split in splits)
        if unknown:
            runner.logger.warning(
                f'{unknown} cephalograms have no subject: only files and '
                'images could be compared, not whether the same person is in '
                'training, validation and test. Write "subject" into the '
                'images of the annotation files'
            )

    def _read_test(self, runner: Runner) -> list[SplitContent]:
        """Load the annotations of the test data, if they are there."""
        # The property would build the model's test loop, too.
        loader = runner._test_dataloader
        if loader is None:
            return []
        if not isinstance(loader, dict):
            return read_split('test', loader.dataset)
        config = loader['dataset'].copy()
        if 'ann_file' in config:
            config['pipeline'] = []
        try:
            return read_split('test', DATASETS.build(config))
        # MMPose asserts that the file is there.
        except (FileNotFoundError, AssertionError) as error:
            runner.logger.warning(
                'The test data could not be compared with the training '
                f'data: {error}'
            )
            return []
