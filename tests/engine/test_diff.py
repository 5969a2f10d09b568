"""Wanted against found, by what each field means."""

from __future__ import annotations

from typing import Any

import msgspec

from ccoctl.engine.call import Output
from ccoctl.engine.diff import (
    ANY,
    Any_,
    Difference,
    Identity,
    Immutable,
    Observed,
    Owned,
    Unseen,
    compare,
)
from ccoctl.engine.plan import FieldChange


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    name: Identity[str]
    place: Immutable[str]
    size: Owned[int | Unseen | Output | Any_]
    seen: Observed[str] = ""


def thing(**values: object) -> Thing:
    return Thing(**{"name": "a", "place": "here", "size": 1, **values})  # type: ignore[arg-type] # values of several types


def test_equal_values_do_not_differ() -> None:
    difference = compare(thing(), thing(name="other", seen="other"))

    assert (difference.changed, difference.immutable, difference.unseen) == ((), (), ())


def test_owned_and_immutable_fields_are_told_apart() -> None:
    difference = compare(thing(size=2, place="there"), thing())

    assert difference.changed == (FieldChange(name="size", old=1, new=2),)
    assert difference.immutable == (FieldChange(name="place", old="here", new="there"),)


def test_what_may_be_anything_is_not_compared() -> None:
    assert compare(thing(size=ANY), thing(size=7)).changed == ()


def test_what_could_not_be_read_is_neither_equal_nor_different() -> None:
    difference = compare(thing(), thing(size=Unseen("read:Size")))

    assert difference.changed == ()
    assert difference.unseen == (FieldChange(name="size", old="read:Size", new=1),)


def test_what_is_not_known_yet_equals_nothing() -> None:
    late = Output(step="s", path="p", placeholder="<p>")

    assert compare(thing(size=late), thing(size=1)).changed


def kind() -> type[Any]:
    """A type of resource with a field of each role, and two that are owned."""

    class Kind(msgspec.Struct, frozen=True, kw_only=True):
        name: Identity[str] = "a"
        seen: Observed[str] = "then"
        place: Immutable[str] = "here"
        size: Owned[int | Unseen | Any_] = 1
        tags: Owned[tuple[str, ...]] = ()

    return Kind


def test_each_field_differs_as_its_role_says() -> None:
    made = kind()

    assert compare(made(), made()) == Difference()
    assert compare(made(), made(name="b", seen="now", place="there", size=2, tags=("a",))) == Difference(
        immutable=(FieldChange(name="place", old="there", new="here"),),
        changed=(FieldChange(name="size", old=2, new=1), FieldChange(name="tags", old=("a",), new=())),
    )


def test_what_may_be_anything_or_was_not_read_hides_no_other_field() -> None:
    made = kind()
    tags = FieldChange(name="tags", old=(), new=("a",))

    assert compare(made(size=ANY, tags=("a",)), made(size=7)) == Difference(changed=(tags,))
    assert compare(made(tags=("a",)), made(size=Unseen("read:Size"))) == Difference(
        changed=(tags,), unseen=(FieldChange(name="size", old="read:Size", new=1),)
    )


def test_what_may_be_anything_needs_no_permission_to_be_read() -> None:
    made = kind()

    assert compare(made(size=ANY), made(size=Unseen("read:Size"))) == Difference()
