"""Groups of commands in --help, and the one-line text of each command in these lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

SET_UP: Final = "Set up"
RUN: Final = "Run"
OPERATE: Final = "Operate"
VERIFY: Final = "Verify"
AWS: Final = "AWS"


class CommandGroups(TyperGroup):
    """Group of commands. `--help` lists its commands under headings, in the order of registration.

    The heading of a command is its `rich_help_panel`. Typer itself uses this value only if rich prints the help.
    """

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command whose help shows only the name of each argument, such as FILE.

        Typer would add the Python type, such as `<list[Path]>`, which means nothing to a user.
        """
        command = super().get_command(ctx, cmd_name)
        for param in command.params if command else ():
            if param.param_type_name == "argument":
                # This attribute of the object hides the method of the same name in Typer's class.
                vars(param)["display_type_rich"] = _no_type
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the signature of the overridden method
        """Write one list of commands under each heading. `formatter` is Click's HelpFormatter."""
        headings = dict.fromkeys(heading for heading, _, _ in self._rows())
        for heading in headings:
            with formatter.section(heading):
                formatter.write_dl([(name, text) for each, name, text in self._rows() if each == heading])

    def _rows(self) -> Iterator[tuple[str, str, str]]:
        for name, command in self.commands.items():
            panel = getattr(command, "rich_help_panel", None)
            yield panel if isinstance(panel, str) else "Commands", name, first_sentence(command.help or "")


def _no_type(ctx: Any) -> None:
    """Replace Typer's method that returns the type of an argument as text."""


def first_sentence(text: str) -> str:
    """Return the first sentence of a text, without its full stop.

    Click's own lists of commands would cut a long sentence.
    """
    words = " ".join(text.split("\n\n", maxsplit=1)[0].split())
    return words.partition(". ")[0].removesuffix(".")
