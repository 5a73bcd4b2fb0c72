"""`kinesis`: where records go, and who the bridge is there.

A further authentication type is one model with its `type`, and its name in `Authentication`.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from bridge.config.fields import Section, Size, size_between
from bridge.documents import Expect


def _endpoint_url(url: str) -> str:
    """No message shows the URL: someone may have put a password into it."""
    expected = "expected https://host or http://host, with :port where needed"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{expected}; the host or port cannot be read") from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or any(character.isspace() for character in url):
        raise ValueError(expected)
    if "@" in url or parts.query or parts.fragment:
        raise ValueError(f"{expected}, and no credentials or query")
    return url


LEAST_UPLINK_BYTES = 1000


class _Authentication(Section):
    def plain(self) -> dict[str, str]:
        """The settings of this type without `type`; secrets are laid open."""
        values = {name: getattr(self, name) for name in type(self).model_fields if name != "type"}
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in values.items()
            if value is not None
        }


class Token(_Authentication):
    """An access key."""

    type: Literal["token"] = Field(description="an access key")
    access_key_id: Annotated[str, Expect("an access key id: letters and digits")] = Field(
        pattern=r"^\w{1,128}$", description="best as `${AWS_ACCESS_KEY_ID}`"
    )
    secret_access_key: SecretStr = Field(min_length=1, description="secret; best as `${AWS_SECRET_ACCESS_KEY}`")
    session_token: SecretStr | None = Field(default=None, description="secret; of temporary credentials")


class Ec2Role(_Authentication):
    """The role of the EC2 instance."""

    type: Literal["ec2_role"] = Field(description="the role of this EC2 instance, by IMDSv2")


class Default(_Authentication):
    """What the AWS command line would use."""

    type: Literal["default"] = Field(
        default="default",
        description="what the AWS command line would use: environment, shared files, container, instance",
    )


Authentication = Annotated[Token | Ec2Role | Default, Field(discriminator="type")]


class KinesisSettings(Section):
    """Region, authentication, and how hard to send."""

    region: Annotated[str, Expect("an AWS region, such as us-east-1")] = Field(
        pattern=r"^[a-z]{2,5}(-[a-z]+){1,3}-[0-9]{1,2}$", description="AWS region of the data streams"
    )
    authentication: Authentication = Field(
        default=Default(type="default"), description="one `type`, and the settings of that type"
    )
    endpoint_url: Annotated[str, AfterValidator(_endpoint_url), Expect("a URL as https://host")] | None = Field(
        default=None, description="another endpoint: a VPC endpoint, or a local Kinesis"
    )
    backlog: Literal["oldest_first", "live_first"] = Field(
        default="oldest_first",
        description="after an outage: everything in its order, or what is just received before what waits; "
        "always `oldest_first` where `order` is strict",
    )
    max_bytes_per_sec: Annotated[Size, size_between(LEAST_UPLINK_BYTES)] | None = Field(
        default=None, description="the most that all streams together put on the link a second"
    )
    requests_in_flight: int = Field(
        default=4, ge=1, le=32, description="PutRecords requests under way at once, per stream"
    )
    linger_ms: int = Field(
        default=100, ge=0, le=60_000, description="how long a record waits for others to share its request"
    )
