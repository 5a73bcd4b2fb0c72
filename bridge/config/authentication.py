"""`kinesis.authentication`: the credentials with which the bridge accesses AWS.

To add a type, write a model with its `type`, add the model to `Authentication`, and add a provider to
`bridge/aws/credentials/providers.py`.
"""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, model_validator

from bridge.yaml_files import Describe
from bridge.yaml_files.option_types import ExistingFile, Section

# Limits of session tags (https://docs.aws.amazon.com/STS/latest/APIReference/API_Tag.html).
_MAX_TAG_KEY_CHARS, _MAX_TAG_VALUE_CHARS, _MAX_TAGS = 128, 256, 50


def _arn(service: str, kind: str) -> AfterValidator:
    """Return a validator that accepts only ARNs of this service and kind of resource."""
    # An ARN begins with its partition: aws, aws-cn, aws-us-gov, or a partition that AWS adds later.
    form = re.compile(rf"arn:aws[a-z-]*:{service}:[a-z0-9-]*:\d{{12}}:{kind}/[\w+=,.@/-]+")

    def check(text: str) -> str:
        if not form.fullmatch(text):
            raise ValueError(
                f"expected an ARN as arn:aws:{service}:{'' if service == 'iam' else 'REGION'}:ACCOUNT:{kind}/NAME"
            )
        return text

    return AfterValidator(check)


RoleArn = Annotated[str, _arn("iam", "role"), Describe("the ARN of an IAM role")]
# RoleSessionName: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_SessionName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_+=,.@-]{2,64}$"), Describe("2 to 64 letters, digits and _ + = , . @ -")
]


def _command(text: str) -> str:
    """Return the command line if it is valid. The ValueError does not quote the command, which may contain a secret."""
    # The command runs without a shell, but its words are separated and quoted by the rules of a shell.
    try:
        words = shlex.split(text)
    except ValueError:
        raise ValueError("expected a command with its arguments; a quotation mark is not closed") from None
    if not words:
        raise ValueError("expected a command with its arguments, found empty text")
    return text


def _host(text: str) -> str:
    # Users often paste the complete URL. Without this check, the URL would fail only when credentials are requested.
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?", text):
        raise ValueError("expected a host name, without https:// and path, with :port where needed")
    return text


_Host = Annotated[str, AfterValidator(_host), Describe("a host name")]


class _AuthenticationOptions(Section):
    def plain(self) -> dict[str, Any]:
        """Return the settings of this type, without `type` and `source`. Secrets and paths become plain text."""
        # Options that are not set are omitted, so that the providers can use their own defaults.
        values = {name: getattr(self, name) for name in type(self).model_fields if name not in ("type", "source")}
        return {name: _plain(value) for name, value in values.items() if value not in (None, {}, [])}


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value if isinstance(value, int | dict | list) else str(value)


def _one_of(name: str) -> dict[str, Any]:
    """Return the part of the editor's schema that requires exactly one of `name` and `name_file`."""
    return {"oneOf": [{"required": [name]}, {"required": [f"{name}_file"]}]}


class Token(_AuthenticationOptions):
    """An access key."""

    # This repeats the rules of `_each_once` in the schema, so that an editor shows a violation while the user types.
    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [_one_of("access_key_id"), _one_of("secret_access_key")],
            "not": {"required": ["session_token", "session_token_file"]},
        }
    )

    type: Literal["token"] = Field(description="an access key")
    access_key_id: (
        Annotated[str, Field(pattern=r"^\w{1,128}$"), Describe("an access key ID: letters and digits")] | None
    ) = Field(default=None, description="access key ID, best written as `${AWS_ACCESS_KEY_ID}`")
    secret_access_key: Annotated[SecretStr, Field(min_length=1)] | None = Field(
        default=None, description="secret access key, best written as `${AWS_SECRET_ACCESS_KEY}`"
    )
    session_token: SecretStr | None = Field(default=None, description="secret session token of temporary credentials")
    access_key_id_file: ExistingFile | None = Field(
        default=None,
        description="file with the access key ID; read again when it changes, so that keys can be rotated without a "
        "restart",
    )
    secret_access_key_file: ExistingFile | None = Field(
        default=None, description="file with the secret access key; read again when it changes"
    )
    session_token_file: ExistingFile | None = Field(
        default=None, description="file with the session token; read again when it changes"
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        # If an option and its file were both set, it would not be clear which one is used.
        for name, needed in (("access_key_id", True), ("secret_access_key", True), ("session_token", False)):
            inline, file = getattr(self, name), getattr(self, f"{name}_file")
            if inline is not None and file is not None:
                raise ValueError(f"{name} and {name}_file exclude each other: remove one of them")
            if needed and inline is None and file is None:
                raise ValueError(f"{name} is missing: set it, or {name}_file")
        return self


class Ec2Role(_AuthenticationOptions):
    """The role of the EC2 instance."""

    type: Literal["ec2_role"] = Field(description="the role of this EC2 instance, by IMDSv2")


class Default(_AuthenticationOptions):
    """The credentials that the AWS command line would use."""

    # Only this class has a default for `type`, because this type is used if the section `authentication` is missing.
    type: Literal["default"] = Field(
        default="default",
        description="the credentials that the AWS command line would use: environment, shared files, container, "
        "instance",
    )


class Profile(_AuthenticationOptions):
    """A named profile."""

    type: Literal["profile"] = Field(description="a profile of the shared files of the AWS command line")
    name: Annotated[str, Field(min_length=1)] = Field(description="name of the profile")


class Process(_AuthenticationOptions):
    """A command that prints credentials."""

    type: Literal["process"] = Field(description="a command that prints credentials")
    command: Annotated[str, AfterValidator(_command), Describe("a command with its arguments")] = Field(
        description="the command, run without a shell; it prints the JSON that `credential_process` of the AWS command "
        "line requires"
    )
    # The command does not inherit the bridge's environment, which may contain the broker's password.
    environment: list[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), Describe("a variable's name")]] = (
        Field(
            default=[],
            max_length=100,
            description="environment variables that the command may read, in addition to `AWS_*`, the variables for "
            "proxies and CA certificates, and the variables that every program needs",
        )
    )


class _AssumedRole(_AuthenticationOptions):
    role_arn: RoleArn = Field(description="ARN of the role to assume")
    # AWS permits 900 s to 12 h. The bridge renews credentials 900 s before they expire, so credentials with a lifetime
    # of 900 s would be renewed all the time.
    duration_secs: int = Field(
        default=3600, ge=1800, le=43_200, description="lifetime of the credentials; they are renewed before they expire"
    )


class _NamedRole(_AssumedRole):
    session_name: _SessionName = Field(default="mqtt-kinesis", description="session name in CloudTrail")


class WebIdentity(_NamedRole):
    """A role that is assumed with an OIDC token."""

    type: Literal["web_identity"] = Field(
        description="a role that is assumed with an OIDC token, for example of Kubernetes or a CI system"
    )
    token_file: ExistingFile = Field(description="file with the token; read again for each renewal")


class _Certificate(_AuthenticationOptions):
    cert_file: ExistingFile = Field(description="client certificate, PEM")
    key_file: ExistingFile = Field(description="the private key of the certificate, PEM, not encrypted")
    ca_file: ExistingFile | None = Field(
        default=None, description="CA certificate of the endpoint, PEM; default: the system's CA certificates"
    )


class Iot(_Certificate):
    """The AWS IoT credentials provider."""

    type: Literal["iot"] = Field(description="a device's certificate, through AWS IoT's credentials provider")
    endpoint: _Host = Field(
        description="endpoint of the account, as `aws iot describe-endpoint --endpoint-type iot:CredentialProvider` "
        "prints it"
    )
    role_alias: Annotated[str, Field(pattern=r"^[A-Za-z0-9_=,@-]{1,128}$"), Describe("the name of a role alias")] = (
        Field(description="name of the role alias in AWS IoT")
    )
    thing_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_:-]{1,128}$"), Describe("the name of a thing")] | None = (
        Field(default=None, description="the name of the thing, if the role's policies depend on it")
    )


class RolesAnywhere(_AssumedRole, _Certificate):
    """IAM Roles Anywhere."""

    type: Literal["roles_anywhere"] = Field(
        description="a certificate signed by the CA of a trust anchor, through IAM Roles Anywhere"
    )
    chain_file: ExistingFile | None = Field(default=None, description="intermediate certificates, PEM")
    trust_anchor_arn: Annotated[str, _arn("rolesanywhere", "trust-anchor"), Describe("the ARN of a trust anchor")] = (
        Field(description="ARN of the trust anchor; the bridge requests credentials in its region")
    )
    profile_arn: Annotated[str, _arn("rolesanywhere", "profile"), Describe("the ARN of a Roles Anywhere profile")] = (
        Field(description="ARN of the profile that contains the role")
    )


# All types except AssumeRole. If one assumed role assumes another role, AWS limits the session to one hour:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
Source = Annotated[
    Token | Ec2Role | Default | Profile | Process | WebIdentity | Iot | RolesAnywhere, Field(discriminator="type")
]


class AssumeRole(_NamedRole):
    """A role that is assumed with the credentials of another type."""

    type: Literal["assume_role"] = Field(description="a role that is assumed with the credentials of any other type")
    external_id: (
        Annotated[
            str, Field(pattern=r"^[A-Za-z0-9_+=,.@:/-]+$", min_length=2, max_length=1224), Describe("an external id")
        ]
        | None
    ) = Field(default=None, description="external ID that the role's trust policy requires")
    tags: dict[
        Annotated[str, Field(min_length=1, max_length=_MAX_TAG_KEY_CHARS)],
        Annotated[str, Field(max_length=_MAX_TAG_VALUE_CHARS)],
    ] = Field(default={}, max_length=_MAX_TAGS, description="session tags; the role must allow sts:TagSession")
    source: Annotated[Source, Describe("keys and values")] = Field(
        default=Default(type="default"),
        description="credentials that assume the role: all options of `kinesis.authentication`, with a type other than "
        "`assume_role`",
    )


Authentication = Annotated[
    Token | Ec2Role | Default | Profile | Process | AssumeRole | WebIdentity | Iot | RolesAnywhere,
    Field(discriminator="type"),
]
