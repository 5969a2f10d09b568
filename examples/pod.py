"""What runs in the demo's pods: a program that knows nothing of tokens, with the AWS SDK as it is.

`pod.py 'SERVICE OPERATION [--option value]…' …` says who it is, makes each call and says what came of it;
`pod.py --watch` says for each line of its input who it is and which token made it so.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import botocore.session
from botocore.exceptions import ClientError


def client(service: str) -> Any:
    """A client with whatever credentials the SDK finds."""
    return botocore.session.Session().create_client(service)


def identity() -> str:
    """Who AWS says that this is."""
    return str(client("sts").get_caller_identity()["Arn"])


def attempt(line: str) -> str:
    """What AWS says to a call in the words of its command line."""
    service, operation, *options = line.split()
    parameters = {
        "".join(part.title() for part in name.removeprefix("--").split("-")): value
        for name, value in zip(options[::2], options[1::2], strict=True)
    }
    try:
        getattr(client(service), operation.replace("-", "_"))(**parameters)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return "allowed, and not there" if code.startswith("NoSuch") else f"refused: {code}"
    return "allowed"


def token_id() -> str:
    """The id of the token that is there now."""
    session = botocore.session.Session()
    path = Path(os.path.expandvars(session.get_scoped_config()["web_identity_token_file"]))
    payload = path.read_text(encoding="ascii").split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])


def main(arguments: list[str]) -> None:
    """Do what the arguments say."""
    if arguments == ["--watch"]:
        for _ in sys.stdin:
            print(f"token {token_id()} is good for {identity().partition('/')[2].partition('/')[0]}", flush=True)
        return
    print(f"  {identity()}")
    for line in arguments:
        print(f"  {line}: {attempt(line)}")


if __name__ == "__main__":
    main(sys.argv[1:])
