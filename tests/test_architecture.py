"""Structure of the package: layers, sizes of files, which files create threads, and which import a library."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "bridge"
FILES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 350

LAYERS = (
    ("__main__",),
    ("cli",),
    ("tools", "supervisor"),
    ("runtime",),
    ("config",),
    ("web",),
    ("monitoring",),
    ("ingest", "delivery"),
    ("mapping", "kinesis"),
    ("payloads", "mqtt", "spool", "aws"),
    ("yaml_files",),
    (
        "errors",
        "model",
        "backoff",
        "child_environment",
        "timestamps",
        "durations",
        "files",
        "histogram",
        "terminal",
        "varint",
    ),
    ("__init__",),
)
"""Rows of folders and files. A folder or file imports only from lower rows.

The files of the last row but one may import each other, without a cycle.
"""
LEVEL = {name: len(LAYERS) - row for row, names in enumerate(LAYERS) for name in names}
BASE = LEVEL["errors"]

THREADS = {
    "runtime/thread_group.py": "all threads of the running bridge: named, guarded, joined before one deadline",
    "tools/doctor/check_runner.py": "the checks run in parallel, and a check that hangs is abandoned",
    "tools/demo/broker.py": "the embedded broker needs a separate event loop",
    "tools/demo/local_kinesis.py": "the simulated Kinesis is a blocking HTTP server",
    "tools/demo/lifecycle.py": "relays a signal while the demo draws",
}
"""Files that may create threads, and why. Only web may call asyncio.to_thread, whose pool ends with the event loop."""

THIRD_PARTY = {
    "paho": ("mqtt/", "tools/demo/message_publisher.py"),
    "boto3": (),
    "botocore": ("aws/", "kinesis/"),
    "yaml": ("yaml_files/",),
    "jmespath": (),
    "sqlite3": ("spool/",),
    "starlette": ("web/",),
    "uvicorn": ("web/",),
    "prometheus_client": ("monitoring/",),
    "google": ("payloads/protobuf/",),
    "moto": ("tools/demo/",),
    "amqtt": ("tools/demo/",),
}
"""Paths below bridge/ that may import each library."""


def name_of(file):
    """Return the module of a file: bridge.web.app for bridge/web/app.py, bridge.web for bridge/web/__init__.py."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(file) for file in FILES}


@cache
def parsed(file):
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def imported(file):
    """Return (module, line) for each import, including imports for type checking and within functions."""
    return list(_imported(parsed(file)))


def _imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that this test sees them"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield (module if module in MODULES else node.module), node.lineno


def dotted(node):
    """Return the dotted name of an expression, such as threading.Thread. Otherwise, return the last name."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@cache
def calls(file):
    """Return (dotted name, line) for each call."""
    return [(dotted(node.func), node.lineno) for node in ast.walk(parsed(file)) if isinstance(node, ast.Call)]


def place(module):
    """Return the name of the folder or file under which a module appears in LAYERS."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def upward(module, target):
    """Return whether a module imports from its own row, or from a row above."""
    here, there = place(module), place(target)
    return here != there and LEVEL[there] >= LEVEL[here] and not LEVEL[here] == LEVEL[there] == BASE


def own_imports(file):
    module = "bridge.__main__" if file.name == "__main__.py" else name_of(file)
    return module, [(target, line) for target, line in imported(file) if target.split(".")[0] == "bridge"]


def test_layers_name_every_folder_and_file():
    present = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert present == set(LEVEL)


@pytest.mark.parametrize(
    ("module", "target", "expected"),
    [
        ("bridge.web.app", "bridge.monitoring.health", False),
        ("bridge.monitoring.health", "bridge.web.app", True),
        ("bridge.ingest.loop", "bridge.delivery.batch", True),
        ("bridge.errors", "bridge.model", False),
        ("bridge.errors", "bridge.spool.store", True),
        ("bridge.spool.store", "bridge.spool.ledger", False),
        ("bridge.web.app", "bridge", False),
    ],
)
def test_upward_reports_the_direction_of_an_import(module, target, expected):
    assert upward(module, target) == expected


def test_imports_lead_to_lower_layers():
    wrong = []
    for file in FILES:
        module, targets = own_imports(file)
        wrong += [f"{module}:{line} imports {target}" for target, line in targets if upward(module, target)]
    assert wrong == []


def cycle(graph):
    """Return the modules of one cycle in the graph; [] if there is no cycle."""
    done, path = set(), []

    def visit(module):
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        path.append(module)
        for target in sorted(graph.get(module, ())):
            if found := visit(target):
                return found
        path.pop()
        done.add(module)
        return []

    return next((found for module in sorted(graph) if (found := visit(module))), [])


def test_cycle_is_found():
    assert cycle({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}) == ["b", "d", "b"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_modules_import_one_another_in_no_cycle():
    graph = {}
    for file in FILES:
        module, targets = own_imports(file)
        graph[module] = {target for target, _ in targets} - {module}
    assert cycle(graph) == []


@pytest.mark.parametrize("folder", ["bridge", "tests"])
def test_files_are_within_the_line_limit(folder):
    lines = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in (ROOT / folder).rglob("*.py")}
    assert {str(file.relative_to(ROOT)): count for file, count in lines.items() if count > MAX_LINES} == {}


def maps():
    """Yield each folder whose package docstring describes several of its modules, with the text and all modules."""
    for init in sorted(PACKAGE.rglob("__init__.py")):
        text = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
        entries = [file.stem for file in init.parent.glob("*.py") if file.stem not in ("__init__", "__main__")]
        entries += [inner.parent.name for inner in init.parent.glob("*/__init__.py")]
        if sum(entry in re.findall(r"\w+", text) for entry in entries) > 1:
            yield init.parent, text, entries


def test_map_in_a_package_docstring_names_every_module_and_no_other():
    missing = [
        f"{folder.relative_to(ROOT)}/__init__.py describes its modules, but not '{entry}'"
        for folder, text, entries in maps()
        for entry in entries
        if not re.search(rf"\b{entry}\b", text)
    ]
    gone = [
        f"{folder.relative_to(ROOT)}/__init__.py names {name}, which does not exist"
        for folder, text, _ in maps()
        for name in re.findall(r"(?<![\w./])(?:\w+/)*\w+\.py\b", text)
        if not (folder / name).exists() and not (ROOT / name).exists()
    ]
    assert [*missing, *gone] == []


def test_threads_are_made_in_few_places():
    makes = {
        str(file.relative_to(PACKAGE))
        for file in FILES
        for called, _ in calls(file)
        if called.rpartition(".")[2] in {"Thread", "Timer", "ThreadPoolExecutor", "ProcessPoolExecutor"}
    }
    assert makes == set(THREADS)


def test_to_thread_is_used_by_the_page_only():
    makes = {place(name_of(file)) for file in FILES for called, _ in calls(file) if called.endswith("to_thread")}
    assert makes == {"web"}


def test_waits_can_be_interrupted():
    assert [f"{file}:{line}" for file in FILES for called, line in calls(file) if called == "time.sleep"] == []


@pytest.mark.parametrize("library", sorted(THIRD_PARTY))
def test_library_is_imported_behind_its_folder_only(library):
    users = {
        str(file.relative_to(PACKAGE))
        for file in FILES
        for target, _ in imported(file)
        if target.split(".")[0] == library
    }
    allowed = THIRD_PARTY[library]
    assert {user for user in users if not user.startswith(allowed)} == set()
    assert {path for path in allowed if not any(user.startswith(path) for user in users)} == set()
