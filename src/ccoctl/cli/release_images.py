"""What the commands that read release images have in common: from options to a way to registries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ccoctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ccoctl.credentialsrequest.model import Loaded
    from ccoctl.workflows.release_image import Access


def access(given: dict[str, Any]) -> Access:
    """How the options say that registries are reached.

    Raises:
        UsageError: they contradict each other.
    """
    from ccoctl.release.wire import Trust
    from ccoctl.workflows.release_image import Access

    if given["icsp_file"] is not None and given["idms_file"] is not None:
        raise UsageError("--icsp-file and --idms-file exclude each other")
    return Access(
        registry_config=given["registry_config"],
        mirror_files=tuple(path for path in (given["icsp_file"], given["idms_file"]) if path is not None),
        trust=Trust(insecure=given["insecure"], authorities=given["certificate_authority"]),
        arch=given["arch"],
        environment=os.environ,
    )


def requests_of_image(given: dict[str, Any], tell: Callable[[str], None]) -> Loaded | None:
    """The requests of `--release-image`; None where a directory is named instead, or the command has no such option.

    Args:
        given: the options.
        tell: takes sentences about places where the image is not, and about what is left out.

    Raises:
        UsageError: both are named, or what goes with an image without one.
    """
    image = given.get("release_image")
    if not image:
        if given.get("install_config") is not None:
            raise UsageError("--install-config is about --release-image, and none is named")
        return None
    if given.get("credentials_requests_dir") is not None:
        raise UsageError("--credentials-requests-dir and --release-image exclude each other")
    from ccoctl.workflows.release_image import requests_in

    return requests_in(image, access(given), install_config=given.get("install_config"), tell=tell)
