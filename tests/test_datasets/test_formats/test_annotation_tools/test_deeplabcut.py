# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pickle

import numpy as np
import pytest

from cape_mm.datasets.formats.annotation_tools.deeplabcut import (
    write_deeplabcut,
)
from cape_mm.errors import DataError

h5py = pytest.importorskip('h5py')
pd = pytest.importorskip('pandas')

PARTS = ['nose', 'tail', 'ear']
CONFIG = """
Task: mice
scorer: me
bodyparts: [nose, tail, ear]
skeleton:
- [nose, ear]
- [ear, paw]
"""


def table(individuals=None, split_index=False):
    """Labels of two images, as DeepLabCut keeps them."""
    levels = [['me'], PARTS, ['x', 'y']]
    names = ['scorer', 'bodyparts', 'coords']
    if individuals:
        levels.insert(1, individuals)
        names.insert(1, 'individuals')
    columns = pd.MultiIndex.from_product(levels, names=names)
    paths = [('labeled-data', 'v1', f'img{n}.png') for n in (1, 2)]
    index = (
        pd.MultiIndex.from_tuples(paths)
        if split_index
        else ['/'.join(path) for path in paths]
    )
    size = 2, len(columns)
    values = np.arange(np.prod(size), dtype=float).reshape(size) + 0.5
    frame = pd.DataFrame(values, index=index, columns=columns)
    frame.iloc[1, 2:4] = np.nan
    return frame


@pytest.fixture
def project(tmp_path, image, write):
    """A project with two images and without labels."""
    write(tmp_path / 'config.yaml', CONFIG)
    for number in (1, 2):
        image(tmp_path / f'labeled-data/v1/img{number}.png', seed=number)
    return tmp_path


def check_mice(annotations):
    """Labels of the table of one animal."""
    category = annotations.categories[1]
    assert category.keypoint_names == tuple(PARTS)
    first, second = annotations.images
    assert first.name == 'labeled-data/v1/img1.png'
    assert first.instances[0].keypoints.tolist() == [
        [0.5, 1.5, 2],
        [2.5, 3.5, 2],
        [4.5, 5.5, 2],
    ]
    assert second.instances[0].keypoints.tolist() == [
        [6.5, 7.5, 2],
        [0, 0, 0],
        [10.5, 11.5, 2],
    ]


@pytest.mark.parametrize('split_index', [False, True])
def test_the_csv_of_pandas_is_read(project, read, report, split_index):
    path = project / 'labeled-data/v1/CollectedData_me.csv'
    table(split_index=split_index).to_csv(path)
    annotations = read(path, category='mouse')
    check_mice(annotations)
    assert annotations.categories[1].name == 'mouse'
    assert annotations.categories[1].skeleton == ((0, 2),)
    assert dict(report.counts) == dict(box_made=2)


def test_individuals_are_tracks(project, read):
    path = project / 'labeled-data/v1/CollectedData_me.csv'
    table(['m1', 'm2'], split_index=True).to_csv(path)
    first, second = read(project).images
    assert [mouse.track_id for mouse in first.instances] == [0, 1]
    assert first.instances[1].keypoints[0].tolist() == [6.5, 7.5, 2]
    assert second.instances[0].keypoints[1].tolist() == [0, 0, 0]


def test_keypoints_that_exist_once_are_their_own_category(project, read):
    path = project / 'labeled-data/v1/CollectedData_me.csv'
    lines = [
        'scorer,me,me,me,me,me,me',
        'individuals,m1,m1,m2,m2,single,single',
        'bodyparts,nose,nose,nose,nose,corner,corner',
        'coords,x,y,x,y,x,y',
        'labeled-data\\v1\\img1.png,1,2,3,4,5,6',
        'labeled-data\\v1\\img2.png,,,,,7,8',
    ]
    path.write_text('\n'.join(lines))
    annotations = read(path, category=None)
    names = {c.name: c.keypoint_names for c in annotations.categories.values()}
    assert names == {'object': ('nose',), 'single': ('corner',)}
    assert [len(image.instances) for image in annotations.images] == [3, 1]


def h5_like_pandas(path, frame):
    """Write an HDF5 file as pandas does in its fixed format."""
    with h5py.File(path, 'w') as file:
        group = file.create_group('df_with_missing')
        group['block0_values'] = frame.to_numpy()
        indices = dict(block0_items=frame.columns, axis1=frame.index)
        for name, index in indices.items():
            if not isinstance(index, pd.MultiIndex):
                group[name] = np.array([entry.encode() for entry in index])
                continue
            group.attrs[f'{name}_nlevels'] = index.nlevels
            for number in range(index.nlevels):
                level = [entry.encode() for entry in index.levels[number]]
                group[f'{name}_level{number}'] = np.array(level)
                group[f'{name}_label{number}'] = np.array(index.codes[number])


def h5_table_like_pandas(path, frame, columns=None):
    """Write an HDF5 file as pandas does in its table format."""
    columns = list(frame.columns) if columns is None else columns
    kind = np.dtype(
        [('index', 'S40'), ('values_block_0', '<f8', (frame.shape[1],))]
    )
    rows = [(i.encode(), v) for i, v in zip(frame.index, frame.to_numpy())]
    with h5py.File(path, 'w') as file:
        file['df_with_missing/table'] = np.array(rows, kind)
        attributes = file['df_with_missing/table'].attrs
        attributes['values_block_0_kind'] = np.bytes_(pickle.dumps(columns, 0))


@pytest.mark.parametrize('split_index', [False, True])
def test_the_fixed_hdf5_of_pandas_is_read(project, read, split_index):
    path = project / 'labeled-data/v1/CollectedData_me.h5'
    h5_like_pandas(path, table(split_index=split_index))
    check_mice(read(path))


def test_the_hdf5_table_of_pandas_is_read(project, read):
    path = project / 'labeled-data/v1/CollectedData_me.h5'
    h5_table_like_pandas(path, table())
    check_mice(read(path))


def test_real_hdf5_files_are_read(project, read):
    pytest.importorskip('tables')
    path = project / 'labeled-data/v1/CollectedData_me.h5'
    table(split_index=True).to_hdf(path, key='df_with_missing', mode='w')
    check_mice(read(path))


def test_an_hdf5_file_runs_nothing(project, read):
    path = project / 'labeled-data/v1/CollectedData_me.h5'
    h5_table_like_pandas(path, table(), columns=[print])
    with pytest.raises(
        DataError, match=r'CollectedData_me\.h5 .*print is no plain data'
    ):
        read(path)


def test_each_table_is_read_once(project, read, report):
    path = project / 'labeled-data/v1/CollectedData_me.csv'
    table().to_csv(path)
    h5_like_pandas(path.with_suffix('.h5'), table())
    check_mice(read(project))
    assert 'duplicate_instance' not in report.counts


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('scorer,me\nbodyparts,nose\n', 'has not the form of deeplabcut'),
        (
            'scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\nimg1.png,1\n',
            'line 4 has 1 numbers for 2 columns',
        ),
        (
            'scorer,me\nbodyparts,nose\ncoords,x\nimg1.png,1\n',
            'has not the form of deeplabcut',
        ),
    ],
)
def test_a_broken_table_is_named(project, read, text, message):
    path = project / 'labeled-data/v1/CollectedData_me.csv'
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read(path)


def test_a_missing_package_is_named(project, read, monkeypatch):
    path = project / 'labeled-data/v1/CollectedData_me.h5'
    h5_like_pandas(path, table())
    monkeypatch.setitem(__import__('sys').modules, 'h5py', None)
    with pytest.raises(ImportError, match=r'h5py.*pip install'):
        read(path)


FILE = 'labeled-data/shelf/CollectedData_cape_mm.csv'


def test_written_tables_are_read_again(mugs, tmp_path, read, assert_same):
    (line,) = write_deeplabcut(mugs, tmp_path / 'out')
    assert FILE + ': 10 images' in line
    for entry in mugs.images:  # there are no flags
        entry.instances[0].keypoints[1, 2] = 2
    found = read(tmp_path / 'out', category='mug')
    assert_same(found, mugs, boxes=False, prefix='labeled-data/')


def test_written_tables_are_those_of_pandas(mugs, tmp_path):
    write_deeplabcut(mugs, tmp_path)
    frame = pd.read_csv(tmp_path / FILE, header=[0, 1, 2], index_col=[0, 1, 2])
    assert frame.columns.names == ['scorer', 'bodyparts', 'coords']
    assert frame.index[3] == ('labeled-data', 'shelf', '3.png')
    mug = frame.loc[frame.index[3], 'cape_mm'].unstack()
    assert mug.loc['rim right'].tolist() == [20, 11]
    assert mug.loc['handle'].isna().all()
    # what DeepLabCut does with a file that was edited
    assert list(dict.fromkeys(c[1] for c in frame.columns)) == [
        *('rim left', 'rim right', 'handle'),
    ]


def test_written_tables_are_those_of_sleap_io(predicted, tmp_path):
    sleap_io = pytest.importorskip('sleap_io')
    write_deeplabcut(predicted, tmp_path)
    labels = sleap_io.load_dlc(str(tmp_path / FILE))
    assert len(labels) == 10
    assert sorted(labels.skeleton.node_names) == sorted(
        ['rim left', 'rim right', 'handle']
    )
    frame = next(f for f in labels if len(f.instances) == 2)
    points = [
        {p['name']: p['xy'].tolist() for p in instance.points}
        for instance in frame.instances
    ]
    assert [p['rim right'] for p in points] == [[20, 11], [30, 27.5]]


def test_individuals_are_read_again(predicted, tmp_path, read, assert_same):
    predicted.images[3].instances.reverse()
    for track, instance in enumerate(predicted.images[3].instances):
        instance.track_id = 1 - track
    write_deeplabcut(predicted, tmp_path)
    frame = pd.read_csv(
        tmp_path / FILE, header=[0, 1, 2, 3], index_col=[0, 1, 2]
    )
    individuals = frame.columns.get_level_values('individuals').unique()
    assert list(individuals) == ['individual1', 'individual2']
    found = read(tmp_path, category='mug')
    predicted.images[3].instances.reverse()
    assert_same(
        found, predicted, boxes=False, scores=False, prefix='labeled-data/'
    )


def test_written_hdf5_is_that_of_pandas(mugs, tmp_path, read):
    pytest.importorskip('tables')
    write_deeplabcut(mugs, tmp_path)
    path = (tmp_path / FILE).with_suffix('.h5')
    table = pd.read_csv(tmp_path / FILE, header=[0, 1, 2], index_col=[0, 1, 2])
    pd.testing.assert_frame_equal(
        pd.read_hdf(path), table, check_names=False, check_exact=True
    )
    (tmp_path / FILE).unlink()
    assert read(tmp_path).num_instances == 10


def test_several_categories_are_refused(mugs, tmp_path):
    mugs.categories[8] = mugs.categories[7]
    with pytest.raises(DataError, match='choose a category'):
        write_deeplabcut(mugs, tmp_path)
