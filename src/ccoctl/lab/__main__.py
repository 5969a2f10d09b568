"""`python -m ccoctl.lab CONDITIONS`: an embedded AWS as a process of its own; it ends with its standard input."""

from __future__ import annotations

import json
import signal
import sys

import msgspec

from ccoctl.lab.conditions import Conditions


def main() -> None:
    """Serve under the conditions that the argument says in JSON, after one line of JSON that says where."""
    # an interrupt is meant for whoever started us, and is everybody's in the foreground: our input then ends
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    conditions = msgspec.json.decode(sys.argv[1], type=Conditions)
    from ccoctl.lab.server import embedded_aws

    with embedded_aws(conditions) as aws:
        ready = {"endpoint_url": aws.endpoint_url, "environment": aws.environment()}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
