"""Message types in schema files. A schema file is a `.proto` file, or a descriptor set that protoc has created.

Each mapping has a separate descriptor pool, so that two versions of a type never conflict. Google's common files, such
as timestamp.proto, come from the `protobuf` package.
"""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from bridge.payloads.protobuf.proto_file import parse_proto
from bridge.payloads.schema_files import SchemaError, SchemaFiles, schema_text

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

GOOGLE: Final = "google/protobuf/"
_KNOWN: Final = ("any", "api", "descriptor", "duration", "empty", "field_mask", "source_context", "struct")
GOOGLE_FILES: Final = frozenset(f"{GOOGLE}{name}.proto" for name in (*_KNOWN, "timestamp", "type", "wrappers"))
# Maximum length of a chain of imports.
_MAX_IMPORTS: Final = 50


class MessageTypes:
    """The message types of one schema file and of its imports."""

    def __init__(self, file: str, schemas: SchemaFiles) -> None:
        """Load the types. Raise SchemaError with the file and the position of the error."""
        self._pool = descriptor_pool.DescriptorPool()
        self._added: set[str] = set()
        self.names: tuple[str, ...] = ()
        """Full names of the message types that are not nested, in the order of the files."""
        text = schema_text(file, schemas)
        if file.endswith(".proto"):
            self._add_proto(file, schemas, [])
        else:
            self._add_set(file, text)

    def find(self, name: str) -> Descriptor:
        """Return a message type by its full name. Raise SchemaError if there is none."""
        try:
            return self._pool.FindMessageTypeByName(name)
        except KeyError:
            near = difflib.get_close_matches(name, self.names, n=1)
            short = [each for each in self.names if each.rpartition(".")[2] == name]
            hint = (
                f"did you mean '{(short or near)[0]}'?" if short or near else f"there are {', '.join(self.names[:9])}"
            )
            raise SchemaError(f"no message '{name[:80]}'; {hint}") from None

    def message_class(self, descriptor: Descriptor) -> type[message.Message]:
        """Return the Python class for a message type."""
        found: type[message.Message] = message_factory.GetMessageClass(descriptor)
        return found

    def _add_proto(self, file: str, schemas: SchemaFiles, importing: list[str]) -> None:
        """Add a `.proto` file, after the files that it imports."""
        if file in self._added:
            return
        if file in importing or len(importing) > _MAX_IMPORTS:
            raise SchemaError(
                f"schemas/{file}: imports itself, or too many others: {' -> '.join([*importing, file][-9:])}"
            )
        if file in GOOGLE_FILES and file not in schemas:
            self._add_google(file)
            return
        try:
            parsed = parse_proto(file, schema_text(file, schemas))
        except SchemaError as error:
            raise SchemaError(f"schemas/{file}: {error}" if file in schemas else str(error)) from None
        for dependency in parsed.dependency:
            self._add_proto(dependency, schemas, [*importing, file])
        self._add(parsed, f"schemas/{file}")

    def _add_set(self, file: str, content: bytes) -> None:
        """Add the files of a descriptor set, each after the files that it imports."""
        try:
            found = descriptor_pb2.FileDescriptorSet.FromString(content)
        except message.DecodeError:
            found = None
        # If a required field is missing, the set could not be passed to the pool.
        if found is None or not found.IsInitialized():
            raise SchemaError(f"schemas/{file}: not a descriptor set, as protoc --descriptor_set_out writes it")
        # The package returns a text that is not UTF-8 as bytes.
        texts = [text for each in found.file for text in (each.name, each.package, *each.dependency)]
        if not found.file or not all(isinstance(text, str) for text in texts):
            raise SchemaError(f"schemas/{file}: the descriptor set has no file, or one whose name is not UTF-8")
        files = {each.name: each for each in found.file}
        # This is a loop instead of a recursion, because a hostile set can contain a chain of imports of any length.
        # `waiting` is a stack. A file leaves it as soon as all its imports were added.
        waiting = list(reversed(files))
        visiting: set[str] = set()
        while waiting:
            name = waiting[-1]
            missing = [each for each in files[name].dependency if each not in self._added] if name in files else []
            if name not in files or not missing or name in visiting:
                waiting.pop()
                if name not in self._added:
                    self._add_of_set(file, name, files)
            else:
                visiting.add(name)
                waiting += [each for each in missing if each not in visiting]

    def _add_of_set(self, file: str, name: str, files: dict[str, FileDescriptorProto]) -> None:
        if name in files:
            self._add(files[name], f"schemas/{file}")
        elif name in GOOGLE_FILES:
            self._add_google(name)
        else:
            raise SchemaError(
                f"schemas/{file}: '{name[:80]}' is missing; create the descriptor set with --include_imports"
            )

    def _add_google(self, file: str) -> None:
        """Add a file of the `protobuf` package and its imports."""
        if file in self._added:
            return
        module = importlib.import_module(file.removesuffix(".proto").replace("/", ".") + "_pb2")
        parsed = descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        for dependency in parsed.dependency:
            self._add_google(dependency)
        self._add(parsed, file)

    def _add(self, parsed: FileDescriptorProto, shown: str) -> None:
        try:
            self._pool.AddSerializedFile(parsed.SerializeToString())
        except (TypeError, ValueError) as error:
            # The error of the package is "Couldn't build proto file into descriptor pool: REASON". Users need only the
            # reason.
            raise SchemaError(f"{shown}: {str(error).rpartition(': ')[2][:200]}") from None
        self._added.add(parsed.name)
        if not parsed.name.startswith(GOOGLE):
            prefix = f"{parsed.package}." if parsed.package else ""
            self.names = (*self.names, *(f"{prefix}{each.name}" for each in parsed.message_type))
