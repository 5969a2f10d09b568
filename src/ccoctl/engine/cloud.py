"""The port: what the executor needs of a cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ccoctl.engine.call import Answer, Call


class Cloud(Protocol):
    """Performs one Call whose parameters are resolved; must allow calls from several threads at a time."""

    def perform(self, call: Call) -> Answer:
        """The parsed answer.

        Raises:
            CloudError: the cloud refused or did not answer; its `kind` says what that means.
        """
        ...
