"""Endpoints that edit the mapping files: create, save, rename, disable, enable, delete, and restore a version."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from bridge.errors import BridgeError
from bridge.mapping.rendering import printable
from bridge.web.editing.file_names import new_file_name
from bridge.web.editing.mapping_editor import Author, MappingFile, conflict_of
from bridge.web.endpoints.mappings import why_not_editable
from bridge.web.job_requests import MAX_MAPPING_CHARS
from bridge.web.requests import RequestError, body, integer_from_text, json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bridge.monitoring.running_bridge import RunningBridge
    from bridge.web.access.guard import Guard
    from bridge.web.editing.mapping_editor import MappingEditor
    from bridge.web.editing.version_entry import Action
    from bridge.web.playground import Playground
    from bridge.web.thread_slots import ThreadSlots

MAX_NOTE_CHARS: Final = 500
_RENAME_NOTES: Final = (
    "counters, the ledger and dead letters stay under the old name; the counters of the new name begin at 0",
    "the state of `changes` and `sample` is not transferred to the new name: records that `sample` holds are sent",
    "dead letters of the old name cannot be replayed before a mapping has that name again",
)


class MappingFileEndpoints:
    """Handlers of the edits.

    A request contains the `version` of the file that its user has seen. If the file now has another version, the
    response is 409.
    """

    def __init__(
        self, bridge: RunningBridge, editor: MappingEditor, playground: Playground, threads: ThreadSlots
    ) -> None:
        self._bridge = bridge
        self._editor = editor
        self._playground = playground
        self._threads = threads

    def routes(self, guard: Guard) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/mapping-files", guard.look(self.files)),
            Route("/api/mappings/{name}", guard.edit(self.save), methods=["PUT"]),
            Route("/api/mappings/{name}/compare", guard.act(self.compare), methods=["POST"]),
            Route("/api/mappings/{name}/rename", guard.edit(self.rename), methods=["POST"]),
            Route("/api/mappings/{name}/disable", guard.edit(self.disable), methods=["POST"]),
            Route("/api/mappings/{name}/enable", guard.edit(self.enable), methods=["POST"]),
            Route("/api/mappings/{name}/delete", guard.edit(self.delete_mapping), methods=["POST"]),
            Route("/api/mappings/{name}/rollback", guard.edit(self.rollback), methods=["POST"]),
            Route("/api/mappings/{name}/history", guard.look(self.versions)),
            Route("/api/mappings/{name}/history/{id}", guard.look(self.version)),
        ]

    async def files(self, request: Request) -> Response:
        """Serve GET /api/mapping-files: all mapping files, the deleted mappings, and whether the user can edit."""
        why_not = why_not_editable(request, self._editor)
        files, deleted = await self._threads.run(self._files)
        folder = str(self._bridge.mappings.folder)
        return json({"editable": not why_not, "why_not": why_not, "folder": folder, "files": files, "deleted": deleted})

    def _files(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        mappings = self._bridge.mappings
        active = {each.name for each in mappings.routes.mappings}
        problems = Counter(each.file.rpartition("/")[2] for each in mappings.problems)
        files = []
        for names, version, status in self._editor.folder.summaries():
            shown = {**names._asdict(), "problems": problems[names.file], "version": version}
            size, modified = (status.st_size, status.st_mtime_ns // 1_000_000) if status else (0, 0)
            # A mapping that was just disabled is active until the bridge reads the folder again. Show it as inactive.
            is_active = names.enabled and names.name in active
            files.append({**shown, "active": is_active, "bytes": size, "modified_ms": modified})
        deleted = [
            {"name": name, "at_ms": entry.at_ms, "by": entry.by, "note": entry.note}
            for name, entry in sorted(self._editor.deleted().items())
        ]
        return files, deleted

    async def save(self, request: Request) -> Response:
        """Serve PUT /api/mappings/NAME {"text": "…", "version": "…", "note": "…"}: save a file, or create one.

        `version` is null for a new file. A text that does not load is not saved (422). If tests of the text fail, it is
        saved only with `"force_tests": true`. The bridge then continues to use the previous version.
        """
        asked, author = await self._asked(request)
        text = asked.get("text")
        if not isinstance(text, str) or not text:
            raise RequestError(400, "expected text: the mapping")
        return await self._save(request, asked, author, text, "save")

    async def rollback(self, request: Request) -> Response:
        """Serve POST /api/mappings/NAME/rollback {"id": "42", "version": "…", "note": "…"}: save an earlier version.

        `version` is that of the current file, or null if the file was deleted.
        """
        asked, author = await self._asked(request)
        if not isinstance(asked.get("id"), str) or not asked["id"]:
            raise RequestError(400, "expected id: the id of a version")
        number = integer_from_text(asked, "id", 0)
        entry, content = await self._threads.run(self._editor.version, request.path_params["name"], number)
        if not entry.version:
            raise RequestError(409, f"version {number} is a deletion: it has no text", code="no-text")
        author = Author(author.by, author.note or f"back to version {number}")
        return await self._save(request, asked, author, content.decode("utf-8", "replace"), "rollback")

    async def _save(
        self, request: Request, asked: dict[str, Any], author: Author, text: str, action: Action
    ) -> Response:
        name, expected = request.path_params["name"], _version(asked)
        try:
            found = await self._expected(name, expected)
            tests = await self._check(found, text, force=_flag(asked, "force_tests"))
            content = _with_line_ends_of(found.text, text)
            version = await self._threads.run(self._editor.save, name, content, expected, author, action)
        except RequestError as error:
            # Send the differences with a conflict, so that the page can show them without another request.
            if error.more.get("code") == "conflict":
                error.more |= await self._difference("current file", error.more["text"] or "", "your text", text)
            raise
        return json({"version": version, "tests": tests})

    async def _difference(self, old_name: str, old: str, new_name: str, new: str) -> dict[str, Any]:
        asked = {"old": old, "new": new, "old_name": old_name, "new_name": new_name}
        try:
            return await self._playground.run("diff", asked)
        except BridgeError as error:
            # The response must report a conflict even if the differences cannot be computed.
            return {"differences": f"({error})"}

    async def compare(self, request: Request) -> Response:
        """Serve POST /api/mappings/NAME/compare {"text": "…"}: the file on disk, and how the text differs from it."""
        text = (await body(request)).get("text")
        if not isinstance(text, str) or len(text) > MAX_MAPPING_CHARS:
            raise RequestError(400, f"expected text: at most {MAX_MAPPING_CHARS:,} characters")
        found = await self._threads.run(self._editor.open, request.path_params["name"])
        if found.text is None:
            raise RequestError(404, f"no mapping '{found.names.name}'")
        difference = await self._difference("file on disk", found.shown, "your text", text)
        return json({"text": found.shown, "version": found.version, **difference})

    async def rename(self, request: Request) -> Response:
        """Serve POST /api/mappings/NAME/rename {"to": "…", "version": "…", "note": "…"}: rename a mapping.

        The response has notes on the data that stays under the old name.
        """
        asked, author = await self._asked(request)
        arguments = request.path_params["name"], asked.get("to"), _version(asked), author
        version = await self._threads.run(self._editor.rename, *arguments)
        return json({"version": version, "name": asked["to"], "notes": _RENAME_NOTES})

    async def disable(self, request: Request) -> Response:
        """Serve POST /api/mappings/NAME/disable {"version": "…", "note": "…"}: disable a mapping.

        The bridge then ignores its file.
        """
        asked, author = await self._asked(request)
        return await self._enable(request, _version(asked), author, enabled=False)

    async def enable(self, request: Request) -> Response:
        """Serve POST /api/mappings/NAME/enable {"version": "…", "note": "…"}: enable a mapping.

        If its file does not load, the response is 422.
        """
        asked, author = await self._asked(request)
        found = await self._expected(request.path_params["name"], _version(asked))
        if found.text is not None:
            await self._check(found, found.shown, force=False)
        return await self._enable(request, _version(asked), author, enabled=True)

    async def _enable(self, request: Request, version: str, author: Author, *, enabled: bool) -> Response:
        name = request.path_params["name"]
        version = await self._threads.run(lambda: self._editor.enable(name, version, author, enabled=enabled))
        return json({"version": version})

    async def delete_mapping(self, request: Request) -> Response:
        """Serve POST /api/mappings/NAME/delete {"version": "…", "note": "…"}: delete a mapping.

        It can be restored from its history.
        """
        asked, author = await self._asked(request)
        await self._threads.run(self._editor.delete, request.path_params["name"], _version(asked), author)
        return json({})

    async def versions(self, request: Request) -> Response:
        """Serve GET /api/mappings/NAME/history: versions of a mapping, newest first, and the number of damaged ones."""
        entries, damaged = await self._threads.run(self._editor.history, request.path_params["name"])
        return json({"entries": [each.value() for each in entries], "damaged": damaged})

    async def version(self, request: Request) -> Response:
        """Serve GET /api/mappings/NAME/history/ID: text of a version, and how the current file differs from it."""
        name, number = request.path_params["name"], integer_from_text(request.path_params, "id", 0)
        entry, content = await self._threads.run(self._editor.version, name, number)
        found = await self._threads.run(self._editor.open, name)
        text = content.decode("utf-8", "replace")
        difference = await self._difference(f"version {number}", text, "current file", found.shown)
        return json({**entry.value(), "text": text, **difference})

    # -- parts of a request --------------------------------------------------------------------------------------------

    async def _asked(self, request: Request) -> tuple[dict[str, Any], Author]:
        asked = await body(request)
        note = "" if asked.get("note") is None else asked["note"]
        if not isinstance(note, str) or len(note) > MAX_NOTE_CHARS:
            raise RequestError(400, f"note: expected text of at most {MAX_NOTE_CHARS} characters")
        return asked, Author(printable(request.state.user.name), printable(" ".join(note.split())))

    async def _expected(self, name: str, expected: str) -> MappingFile:
        """Return the file of a mapping.

        Raise RequestError (409) with the text of the file if its version is not `expected`.
        """
        found: MappingFile = await self._threads.run(self._editor.open, name)
        if found.version != expected:
            raise conflict_of(name, found.text)
        return found

    async def _check(self, found: MappingFile, text: str, *, force: bool) -> list[dict[str, Any]]:
        """Return the results of the tests. Raise RequestError (422) if the text does not load, or a test fails."""
        if len(text) > MAX_MAPPING_CHARS:
            raise RequestError(413, f"too large: a mapping has at most {MAX_MAPPING_CHARS:,} characters")
        # The check gets the mapping's name from the name of an enabled file, also if the mapping is disabled now.
        file = new_file_name(found.names.name).file
        asked = {"file": file, "text": text, "shared": self._bridge.mappings.shared}
        result = await self._playground.run("check", asked)
        problems, tests = list[dict[str, Any]](result["problems"]), list[dict[str, Any]](result["tests"])
        if problems:
            why = "not saved: the mapping does not load"
            raise RequestError(422, why, code="invalid", problems=problems, tests=tests)
        failed = sum(not each["passed"] for each in tests)
        # With `force`, the text is saved for later work. The bridge does not load a file whose tests fail.
        if failed and not force:
            why = f"not saved: {failed} of {len(tests)} tests failed"
            raise RequestError(422, why, code="tests-failed", problems=[], tests=tests)
        return tests


def _version(asked: dict[str, Any]) -> str:
    """Return the version in a request, or "" for null. Raise RequestError."""
    version = asked.get("version")
    if version is not None and not isinstance(version, str):
        raise RequestError(400, "version: expected the version of the file, or null for a new one")
    return version or ""


def _flag(asked: dict[str, Any], name: str) -> bool:
    """Return a flag in a request, or False if the flag is missing. Raise RequestError."""
    if not isinstance(asked.get(name, False), bool):
        raise RequestError(400, f"{name}: expected true or false")
    return asked.get(name) is True


def _with_line_ends_of(old: bytes | None, text: str) -> bytes:
    """Return the text as bytes. If all lines of the old file end with CR LF, use CR LF as line end, otherwise LF."""
    windows = old is not None and b"\r\n" in old and old.count(b"\n") == old.count(b"\r\n")
    return (text.replace("\r\n", "\n").replace("\n", "\r\n") if windows else text).encode()
