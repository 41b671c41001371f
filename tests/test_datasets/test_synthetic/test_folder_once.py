# Copyright (c) cape_mm contributors. All rights reserved.
from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time

import pytest

from cape_mm.datasets.synthetic.folder_once import write_folder_once

STAMP = dict(version=1, size=[2, 3])


def write_text(text):
    def write(folder):
        (folder / 'a.txt').write_text(text)

    return write


def write_once(root, text='new', stamp=STAMP):
    return write_folder_once(root, 'stamp.json', stamp, write_text(text))


def test_writes_once(tmp_path):
    root = tmp_path / 'deep' / 'data'
    assert write_once(root) is True
    assert write_once(root, 'newer') is False
    assert (root / 'a.txt').read_text() == 'new'
    assert json.loads((root / 'stamp.json').read_text()) == STAMP
    assert os.listdir(root.parent) == ['data']


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / 'data').mkdir()
    assert write_once(tmp_path / 'data') is True


def test_a_link_to_another_disk_is_followed(tmp_path):
    (tmp_path / 'disk').mkdir()
    (tmp_path / 'data').symlink_to(tmp_path / 'disk')
    assert write_once(tmp_path / 'data') is True
    assert (tmp_path / 'disk' / 'a.txt').is_file()


def test_a_folder_of_the_user_is_refused_and_left_alone(tmp_path):
    root = tmp_path / 'data'
    root.mkdir()
    (root / 'mine.txt').write_text('precious')
    with pytest.raises(FileExistsError, match='not the synthetic dataset'):
        write_once(root)
    assert os.listdir(root) == ['mine.txt']
    assert os.listdir(tmp_path) == ['data']


def test_another_version_or_size_is_refused_with_the_difference(tmp_path):
    root = tmp_path / 'data'
    write_once(root, 'old')
    with pytest.raises(FileExistsError, match=r'version: 1 instead of 2'):
        write_once(root, stamp=dict(STAMP, version=2))
    with pytest.raises(FileExistsError, match=r'Move or delete'):
        write_once(root, stamp=dict(STAMP, size=[9, 9]))
    assert (root / 'a.txt').read_text() == 'old'


def test_a_failure_leaves_nothing(tmp_path):
    def fail(folder):
        (folder / 'half.txt').write_text('half')
        raise RuntimeError('disk full')

    with pytest.raises(RuntimeError, match='disk full'):
        write_folder_once(tmp_path / 'data', 'stamp.json', STAMP, fail)
    assert os.listdir(tmp_path) == []


def test_the_slower_of_two_takes_the_result_of_the_faster(tmp_path):
    root = tmp_path / 'data'

    def write_slowly(folder):
        write_once(root, 'faster')
        (folder / 'a.txt').write_text('slower')

    is_new = write_folder_once(root, 'stamp.json', STAMP, write_slowly)
    assert is_new is False
    assert (root / 'a.txt').read_text() == 'faster'
    assert os.listdir(tmp_path) == ['data']


def test_the_slower_of_two_notices_something_else(tmp_path):
    root = tmp_path / 'data'

    def write_slowly(folder):
        write_once(root, stamp=dict(STAMP, version=7))

    with pytest.raises(FileExistsError, match='version: 7 instead of 1'):
        write_folder_once(root, 'stamp.json', STAMP, write_slowly)


def _write_for_ever(root):
    def write(folder):
        (folder / 'half.txt').write_text('half')
        time.sleep(60)

    write_folder_once(root, 'stamp.json', STAMP, write)


def test_a_killed_process_does_no_harm(tmp_path):
    root = tmp_path / 'data'
    context = multiprocessing.get_context('fork')
    process = context.Process(target=_write_for_ever, args=(root,))
    process.start()
    deadline = time.monotonic() + 20
    while not list(tmp_path.glob('.data.*.part/half.txt')):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert not root.exists()
    assert write_once(root) is True
    assert sorted(os.listdir(root)) == ['a.txt', 'stamp.json']


def _write_and_report(root, barrier, queue):
    barrier.wait()
    queue.put(write_once(root, str(os.getpid())))


def test_processes_that_start_at_once_agree(tmp_path):
    root = tmp_path / 'data'
    context = multiprocessing.get_context('fork')
    barrier, queue = context.Barrier(4), context.Queue()
    processes = [
        context.Process(target=_write_and_report, args=(root, barrier, queue))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    results = [queue.get(timeout=20) for _ in processes]
    for process in processes:
        process.join()
    assert sorted(results) == [False, False, False, True]
    assert sorted(os.listdir(root)) == ['a.txt', 'stamp.json']
    assert os.listdir(tmp_path) == ['data']
