"""`python -m ccoctl.lab`: an embedded AWS as a process of its own; it ends with its standard input or a signal."""

from __future__ import annotations

import argparse
import json
import sys


def main() -> None:
    """Serve, after one line of JSON that says where."""
    parser = argparse.ArgumentParser(prog="python -m ccoctl.lab", description=__doc__)
    parser.add_argument("--enforce-iam", action="store_true", help="hold users to their policies")
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="before each call")
    parser.add_argument("--distribution-delay", type=float, default=0.2, metavar="SECONDS", help="until it is deployed")
    options = parser.parse_args()
    try:
        from ccoctl.lab.server import embedded_aws
    except ModuleNotFoundError as error:
        sys.exit(f"the embedded AWS needs {error.name}: pip install 'ccoctl[lab]'")
    with embedded_aws(**vars(options)) as aws:
        ready = {"endpoint_url": aws.endpoint_url, "environment": aws.environment()}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
