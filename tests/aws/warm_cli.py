"""The AWS CLI without its start-up, which is most of its time: loaded once, then forked for each command.

`python -m tests.aws.warm_cli FOLDER` puts an `aws` into the folder that asks this server over a socket. The command
itself runs in the AWS CLI's own code, with the arguments and the AWS_ variables of the caller.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import sys
from pathlib import Path
from typing import Any

from awscli.clidriver import create_clidriver  # type: ignore[import-untyped] # it ships no types

CLIENT = r"""#!/usr/bin/env bash
exec 3<>"/dev/tcp/127.0.0.1/@PORT@"
{
  for name in "${!AWS_@}"; do printf '%s=%s\0' "$name" "${!name}"; done
  printf '\0'
  printf '%s\0' "$@"
  printf '\0'
} >&3
IFS= read -r -d '' out <&3
IFS= read -r -d '' err <&3
IFS= read -r -d '' code <&3
[ -z "${NOTES:-}" ] || printf '%s %s %s\n' "$code" "$1" "$2" >>"$NOTES"
# as a power cut right after the call: nobody hears the answer
[ "${DIE_AFTER:-}" != "$2" ] || [ "$code" != 0 ] || kill -KILL 0
printf '%s' "$out"
printf '%s' "$err" >&2
exit "$code"
"""
SERVICES = (
    ("iam", "get-role"),
    ("s3api", "put-object"),
    ("cloudfront", "list-distributions"),
    ("sts", "get-caller-identity"),
)


def serve(folder: Path) -> None:
    """Answer until killed; the client in the folder is there once it can be used."""
    driver = create_clidriver()
    for service, operation in SERVICES:
        run(driver, [service, operation, "--generate-cli-skeleton"])
    with socket.create_server(("127.0.0.1", 0)) as server:
        new = folder / ".aws"
        new.write_text(CLIENT.replace("@PORT@", str(server.getsockname()[1])))
        new.chmod(0o755)
        new.rename(folder / "aws")
        while True:
            connection, _ = server.accept()
            with connection:
                if (child := os.fork()) == 0:
                    answer(driver, connection)
                os.waitpid(child, 0)


def answer(driver: Any, connection: socket.socket) -> None:
    """Run one command in this process, and end with it."""
    asked = b""
    while asked.count(b"\0\0") < 2:
        asked += connection.recv(65536)
    variables, arguments = (part.decode().split("\0") for part in asked.split(b"\0\0")[:2])
    for variable in variables:
        name, _, value = variable.partition("=")
        os.environ[name] = value
    connection.sendall("\0".join([*run(driver, arguments), ""]).encode())
    os._exit(0)


def run(driver: Any, arguments: list[str]) -> tuple[str, str, str]:
    """A command's output, errors and exit code."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = driver.main(arguments)
    return out.getvalue(), err.getvalue(), str(code)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
