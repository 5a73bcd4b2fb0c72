"""Prompts of `init`. Each prompt has a default, which --yes accepts."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import socket
import sys
from typing import TYPE_CHECKING, Final

from bridge.config import options
from bridge.errors import UsageError
from bridge.mqtt.broker_address import ENCRYPTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.config.option_table import Option

TYPE: Final = "kinesis.authentication.type"
PASSWORD: Final = "MQTT_PASSWORD"  # noqa: S105 - the name of a variable
# Names of options in bridge.yaml, and the corresponding options of the command.
_OPTIONS: Final = {
    "mqtt.url": "--url",
    "mqtt.tls.ca_file": "--ca-file",
    "mqtt.username": "--username",
    "mqtt.client_id": "--client-id",
    "kinesis.region": "--region",
    TYPE: "--authentication",
}
_ANSWERS: Final = {"yes": True, "y": True, "no": False, "n": False}
# References for the credentials of the type "token". Secrets are never written to the file.
_TOKEN: Final = {"access_key_id": "${AWS_ACCESS_KEY_ID}", "secret_access_key": "${AWS_SECRET_ACCESS_KEY}"}


# One or more references without a default, such as ${NAME} or ${file:PATH}.
_REFERENCES: Final = re.compile(r"(\$\{(?!\w*:-)[^{}]+\})+")


class Prompts:
    """Prompts on the terminal. With `yes`, or without a terminal, each prompt returns its default."""

    def __init__(self, given: Mapping[str, str], *, yes: bool) -> None:
        self.given = dict(given)
        self._silent = yes or not sys.stdin.isatty()
        self.prompted = False
        """True if a person has typed an answer."""

    def answers(self) -> dict[str, str]:
        """Prompt for the options. Return a dict from the name of an option in bridge.yaml to its value.

        Raise UsageError if standard input ends before the last answer.
        """
        url = self._broker()
        answers = {"mqtt.url": url}
        # Do not parse the URL here: it may be invalid, and `init` reports that after the prompts.
        if url.partition("://")[0].lower() in ENCRYPTED:
            answers["mqtt.tls.ca_file"] = self.prompt("mqtt.tls.ca_file", "CA file (empty: the system's)", "")
        answers["mqtt.username"] = self.prompt("mqtt.username", "Broker user name (empty: none)", "")
        if answers["mqtt.username"]:
            answers["mqtt.password"] = f"${{{PASSWORD}}}"
        answers["mqtt.client_id"] = self.prompt("mqtt.client_id", "Client ID of this bridge", _client_id())
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        answers["kinesis.region"] = self.prompt("kinesis.region", "AWS region", region)
        answers |= self._authentication()
        return {**{name: value for name, value in answers.items() if value}, **self.given}

    def prompt(self, name: str, label: str, default: str) -> str:
        """Return the value of the option `name` if it was given. Otherwise, prompt for the value."""
        if name in self.given:
            return self.given[name]
        if self._silent:
            return default
        # Print prompts to standard error, so that standard output contains only the result.
        print(f"{label}{f' [{default}]' if default else ''}: ", end="", flush=True, file=sys.stderr)
        line = sys.stdin.readline()
        if not line:
            raise UsageError("no input: use --yes to accept the defaults")
        self.prompted = True
        return line.strip() or default

    def password(self) -> str:
        """Return the password for the connection to the broker. It is not written to a file."""
        known = os.environ.get(PASSWORD, "")
        return known if known or self._silent else getpass.getpass("Password (for this session only; not stored): ")

    def _broker(self) -> str:
        url = self.prompt("mqtt.url", "Broker", "mqtt://localhost:1883")
        if "://" in url:
            return url
        return f"{'mqtts' if self._yes('tls', 'Use TLS? (yes or no)') else 'mqtt'}://{url}"

    def _yes(self, name: str, label: str) -> bool:
        """Prompt until the answer is yes or no. A typing error must not turn the encryption off."""
        while (answer := self.prompt(name, label, "no").lower()) not in _ANSWERS:
            print(f"expected yes or no; found '{answer}'", file=sys.stderr)
        return _ANSWERS[answer]

    def _authentication(self) -> dict[str, str]:
        types = next(row.type for row in options() if row.name == TYPE)
        chosen = self.prompt(TYPE, f"Authentication to AWS: {types}", "default")
        section = TYPE.removesuffix("type")
        answers = {TYPE: chosen}
        if chosen == "token" and not any(name.startswith(f"{section}access_key") for name in self.given):
            answers |= {section + name: value for name, value in _TOKEN.items()}
        # The description of an option names the types of authentication that the option belongs to. Prompt for the
        # required options of the chosen type.
        for row in options():
            if row.name.startswith(section) and row.default == "required" and f"`{chosen}`" in row.description:
                answers[row.name] = self.prompt(row.name, row.description, "")
        return answers


def repeated_command(answers: Mapping[str, str], stream: str) -> str:
    """Return a line with an `init` command that contains the answers as options.

    After an error, the user can copy this command instead of answering the prompts again.
    """
    given = {name: value for name, value in answers.items() if not value.startswith("${")}
    options = [f"{_OPTIONS[name]} {shlex.quote(given.pop(name))}" for name in _OPTIONS if name in given]
    options += [f"--set {shlex.quote(f'{name}={value}')}" for name, value in given.items()]
    return f"\nTo repeat this without prompts: mqtt-kinesis init {' '.join(options)} --stream {shlex.quote(stream)}"


def parse_set_options(texts: Sequence[str]) -> dict[str, str]:
    """Parse the texts NAME=VALUE of --set. Raise UsageError for an unknown name, or if a value is a secret."""
    found: dict[str, str] = {}
    known = {row.name: row for row in options()}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or name not in known:
            raise UsageError(
                f"--set: expected NAME=VALUE with an option's name, such as mqtt.share=press; found '{name}'"
            )
        # There is an option NAME.OPTION, so NAME is a section. Only `null` is a valid value of a section.
        if value != "null" and any(each.startswith(f"{name}.") for each in known):
            raise UsageError(f"--set {name}: this is a section; set its options, or null to turn it off")
        # The default in `${NAME:-default}` would be a secret in the file.
        if _is_secret(known[name]) and not _REFERENCES.fullmatch(value):
            raise UsageError(f"--set {name}: secrets are not stored in files; give a reference, such as ${{NAME}}")
        found[name] = value
    return found


def _is_secret(option: Option) -> bool:
    # Treat an access key ID as a secret too, because it is a part of the credentials.
    return option.secret or option.name.endswith(("key_password", "access_key_id"))


def _client_id() -> str:
    return "mqtt-kinesis-" + (re.sub(r"[^A-Za-z0-9-]+", "-", socket.gethostname()).strip("-") or "bridge")
