from tests.benchmarks.peers.peer import NOT_FOUND, Peer, Place, version_in

PEER = Peer("Redpanda Connect", (("rpk", "connect"), ("benthos",)), lambda program, place: [*program], "")


def test_program_is_found_on_the_path_by_the_first_of_its_names(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (PEER.found(), PEER.version()) == (None, NOT_FOUND)
    program(tmp_path / "benthos", "echo Version: v4.27.0")
    assert (PEER.found(), PEER.version()) == (("benthos",), "4.27.0")
    program(tmp_path / "rpk", "echo $1 4.60.1")
    assert (PEER.found(), PEER.version()) == (("rpk", "connect"), "4.60.1")


def test_environment_contains_what_differs_between_runs(tmp_path):
    environment = Place(tmp_path, 1883, 4567, 9999).environment()
    assert (environment["BROKER_PORT"], environment["KINESIS_PORT"], environment["PEER_PORT"]) == (
        "1883",
        "4567",
        "9999",
    )
    assert environment["FOLDER"] == str(tmp_path)


def test_version_is_taken_from_what_a_program_reports():
    assert version_in("Telegraf 1.36.4 (git: HEAD@0)\n") == "1.36.4"
    assert version_in("vector 0.50.0 (x86_64 9053198 2025-09-23)") == "0.50.0"
    assert version_in("Telegraf unknown\n") == "Telegraf unknown"


def program(file, line):
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)
