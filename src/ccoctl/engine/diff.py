"""Wanted against found, for any two values of one Struct.

Each field says by its type what a difference of it means: `Identity` and `Observed` fields are not compared, a
difference of an `Immutable` one cannot be mended, one of an `Owned` field can.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Literal, TypeAlias, TypeVar, get_type_hints

import msgspec

from ccoctl.engine.plan import FieldChange


class Any_(Enum):  # noqa: N801 - read as a type, `str | Any_`
    """The type of ANY."""

    ANY = "any"


ANY: Literal[Any_.ANY] = Any_.ANY
"""A wanted value that says: whatever it is, it stays."""


class Unseen(msgspec.Struct, frozen=True):
    """A found value that could not be read, because this permission is missing."""

    action: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What differs, by what that means."""

    changed: tuple[FieldChange, ...] = ()
    immutable: tuple[FieldChange, ...] = ()
    unseen: tuple[FieldChange, ...] = ()
    """`old` is the missing permission."""


class Meaning(Enum):
    """What a difference of a field means."""

    IDENTITY = "identity"
    IMMUTABLE = "immutable"
    OWNED = "owned"
    OBSERVED = "observed"


T = TypeVar("T")

Identity: TypeAlias = Annotated[T, Meaning.IDENTITY]
"""A field that says which resource it is."""
Immutable: TypeAlias = Annotated[T, Meaning.IMMUTABLE]
"""A field that cannot change once the resource is there."""
Owned: TypeAlias = Annotated[T, Meaning.OWNED]
"""A field that we bring to what is wanted."""
Observed: TypeAlias = Annotated[T, Meaning.OBSERVED]
"""A field that is only looked at."""


def compare(wanted: msgspec.Struct, found: msgspec.Struct) -> Difference:
    """The fields in which two values of one type differ; a wanted value that is not known yet equals nothing."""
    changed: list[FieldChange] = []
    immutable: list[FieldChange] = []
    unseen: list[FieldChange] = []
    for name, meaning in _meanings(type(wanted)).items():
        if meaning is Meaning.IDENTITY or meaning is Meaning.OBSERVED:
            continue
        new, old = getattr(wanted, name), getattr(found, name)
        if new is ANY:
            continue
        if isinstance(old, Unseen):
            unseen.append(FieldChange(name=name, old=old.action, new=new))
        elif new != old:
            (immutable if meaning is Meaning.IMMUTABLE else changed).append(FieldChange(name=name, old=old, new=new))
    return Difference(changed=tuple(changed), immutable=tuple(immutable), unseen=tuple(unseen))


@cache
def _meanings(kind: type[msgspec.Struct]) -> Mapping[str, Meaning]:
    hints = get_type_hints(kind, include_extras=True)
    return {name: hints[name].__metadata__[0] for name in kind.__struct_fields__}
