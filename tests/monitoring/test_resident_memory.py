"""Resident memory of this process."""

import pytest

from bridge.monitoring import resident_memory
from bridge.monitoring.resident_memory import resident_bytes


def test_resident_bytes_are_those_of_a_python_process():
    assert 4 * 1024**2 < resident_bytes() < 1024**4


@pytest.mark.parametrize("content", [b"", b"1", b"1 x 3", None])
def test_resident_bytes_that_the_kernel_does_not_report_are_zero(tmp_path, monkeypatch, content):
    file = tmp_path / "statm"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(resident_memory, "_STATM", file)
    assert resident_bytes() == 0


def test_resident_bytes_are_the_second_number_in_pages(tmp_path, monkeypatch):
    file = tmp_path / "statm"
    file.write_bytes(b"900 7 5 1 0 3 0\n")
    monkeypatch.setattr(resident_memory, "_STATM", file)
    assert resident_bytes() == 7 * resident_memory._PAGE_BYTES
