"""Coverage-guided fuzzing of what strangers can send, by hand.

    python -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris cryptography msgspec
    PYTHONPATH=src:. /tmp/fuzz/bin/python -m tests.fuzz.run trust_policy -max_total_time=300 /tmp/corpus

The first argument names a target of `targets.py`, the others are libFuzzer's. What it finds becomes a test.
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
