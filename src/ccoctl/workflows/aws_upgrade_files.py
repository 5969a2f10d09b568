"""The output directory as a place in which a plan's steps also delete."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from ccoctl.aws import manifests
from ccoctl.credentialsrequest.model import SecretRef
from ccoctl.engine.call import Answer, Call
from ccoctl.engine.cloud import Cloud
from ccoctl.engine.plan import Action, Address, Step
from ccoctl.errors import CloudError, ErrorKind, FileError
from ccoctl.workflows.places import refuse_links

SERVICE = "directory"


class OutputDirectory:
    """Performs the calls about files itself, and leaves the others to the cloud."""

    def __init__(self, cloud: Cloud, directory: Path) -> None:
        """`directory` is the one that paths are relative to."""
        self._cloud, self._directory = cloud, directory

    def perform(self, call: Call) -> Answer:
        """The answer of the cloud, or an empty one.

        Raises:
            CloudError: the cloud's own, or the file cannot be deleted, or only through a link.
        """
        if call.service != SERVICE:
            return self._cloud.perform(call)
        name = str(call.parameters["Path"])
        path = self._directory / name
        try:
            refuse_links(self._directory, name)
            path.unlink(missing_ok=True)
        except FileError as error:
            raise CloudError(
                error.what, kind=ErrorKind.PERMANENT, operation=call.name, where=error.where, remedy=error.remedy
            ) from error
        except OSError as error:
            what = f"{path} cannot be deleted: {error.strerror or 'the system does not say why'}"
            raise CloudError(what, kind=ErrorKind.PERMANENT, operation=call.name) from error
        return {}


def deletions(gone: Iterable[SecretRef], wanted: Collection[SecretRef], directory: Path) -> tuple[Step, ...]:
    """The steps that delete the manifests of Secrets that nobody wants any more, as far as they are there."""
    kept = {manifests.secret_path(secret) for secret in wanted}
    paths = dict.fromkeys(manifests.secret_path(secret) for secret in gone)
    return tuple(_delete(path) for path in paths if path not in kept and (directory / path).exists())


def _delete(path: PurePosixPath) -> Step:
    return Step(
        id=f"file/{path}/delete",
        address=Address("file", str(path)),
        action=Action.DELETE,
        summary=f"delete {path}",
        work=Call(service=SERVICE, operation="DeleteFile", parameters={"Path": str(path)}),
    )


__all__ = ["OutputDirectory", "deletions"]
