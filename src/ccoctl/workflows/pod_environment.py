"""What of a caller's environment a component's command gets: where AWS is and how to reach it, never who calls.

AWS adds variables that carry credentials now and then, so what is let through is listed, not what is held back.
"""

from __future__ import annotations

import site
from collections.abc import Mapping
from pathlib import Path

_KEPT = frozenset(
    {
        "AWS_CA_BUNDLE",
        "AWS_CLI_AUTO_PROMPT",
        "AWS_CLI_FILE_ENCODING",
        "AWS_DEFAULT_OUTPUT",
        "AWS_DEFAULTS_MODE",
        "AWS_ENDPOINT_URL",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_MAX_ATTEMPTS",
        "AWS_PAGER",
        "AWS_REQUEST_CHECKSUM_CALCULATION",
        "AWS_RESPONSE_CHECKSUM_VALIDATION",
        "AWS_RETRY_MODE",
        "AWS_SDK_UA_APP_ID",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_USE_FIPS_ENDPOINT",
    }
)
_KEPT_PREFIX = "AWS_ENDPOINT_URL_"
_FOREIGN = frozenset({"BOTO_CONFIG", "BOTO_PATH"})
"""Files with credentials that the first boto reads."""


def pod_environment(
    callers: Mapping[str, str], *, credentials: Path, config: Path, home: Path, region: str
) -> dict[str, str]:
    """The variables for a component's command.

    Args:
        callers: the caller's own.
        credentials: the shared credentials file with the component's profile.
        config: the AWS configuration file beside it.
        home: an empty directory. The AWS CLI and SDKs keep sessions of others below the caller's, and use them.
        region: of the component's calls.
    """
    kept = {name: value for name, value in callers.items() if _is_kept(name)}
    # what a user installed with `pip install --user`, the AWS CLI perhaps, is found by HOME otherwise
    kept.setdefault("PYTHONUSERBASE", site.getuserbase())
    return {
        **kept,
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_CONFIG_FILE": str(config),
        "AWS_SDK_LOAD_CONFIG": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "HOME": str(home),
        "USERPROFILE": str(home),
    }


def _is_kept(name: str) -> bool:
    upper = name.upper()  # Windows knows no case in them
    if not upper.startswith("AWS_"):
        return upper not in _FOREIGN
    return upper in _KEPT or upper.startswith(_KEPT_PREFIX)
