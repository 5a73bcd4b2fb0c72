"""Sections of docs/reference/commands.md: every command with its arguments and options, as `--help` shows them."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import get_type_hints

import typer

from bridge.cli.app import app
from tests.docs.tables import cell

_USAGE = "2: invalid usage or configuration"
EXIT_CODES = {
    "init": f"0: files written; 1: the broker cannot be reached, or a file exists already; {_USAGE}",
    "check": "0: no error; 2: at least one error; 130: `--watch` was ended",
    "try": (
        f"0: a mapping creates a record; 1: no mapping creates one, and the reason is shown; {_USAGE}; "
        "130: `--watch` was ended"
    ),
    "schema": "0: success; 1: the file cannot be written",
    "functions": "0: success; 1: no function matches the word",
    "run": f"0: stopped by a signal; 1: the spool cannot be used, or another bridge uses it; {_USAGE}; "
    "70: crashed; 130: interrupted",
    "demo": "0: the ledger is balanced, and Kinesis has what was delivered; 1: otherwise",
    "status": f"0: the state is `ok`; 1: `degraded` or `failing`; {_USAGE}; 3: no bridge runs; 4: no permission",
    "doctor": f"0: no check failed (warnings are possible); 1: at least one failed; {_USAGE}",
    "support-bundle": "0: written, even if some parts are missing; 1: the file exists already",
    "capture": f"0: ended by a limit or Ctrl-C; 1: failed; {_USAGE}",
    "diff": "0: no difference; 1: at least one difference; 2: a mapping or the capture does not load",
    "coverage": f"0: all topics matched and all mappings active; 1: otherwise; {_USAGE}; "
    "3: no bridge runs; 4: no permission",
    "prove": f"0: complete; 1: missing, altered, not covered or covered twice; {_USAGE}; 3: it could not be checked",
    "policy": f"0: success; 1: failed; {_USAGE}",
    "dead-letters list": "0: success; 1: failed",
    "dead-letters show": "0: success; 1: no such dead letter",
    "dead-letters replay": "0: all were replayed or filtered; 1: some failed again",
    "dead-letters delete": "0: all were deleted; 1: otherwise",
    "dead-letters export": "0: success; 1: the file exists",
    "spool export": "0: success; 1: the file exists",
    "spool status": "0: the ledger is balanced; 1: otherwise",
    "spool verify": "0: intact and balanced; 1: otherwise",
    "state list": "0: success",
    "state show": "0: success; 1: the mapping has no state",
    "state clear": "0: success; 1: the mapping had no state, or the prompt was answered with no",
}
"""Exit codes of each command, with their meanings."""


@dataclass(frozen=True)
class CommandDoc:
    """A command, as declared by its function."""

    name: str
    function: Callable[..., object]

    @property
    def paragraphs(self) -> list[str]:
        return (inspect.getdoc(self.function) or "").split("\n\n")

    @property
    def parameters(self) -> Iterator[str]:
        """Rows of the table with the arguments and options of this command."""
        hints = get_type_hints(self.function, include_extras=True)
        for name, parameter in inspect.signature(self.function).parameters.items():
            if hints[name] is typer.Context:
                continue
            kind, info = hints[name].__origin__, hints[name].__metadata__[0]
            required = parameter.default is inspect.Parameter.empty
            fallback = "" if required or parameter.default in (None, "") or kind is bool else f"`{parameter.default}`"
            value = "**required**" if required else fallback
            yield f"| {shown(name, kind, info)} | {cell(info.help or '')} | {value} |"


def commands() -> Iterator[CommandDoc]:
    """Yield each command with its full name, in the order of `--help`."""
    for each in app.registered_commands:
        yield CommandDoc((each.name or each.callback.__name__).rstrip("_"), each.callback)
    for group in app.registered_groups:
        for each in group.typer_instance.registered_commands:
            yield CommandDoc(f"{group.name} {each.name}", each.callback)


def summary_table() -> str:
    texts = [(each.name, cell(" ".join(each.paragraphs[0].split()))) for each in commands()]
    rows = [f"| [`{name}`](#{slug(name)}) | {text} |" for name, text in texts]
    return "\n".join(["| command | does |", "| --- | --- |", *rows])


def command_sections() -> str:
    return "\n\n".join(map(section, commands()))


def section(command: CommandDoc) -> str:
    rows = ["| argument or option | | default |", "| --- | --- | --- |", *command.parameters]
    parts = [f"### {command.name}", *command.paragraphs, "\n".join(rows), f"Exit codes: {EXIT_CODES[command.name]}."]
    return "\n\n".join(parts)


def shown(name: str, kind: type, info) -> str:
    """Return the name of an argument, or of an option with the placeholder of its value."""
    if type(info).__name__ == "ArgumentInfo":
        return f"`{info.metavar}`"
    # typer stores the first name of an option in `default`, because `default` is the first argument of typer.Option.
    first = [info.default] if str(info.default).startswith("-") else []
    names = ", ".join(f"`{each}`" for each in [*first, *(info.param_decls or ())] or [f"--{name.replace('_', '-')}"])
    return names if kind is bool else f"{names} {info.metavar}"


def exit_code_table() -> str:
    rows = ["| command | exit codes |", "| --- | --- |"]
    names = [each.name for each in commands()]
    return "\n".join(rows + [f"| [`{name}`](commands.md#{slug(name)}) | {EXIT_CODES[name]} |" for name in names])


def slug(name: str) -> str:
    return name.replace(" ", "-")
