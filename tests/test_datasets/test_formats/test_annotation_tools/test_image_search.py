# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import pytest

from cape_mm.datasets.formats.annotation_tools.image_search import (
    ImageSearch,
    folders_of,
    split_path,
)
from cape_mm.errors import DataError


@pytest.fixture
def root(tmp_path):
    for name in ('a/1.png', 'b/1.png', 'b/2.png', 'secret.png', 'in/3.png'):
        path = tmp_path / 'root' / name
        path = tmp_path / name if name == 'secret.png' else path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('')
    return tmp_path / 'root'


@pytest.mark.parametrize(
    ('name', 'found'),
    [
        ('a/1.png', 'a/1.png'),
        ('./b//2.png', 'b/2.png'),
        ('b\\2.png', 'b/2.png'),
        ('2.png', 'b/2.png'),
        ('/home/me/photos/b/1.png', 'b/1.png'),
        ('C:\\photos\\a\\1.png', 'a/1.png'),
        ('../../a/1.png', 'a/1.png'),
        ('b/../a/1.png', 'a/1.png'),
        ('1a2b3c4d-2.png', 'b/2.png'),
        ('file:///photos/b/1.png', 'b/1.png'),
        ('../secret.png', None),
        ('in/../../secret.png', None),
        ('/etc/passwd', None),
        ('4.png', None),
        ('..', None),
        ('', None),
        ('a\0.png', None),
    ],
)
def test_paths_lead_below_the_folder_only(root, name, found):
    result = ImageSearch([root]).find(name)
    assert result == (found and (root / found, found))


def test_an_absolute_path_outside_is_refused(root):
    secret = root.parent / 'secret.png'
    assert secret.is_file()
    assert ImageSearch([root]).find(str(secret)) is None


def test_two_images_of_a_name_are_unclear(root):
    with pytest.raises(DataError, match=r'a/1\.png or .*b/1\.png.*image-root'):
        ImageSearch([root]).find('1.png')


def test_names_are_relative_to_the_first_folder_around(root):
    search = ImageSearch([root / 'in', root / 'no', root])
    assert search.find('in/3.png') == (root / 'in/3.png', '3.png')
    assert search.find('b/2.png')[1] == 'b/2.png'


def test_images_lie_beside_the_annotations(tmp_path):
    assert folders_of(tmp_path / 'annotations' / 'a.json') == [
        tmp_path / 'annotations' / 'images',
        tmp_path / 'annotations',
        tmp_path / 'images',
        tmp_path,
    ]
    assert folders_of(tmp_path / 'a.json') == [tmp_path / 'images', tmp_path]


def test_urls_are_paths():
    assert split_path('s3://bucket/a%20b/1.png?x=y/z') == ['a b', '1.png']
    assert split_path('/data/local-files/?d=a/1.png') == ['a', '1.png']


def test_links_may_lead_to_the_folders_only(root):
    (root / 'in' / 'out.png').symlink_to(root.parent / 'secret.png')
    (root / 'in' / 'other.png').symlink_to(root / 'a' / '1.png')
    search = ImageSearch([root])
    assert search.leads_out(root / 'in' / 'out.png')
    assert not search.leads_out(root / 'in' / 'other.png')
    assert not search.leads_out(root / 'in' / '3.png')
    follows = ImageSearch([root], follow_links=True)
    assert not follows.leads_out(root / 'in' / 'out.png')
