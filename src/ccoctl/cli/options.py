"""The options that several commands share. Names, types and defaults are the Go tool's where it has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def together(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options as one decorator, shown in the given order."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


class KeyValues(click.ParamType[dict[str, str]]):
    """`key=value`, several of them separated by commas, as pflag takes maps."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, str]:
        """One occurrence of the option as a mapping."""
        if isinstance(value, dict):
            return value
        pairs: dict[str, str] = {}
        for pair in str(value).split(","):
            key, equals, text = pair.partition("=")
            if not equals or not key:
                self.fail(f"{pair!r} is not key=value", param, ctx)
            pairs[key] = text
        return pairs


def _merged(_ctx: click.Context, _param: click.Parameter, values: tuple[dict[str, str], ...]) -> dict[str, str]:
    return {key: value for pairs in values for key, value in pairs.items()}


class RequiredUnless(click.Option):
    """An option that must be given unless another one is; `Command` sees to it."""

    def __init__(self, *args: Any, unless: str, **kwargs: Any) -> None:
        """`unless` is the name of the other one's parameter."""
        super().__init__(*args, required=True, **kwargs)
        self.unless = unless

    def value_is_missing(self, value: Any) -> bool:
        """Never, as far as click's own check goes, which knows no other options."""
        del value
        return False

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Without the word that it is required: its help says when."""
        return {name: said for name, said in super().get_help_extra(ctx).items() if name != "required"}


_PATH = click.Path(path_type=Path)

name = click.option("--name", required=True, help="Name of all that is made, and of the tag that marks it as ours.")
region = click.option("--region", required=True, help="AWS region of the bucket and of the API.")
region_optional = click.option(
    "--region", default="", help="AWS region of the API.  [default: that of the provider's partition]"
)
output_dir = click.option(
    "--output-dir", type=_PATH, default=None, help="Directory for the files.  [default: the current directory]"
)
credentials_requests_dir = click.option(
    "--credentials-requests-dir", type=_PATH, required=True, help="Directory of the CredentialsRequests of the release."
)
credentials_requests_dir_or_image = click.option(
    "--credentials-requests-dir",
    type=_PATH,
    cls=RequiredUnless,
    unless="release_image",
    help="Directory of the CredentialsRequests of the release.  [required, or --release-image]",
)
release_image = click.option(
    "--release-image",
    default="",
    metavar="IMAGE",
    help="The release itself: registry/repository:tag, oci:DIRECTORY or oci-archive:FILE, instead of a directory.",
)
install_config = click.option(
    "--install-config",
    type=_PATH,
    default=None,
    help="The cluster's install-config.yaml: of --release-image, requests that it will not get are left out.",
)
registry_config = click.option(
    "--registry-config",
    "-a",
    type=_PATH,
    default=None,
    help="File of logins for registries, such as the pull secret.  [default: where podman and docker keep them]",
)
icsp_file = click.option(
    "--icsp-file", type=_PATH, default=None, help="ImageContentSourcePolicy that names mirrors of registries."
)
idms_file = click.option(
    "--idms-file",
    type=_PATH,
    default=None,
    help="ImageDigestMirrorSet (or ImageTagMirrorSet) that names mirrors of registries.",
)
insecure = click.option(
    "--insecure", is_flag=True, help="Speak to registries over plain HTTP and without checking certificates, too."
)
certificate_authority = click.option(
    "--certificate-authority",
    type=_PATH,
    default=None,
    help="File of certificate authorities of registries, trusted beside the system's.",
)
arch = click.option(
    "--arch", default="", help="Architecture whose image is taken of several, like arm64.  [default: this machine's]"
)
public_key_file = click.option(
    "--public-key-file",
    type=_PATH,
    default=None,
    help="Public half of the cluster's signing key.  [default: serviceaccount-signer.public in the output directory]",
)
public_key_file_instead = click.option(
    "--public-key-file",
    type=_PATH,
    default=None,
    help="Public half of the cluster's signing key; without it that of the output directory, or a new one.",
)
identity_provider_arn = click.option(
    "--identity-provider-arn", required=True, help="ARN of the IAM OIDC provider that the roles trust."
)
permissions_boundary_arn = click.option(
    "--permissions-boundary-arn",
    default="",
    help="ARN of the IAM policy that bounds each role.  [default: none; one that is there stays]",
)
enable_tech_preview = click.option(
    "--enable-tech-preview", is_flag=True, help="Also take requests of the feature set TechPreviewNoUpgrade."
)
private = click.option(
    "--create-private-s3-bucket", is_flag=True, help="Make the bucket private, and serve the issuer through CloudFront."
)
origin_access = click.option(
    "--origin-access",
    type=click.Choice(["oai", "oac"]),
    default=None,
    help="How CloudFront reads a private bucket: identity or control.  [default: oai, and oac in regions without it]",
)
shared_issuer = click.option(
    "--shared-issuer",
    default="",
    metavar="NAME",
    help="Serve the issuer below a private bucket and distribution of that name, which several clusters share.",
)
issuer_url = click.option(
    "--issuer-url",
    default="",
    metavar="URL",
    help="The issuer is served by you: its documents are written below the output directory, and not uploaded.",
)
flavor = click.option(
    "--flavor",
    type=click.Choice(["openshift", "kubernetes"]),
    default="openshift",
    show_default=True,
    help="Which cluster the files are for: manifests for OpenShift's installer, or flags and service accounts.",
)
dry_run = click.option(
    "--dry-run", is_flag=True, help="Write what would be done into files; call nothing, need no credentials."
)
role_path = click.option("--role-path", default="", help="IAM path of new roles, /like/this/.  [default: /]")
tags = click.option(
    "--tags",
    type=KeyValues(),
    multiple=True,
    callback=_merged,
    help="More tags for all that is made; may be repeated, or separated by commas.",
)
max_session_duration = click.option(
    "--max-session-duration",
    type=click.IntRange(3600, 43200),
    default=None,
    help="Longest session of the roles, in seconds.  [default: 3600; what is there stays]",
)
bind_audience = click.option(
    "--bind-audience", is_flag=True, help="Let roles be assumed only with tokens for the audience openshift."
)
key_bits = click.option(
    "--key-bits",
    type=click.Choice(["2048", "3072", "4096"]),
    default="4096",
    show_default=True,
    help="Size of a new RSA key.",
)


def _taken(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    """Take such keys as long as the command runs."""
    if value:
        from ccoctl.workflows.private_keys import taking_unprotected

        ctx.with_resource(taking_unprotected())


allow_unprotected_key = click.option(
    "--allow-unprotected-key",
    is_flag=True,
    expose_value=False,
    callback=_taken,
    help="Take a private key that other users of this machine can read or change, too.",
)
concurrency = click.option(
    "--concurrency",
    type=click.IntRange(1, 100),
    default=10,
    show_default=True,
    help="Most calls that are under way at a time.",
)
profile = click.option(
    "--profile", default="", help="Profile of the AWS configuration.  [default: the SDK's own chain]"
)


def _readable(_ctx: click.Context, _param: click.Parameter, path: str) -> str:
    """The file that was named, seen to be there before anything is called."""
    if path:
        from ccoctl.files import read_bytes

        read_bytes(Path(path), limit=_BUNDLE_LIMIT)
    return path


_BUNDLE_LIMIT = 16 * 1024 * 1024
"""Bytes of a file of authorities; all that the world trusts have a quarter of a million."""
ca_bundle = click.option(
    "--ca-bundle",
    default="",
    callback=_readable,
    help="File of certificate authorities to trust.  [default: AWS_CA_BUNDLE, or the SDK's]",
)
audience = click.option(
    "--audience",
    "audiences",
    multiple=True,
    default=("openshift",),
    show_default=True,
    help="Whom a token is for; may be repeated.",
)
expiration_seconds = click.option(
    "--expiration-seconds",
    type=click.IntRange(600, 2**32),
    default=3600,
    show_default=True,
    help="Seconds that a token lives.",
)
output = click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the result."
)
yes = click.option("--yes", is_flag=True, help="Do not ask.")
debug = click.option("--debug", is_flag=True, help="Log each call, and where an error came from, to stderr.")

connection = together(profile, ca_bundle, concurrency)
result = together(output, debug)
role_options = together(permissions_boundary_arn, role_path, max_session_duration, bind_audience)
registry_access = together(registry_config, icsp_file, idms_file, insecure, certificate_authority, arch)
requests_source = together(credentials_requests_dir_or_image, release_image, install_config, registry_access)
set_up = together(
    name,
    region,
    requests_source,
    output_dir,
    public_key_file_instead,
    enable_tech_preview,
    private,
    origin_access,
    shared_issuer,
    issuer_url,
    role_options,
    tags,
    allow_unprotected_key,
)
"""What a whole set-up is described by: for making it and for looking at what would be made."""
