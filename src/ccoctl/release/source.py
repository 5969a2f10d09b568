"""Where an image's parts come from: the one port between what an image means and how its bytes arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from ccoctl.release.content import Descriptor, Document

Result = TypeVar("Result")


class Source(Protocol):
    """An image in a registry or on disk."""

    @property
    def where(self) -> str:
        """Its name, for messages."""
        ...

    def root(self) -> Document:
        """The manifest or index that the image's reference leads to.

        Raises:
            ImageError: it cannot be had, or is not what its digest says.
        """
        ...

    def document(self, descriptor: Descriptor) -> Document:
        """A manifest, an index or a configuration that another one names, checked against its digest.

        Raises:
            ImageError: it cannot be had, or is not what its digest says.
        """
        ...

    def blob(self, descriptor: Descriptor, take: Callable[[Iterator[bytes]], Result]) -> Result:
        """What `take` makes of a layer's bytes, which it is given in pieces and takes to their end.

        It may be called again from the beginning. What it gives counts only once all bytes were what the digest says.

        Raises:
            ImageError: the layer cannot be had, is not what its digest says, or `take` refused it.
        """
        ...
