"""The demo as it is installed from a wheel: everything it needs is in the package."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.harness.bridge_process import ROOT
from tests.tools.demo.outputs import counts

SOURCES = ("pyproject.toml", "README.md", "LICENSE", "bridge")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def installed(tmp_path):
    """Build the wheel, install it into a new virtual environment without network, and return its program.

    The dependencies are those of this environment. Its own editable installation is not seen: a path file of a path
    that was added by a path file is not read.
    """
    source, wheels, environment = (tmp_path / name for name in ("source", "wheels", "environment"))
    source.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, source / name)
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
    run(*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", wheels, source)
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    (wheel,) = wheels.iterdir()
    run(*pip[:3], "--python", python, *pip[3:], "install", "--no-deps", "--no-index", wheel)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return environment / "bin" / "mqtt-kinesis"


@pytest.mark.timeout(240)
def test_demo_from_a_wheel_runs_in_an_empty_folder(installed, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    empty = tmp_path / "empty"
    empty.mkdir()
    where = run(installed.parent / "python", "-c", "import bridge; print(bridge.__file__)", cwd=empty)
    assert where.startswith(str(tmp_path))
    out = run(installed, "demo", "--secs", "3", cwd=empty)
    assert out.startswith("status page: http://127.0.0.1:80")
    published, received, delivered, read_back = counts(out)
    assert published == received > 0
    assert delivered == read_back > 0
    assert out.splitlines()[-1].startswith("OK  no message was lost")
    assert list(empty.iterdir()) == []
