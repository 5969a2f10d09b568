"""Fuzzing of what strangers can send: three harnesses, of which this file is the one that is run by hand.

- `test_manifests.py`: directories of CredentialsRequests, spoiled by a grammar of mistakes (`grammar.py`,
  `mistakes.py`, `cases.py`; the words are in `nasty.py`), through the real commands in a process that may not grow,
  hang or write elsewhere (`confined.py`, `ground.py`) and through the two other ways in, images and clusters
  (`elsewhere.py`). Some hundreds of cases in every run of the tests, ten thousand with `pytest -m long tests/fuzz`. A
  case follows from its number, which a failure names: `tests.fuzz.cases.case(4711)` makes it again.
- `test_targets.py`: tokens, policies, queries, documents and manifests as bytes, each target (`targets.py`) a function
  that ends quietly or has found a mistake; seeds, spoiled seeds and bytes at random, in every run.
- This file: the same targets guided by coverage, for as long as somebody has patience.

      python -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris cryptography msgspec pyyaml
      PYTHONPATH=src:. /tmp/fuzz/bin/python -m tests.fuzz.run trust_policy -max_total_time=300 /tmp/corpus

  The first argument names a target, the others are libFuzzer's.

What is found becomes a test of the module that was wrong. Vectors of the public collections' kinds, which no fuzzer
would come upon, are in `tests/federation/test_vectors.py` and `tests/lab/test_sts_vectors.py`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped] # in a throwaway environment alone

with atheris.instrument_imports(include=["ccoctl", "tests.fuzz"]):
    from tests.fuzz.targets import SEEDS, TARGETS


def main() -> None:
    """Fuzz one target from its seeds."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        raise SystemExit(f"usage: python -m tests.fuzz.run {{{','.join(TARGETS)}}} [libFuzzer's options]")
    name = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as seeds:
        for number, seed in enumerate(SEEDS[name]):
            Path(seeds, str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, seeds], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
