"""What CloudFormation would work out in the text of a stranger, who has no way to write it as a mere text.

Source: CloudFormation user guide, "Get values stored in other services using dynamic references": they are taken in any
text, also in what Fn::Sub has put together, and nothing escapes them; template reference, "Intrinsic functions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ccoctl.errors import Problem, Problems

_DYNAMIC = re.compile(r"\{\{\s*resolve\s*:", re.IGNORECASE)
_POLICY = "PolicyDocument"
"""What the name of every property ends in that holds a policy."""
_SHOWN = 100


def refuse_functions(resources: Mapping[str, Mapping[str, Any]]) -> None:
    """See that a template's resources work nothing out but what the export itself has written.

    Raises:
        Problems: they do, each with its place.
    """
    found = [
        Problem(f"{_title(name, resource)}: {place}", what)
        for name, resource in resources.items()
        for place, what in _of_value(resource["Properties"], "", is_policy=False)
    ]
    if found:
        raise Problems(
            tuple(found),
            what="CloudFormation would not take these texts as they are; nothing was exported",
            remedy="Take them out of the request, tag, option or resource that holds them, or choose another --format.",
        )


def _title(name: str, resource: Mapping[str, Any]) -> str:
    role = resource["Properties"].get("RoleName")
    return name if role is None else f"role {role}"


def _of_value(value: object, place: str, *, is_policy: bool) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            if _DYNAMIC.search(value.replace("${!", "${")):  # as Fn::Sub leaves it
                yield place, f"{value[:_SHOWN]!a} holds a dynamic reference to a parameter or secret"
        case Mapping():
            for key, item in value.items():
                if is_policy and (key == "Ref" or key.startswith("Fn::")):
                    yield place, f"{key[:_SHOWN]!a} is the name of a function of CloudFormation"
                yield from _of_value(key, place, is_policy=False)
                # the document itself may be a function, which the export wrote; what is below is a stranger's
                inner = is_policy or place.endswith(_POLICY)
                yield from _of_value(item, f"{place}.{key}" if place else key, is_policy=inner)
        case list() | tuple():
            for number, item in enumerate(value):
                yield from _of_value(item, f"{place}[{number}]", is_policy=is_policy)
        case _:
            pass


__all__ = ["refuse_functions"]
