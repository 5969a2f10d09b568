"""The AWS profile in a component's Secret, parsed strictly and written anew.

An SDK would run a program that a profile names (`credential_process`), or take credentials from another profile or from
this machine: so only what our Secrets say is taken, and everything else is refused. Source: AWS SDKs and Tools
reference guide, "Shared config and credentials files".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ccoctl.errors import Problem, Problems

LIMIT = 8192
"""Characters; ours have about 200."""
_SECTION = "[default]"
_LINE = re.compile(r"([a-z_]+)[ \t]*=[ \t]*(.*?)[ \t]*")
_ENTRIES = {
    "role_arn": re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[\x21-\x7e]{1,576}", re.ASCII),
    "web_identity_token_file": re.compile(r"/[\x20-\x7e]*"),
    "sts_regional_endpoints": re.compile(r"regional|legacy"),
    "role_session_name": re.compile(r"[\w+=,.@-]{2,64}", re.ASCII),
}
_NEEDED = ("role_arn", "web_identity_token_file")


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Which role a component uses."""

    role_arn: str
    token_file: str = ""
    """Where the component finds its token."""
    session_name: str | None = None
    regional: str | None = None
    """`sts_regional_endpoints`."""


def parse(text: str, *, where: str) -> Profile:
    """The profile of a Secret's `credentials`.

    Raises:
        Problems: it is none, or says more than which role to use and where the token is.
    """
    entries: dict[str, str] = {}
    problems = [Problem(where, what) for what in _read(text, entries)]
    if not problems:
        problems = [Problem(where, f"the profile has no {name}") for name in _NEEDED if name not in entries]
    if problems:
        raise Problems(tuple(problems))
    return Profile(
        role_arn=entries["role_arn"],
        token_file=entries["web_identity_token_file"],
        session_name=entries.get("role_session_name"),
        regional=entries.get("sts_regional_endpoints"),
    )


def render(profile: Profile, token_file: Path) -> bytes:
    """The same as a shared credentials file, with the token at another place."""
    entries = {
        "sts_regional_endpoints": profile.regional,
        "role_arn": profile.role_arn,
        "role_session_name": profile.session_name,
        "web_identity_token_file": str(token_file),
    }
    lines = [_SECTION, *(f"{name} = {value}" for name, value in entries.items() if value is not None)]
    return "".join(f"{line}\n" for line in lines).encode()


def _read(text: str, entries: dict[str, str]) -> Iterator[str]:
    """Fill the entries; gives what is wrong."""
    if len(text) > LIMIT:
        yield f"the profile has more than {LIMIT:,} characters"
        return
    lines = [line for line in text.split("\n") if line.strip(" ") and not line.startswith(("#", ";"))]
    if not all(line.isprintable() for line in lines):
        yield "the profile has control characters in it"
        return
    if not lines or lines[0].rstrip(" ") != _SECTION:
        yield f"the profile does not begin with {_SECTION}"
        return
    for line in lines[1:]:
        yield from _entry(line, entries)


def _entry(line: str, entries: dict[str, str]) -> Iterator[str]:
    found = _LINE.fullmatch(line)
    if found is None:
        # not shown: a line that is none of ours may hold a secret
        yield "the profile has a line that is neither the section [default] nor NAME = VALUE"
        return
    name, value = found[1], found[2]
    if name not in _ENTRIES:
        yield f"the profile has the entry {name[:40]}, which no component of a cluster needs"
    elif name in entries:
        yield f"the profile has the entry {name} twice"
    elif not _ENTRIES[name].fullmatch(value):
        yield f"the profile's {name} is not one"
    entries.setdefault(name, value)
