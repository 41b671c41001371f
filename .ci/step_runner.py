# Copyright (c) cape_mm contributors. All rights reserved.
"""Runs a long command into a log, with signs of life on stderr."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

SECONDS_BETWEEN_SIGNS = 20
# pip's and ninja's lines that tell how far they are.
_TELLING = re.compile(
    r'^\s*((?:Collecting|Downloading|Building wheel for) [\w.+-]+|'
    r'Installing collected packages|\[\d+/\d+\])'
)
# What stands in the log when a known thing is missing, and the way out.
_HINTS = (
    (
        r'libGL\.so|libgthread',
        'OpenCV lacks system libraries (Debian, Ubuntu: apt-get install '
        'libgl1 libglib2.0-0).',
    ),
    (r'No space left on device', 'the disk is full.'),
    (
        r'Killed signal terminated program|Cannot allocate memory',
        'memory ran out while compiling: set MAX_JOBS=1.',
    ),
    (
        r'Connection(Error| refused| broken| timed out)|name resolution|'
        r'ReadTimeout|No matching distribution found',
        'the package index could not be reached or does not have the '
        "version: check the network and pip's configuration.",
    ),
)


class StepFailed(Exception):
    """A command failed; the message ends with its last words and the log."""

    def __init__(self, what: str, log: Path) -> None:
        text = log.read_text('utf-8', errors='replace')[-20000:]
        hint = next((h for p, h in _HINTS if re.search(p, text)), '')
        last = '\n'.join(f'    {line}' for line in text.splitlines()[-8:])
        super().__init__(
            f'{last}\nFailed: {what}'
            + (f'\nLikely reason: {hint}' * bool(hint))
            + f'\nLog: {log}\nFinished steps are kept: start it again.'
        )


def say(text: str) -> None:
    """Prints to stderr; stdout is for the result."""
    print(text, file=sys.stderr, flush=True)


def run_logged(
    command: list[str],
    log: Path,
    lock: IO,
    variables: dict[str, str] | None = None,
) -> None:
    """Runs ``command``; its output goes to ``log``.

    Args:
        command: Program and arguments.
        log: File that the output is appended to.
        lock: Open lock file; the command inherits it, so that the lock lasts
            as long as the command even when this process is killed.
        variables: Environment variables. Default: those of this process.

    Raises:
        StepFailed: When it exits with an error.
    """
    with open(str(log), 'a') as output:
        output.write(f'\n$ {" ".join(command)}\n')
        output.flush()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=variables,
            cwd=str(log.parent),
            pass_fds=(lock.fileno(),),
            start_new_session=True,
        )
        try:
            _wait(process, log)
        except BaseException:
            # The whole group: pip, the build and its compilers.
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
    if process.returncode:
        raise StepFailed(' '.join(command), log)


def _wait(process: subprocess.Popen, log: Path) -> None:
    start = time.time()
    while True:
        try:
            process.wait(SECONDS_BETWEEN_SIGNS)
            return
        except subprocess.TimeoutExpired:
            minutes, seconds = divmod(int(time.time() - start), 60)
            say(f'      {minutes}:{seconds:02d}  {_last_sign(log)}')


def _last_sign(log: Path) -> str:
    with open(str(log), 'rb') as file:
        file.seek(max(0, log.stat().st_size - 200000))
        lines = file.read().decode(errors='replace').splitlines()
    signs = (_TELLING.match(line) for line in reversed(lines))
    sign = next((match.group(1) for match in signs if match), '')
    return f'compiling {sign}' if sign.startswith('[') else sign
