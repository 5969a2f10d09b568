"""How long ccoctl takes to start, in times of `python -c pass`, and how much memory create-all takes; in one run.

`make bench`, or `python -m benchmarks.startup [--quick]`. Whole processes are timed, all kinds in turn, so that the
machine's other work meets each of them; the medians are compared, of the time that passed and of the processor's, which
that work disturbs less. Completion and help are asked for as a shell and a user do; the dry run is one of seven
requests with a key pair that is there, into a directory that holds nothing else.

The memory is the most that the process of a public create-all had resident, against an embedded AWS in another process.
"""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scale import write_requests

import ccoctl
from ccoctl.lab.process import aws_process
from ccoctl.workflows.create_key_pair import PRIVATE

RUNS = 25
REQUESTS = 7
STARTED, DRY, MEMORY = 3.0, 8.0, 80.0
"""What is aimed at: times of `python -c pass`, and MiB."""
LIBRARIES = """
import gc, sys
gc.set_threshold(50_000)
import click, msgspec, yaml
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
pem = open(sys.argv[1], "rb").read()
key = serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
key.public_key().verify(key.sign(b"", padding.PKCS1v15(), hashes.SHA256()), b"", padding.PKCS1v15(), hashes.SHA256())
gc.freeze()
"""
"""What a dry run takes of the libraries: their import, and one look at a key."""
ASKED = {
    "_CCOCTL_COMPLETE": "bash_complete",
    "COMP_WORDS": "ccoctl aws create-all --create",
    "COMP_CWORD": "3",
}
"""What bash sends for a word that TAB is pressed behind."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A command that is started again and again."""

    name: str
    command: Sequence[str]
    variables: Mapping[str, str]
    most: float | None = None
    """Times of `python -c pass` that are aimed at; None where it is there to compare with."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What one process took."""

    seconds: float
    processor: float
    """Seconds."""
    memory: float
    """MiB that it had resident at most."""


def main() -> None:
    """Run everything and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="five runs of each")
    runs = 5 if parser.parse_args().quick else RUNS
    # as pip does when it installs; whoever has set PYTHONDONTWRITEBYTECODE would measure the compiler
    compileall.compile_dir(Path(ccoctl.__file__).parent, quiet=1)
    with tempfile.TemporaryDirectory(prefix="ccoctl-bench-") as folder:
        directory = Path(folder)
        requests = write_requests(directory, REQUESTS)
        key = directory / "key"
        made = [
            sys.executable,
            "-m",
            "ccoctl",
            "aws",
            "create-key-pair",
            "--output-dir",
            str(key),
            "--key-bits",
            "2048",
        ]
        subprocess.run(made, check=True, capture_output=True)
        print(started(cases(directory, requests, key), key, directory / "out", runs))
        print(memory(directory, requests))


def cases(directory: Path, requests: Path, key: Path) -> list[Case]:
    """The bare interpreter first, then what is compared with it."""
    ccoctl = [sys.executable, "-m", "ccoctl"]
    script = Path(sys.executable).with_name("ccoctl")
    ways = [("python -m ccoctl", ccoctl), *([("ccoctl", [str(script)])] if script.exists() else [])]
    order = ["--name", "bench", "--region", "us-east-1", "--credentials-requests-dir", str(requests)]
    dry = ["aws", "create-all", *order, "--output-dir", str(directory / "out"), "--dry-run"]
    found = [
        Case(name="python -c pass", command=[sys.executable, "-c", "pass"], variables={}),
        Case(
            name="the libraries of a dry run alone",
            command=[sys.executable, "-c", LIBRARIES, str(key / PRIVATE)],
            variables={},
        ),
    ]
    for name, way in ways:
        asking = (["--version"], ["--help"], ["aws", "create-all", "--help"])
        found += [
            *(
                Case(name=f"{name} {' '.join(rest)}", command=[*way, *rest], variables={}, most=STARTED)
                for rest in asking
            ),
            Case(name=f"{name}, completing", command=way, variables=ASKED, most=STARTED),
            Case(name=f"{name} aws create-all --dry-run", command=[*way, *dry], variables={}, most=DRY),
        ]
    return found


def started(measured: Sequence[Case], key: Path, out: Path, runs: int) -> str:
    """A row for each case: its medians, and both in times of the first one's."""
    spent: dict[str, list[Spent]] = {case.name: [] for case in measured}
    for _ in range(runs):
        for case in measured:
            shutil.rmtree(out, ignore_errors=True)
            shutil.copytree(key, out)
            spent[case.name].append(ran(case.command, case.variables))
    wall = {name: statistics.median(one.seconds for one in times) for name, times in spent.items()}
    cpu = {name: statistics.median(one.processor for one in times) for name, times in spent.items()}
    bare = measured[0].name
    rows = [
        f"{case.name:44} {wall[case.name] * 1000:7.1f} ms {wall[case.name] / wall[bare]:5.1f}x"
        f" {cpu[case.name] * 1000:7.1f} ms {cpu[case.name] / cpu[bare]:5.1f}x"
        f"{'' if case.most is None else f'  (aim: {case.most:.0f}x)'}"
        for case in measured
    ]
    return "\n".join([f"medians of {runs} runs: {'time':>37} {'processor time':>22}", *rows, ""])


def memory(directory: Path, requests: Path) -> str:
    """The most that create-all had resident."""
    with aws_process() as aws:
        order = ["--name", "bench", "--region", "us-east-1", "--credentials-requests-dir", str(requests)]
        command = [sys.executable, "-m", "ccoctl", "aws", "create-all", *order, "--output-dir", str(directory / "made")]
        most = ran(command, aws.environment()).memory
    return f"create-all of {REQUESTS} requests: {most:.1f} MiB resident at most  (aim: {MEMORY:.0f} MiB)"


def ran(command: Sequence[str], variables: Mapping[str, str]) -> Spent:
    """What a process took; its memory is not less than what this one has, which it begins as a copy of."""
    quiet = subprocess.DEVNULL
    begun = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=quiet, stderr=quiet)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    most = used.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    return Spent(seconds=seconds, processor=used.ru_utime + used.ru_stime, memory=most)


if __name__ == "__main__":
    main()
