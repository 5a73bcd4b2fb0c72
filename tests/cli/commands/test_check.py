from bridge.cli.commands.check import check_all
from tests.cli.builders import PRESS, set_up


def check(config, capsys):
    code = check_all(config)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_check_counts_mappings_and_tests_that_are_ok(tmp_path, capsys):
    config = set_up(tmp_path)
    assert check(config, capsys) == (0, f"OK  {config}, 1 mapping, 1 test passed\n", "")


def test_mappings_without_tests_are_named(tmp_path, capsys):
    config = set_up(tmp_path, other="topic: t\noutputs: [{data_stream: s}]")
    code, out, _ = check(config, capsys)
    assert code == 0
    assert out.splitlines() == [
        f"OK  {config}, 2 mappings, 1 test passed",
        f"note: {tmp_path}/mappings/other.yaml: the mapping has no tests",
    ]


def test_lookup_tables_are_counted(tmp_path, capsys):
    config = set_up(tmp_path)
    (tmp_path / "mappings" / "tables").mkdir()
    (tmp_path / "mappings" / "tables" / "assets.yaml").write_text("a: 1\nb: 2")
    assert "1 lookup table with 2 keys" in check(config, capsys)[1]


def test_failing_test_is_shown_as_a_difference_with_its_place(tmp_path, capsys):
    config = set_up(tmp_path, press=PRESS.replace("t: payload.t }", "t: payload.x }"))
    code, out, err = check(config, capsys)
    assert (code, out) == (2, "")
    assert err == (
        f"{tmp_path}/mappings/press.yaml:7:5: tests[0]: the test 'a press' failed:\n"
        "  record 1, telemetry:\n"
        "            expected  got\n"
        "    data.t  1         null\n"
        "\n1 error in 1 file (0 of 1 mapping valid)\n"
    )


def test_problems_of_all_files_are_reported_at_once(tmp_path, capsys):
    config = set_up(tmp_path, more="sool: {}\n", a="topic: a/#/b", b="topic: t\noutputs: [{data_stream: s}]")
    code, _, err = check(config, capsys)
    assert code == 2
    files = [line.split(":")[0].rpartition("/")[2] for line in err.splitlines()[:-2]]
    assert files == ["bridge.yaml", "a.yaml", "a.yaml"]
    assert err.splitlines()[-1] == "3 errors in 2 files (2 of 3 mappings valid)"


def test_manifests_without_an_envelope_are_noted(tmp_path, capsys):
    config = set_up(tmp_path)
    config.write_text(config.read_text().replace("kinesis: {", "kinesis: {manifest: {data_stream: proofs}, "))
    assert check_all(config) == 0
    assert "note: " + f"{config}: kinesis.manifest: no output has `envelope: true`" in capsys.readouterr().out
    press = tmp_path / "mappings" / "press.yaml"
    press.write_text(
        press.read_text().replace(
            "{data_stream: telemetry, partition_key_from", "{data_stream: telemetry, envelope: true, partition_key_from"
        )
    )
    assert check_all(config) == 0
    assert "note" not in capsys.readouterr().out
