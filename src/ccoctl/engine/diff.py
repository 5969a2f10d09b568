"""Wanted against found, for any two values of one frozen dataclass.

Each field says by its metadata what a difference of it means: `identity` and `observed` fields are not compared, a
difference of an `immutable` one cannot be mended, one of an `owned` field can.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from ccoctl.engine.plan import FieldChange


class Any_(Enum):  # noqa: N801 - read as a type, `str | Any_`
    """The type of ANY."""

    ANY = "any"


ANY: Literal[Any_.ANY] = Any_.ANY
"""A wanted value that says: whatever it is, it stays."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """A found value that could not be read, because this permission is missing."""

    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs, by what that means."""

    changed: tuple[FieldChange, ...] = ()
    immutable: tuple[FieldChange, ...] = ()
    unseen: tuple[FieldChange, ...] = ()
    """`old` is the missing permission."""


_ROLE = "role"


def identity(**options: Any) -> Any:
    """A field that says which resource it is."""
    return dataclasses.field(metadata={_ROLE: "identity"}, **options)


def immutable(**options: Any) -> Any:
    """A field that cannot change once the resource is there."""
    return dataclasses.field(metadata={_ROLE: "immutable"}, **options)


def owned(**options: Any) -> Any:
    """A field that we bring to what is wanted."""
    return dataclasses.field(metadata={_ROLE: "owned"}, **options)


def observed(**options: Any) -> Any:
    """A field that is only looked at."""
    return dataclasses.field(metadata={_ROLE: "observed"}, **options)


def compare(wanted: Any, found: Any) -> Difference:
    """The fields in which two values of one type differ; a wanted value that is not known yet equals nothing."""
    by_role: dict[str, list[FieldChange]] = {"immutable": [], "owned": [], "unseen": []}
    for field in dataclasses.fields(wanted):
        role = field.metadata[_ROLE]
        if role not in by_role:
            continue
        new, old = getattr(wanted, field.name), getattr(found, field.name)
        if new is ANY:
            continue
        if isinstance(old, Unseen):
            by_role["unseen"].append(FieldChange(name=field.name, old=old.action, new=new))
        elif new != old:
            by_role[role].append(FieldChange(name=field.name, old=old, new=new))
    return Difference(
        changed=tuple(by_role["owned"]), immutable=tuple(by_role["immutable"]), unseen=tuple(by_role["unseen"])
    )
