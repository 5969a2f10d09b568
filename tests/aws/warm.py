"""The warm AWS CLI of `warm_cli`, for as long as it is needed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@contextmanager
def warm(folder: Path) -> Iterator[Path]:
    """Put an `aws` into the folder that is the AWS CLI, without its start-up."""
    pytest.importorskip("awscli", reason="the AWS CLI is not installed: scripts are not run for real")
    server = subprocess.Popen([sys.executable, "-m", "tests.aws.warm_cli", str(folder)], cwd=ROOT)
    try:
        end = time.monotonic() + 30
        while not (folder / "aws").exists():
            assert server.poll() is None, "the AWS CLI could not be loaded"
            assert time.monotonic() < end
            with suppress(subprocess.TimeoutExpired):
                server.wait(0.05)
        yield folder
    finally:
        server.kill()
        server.wait()
