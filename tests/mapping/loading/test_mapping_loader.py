import pytest

from bridge.errors import ConfigError
from bridge.mapping.loading import mapping_loader
from bridge.mapping.loading.mapping_loader import load_file, load_folder
from tests.mapping.builders import applied, message

GOOD = "topic: {name}/+\noutputs: [{{data_stream: s}}]\n"
TESTED = """topic: t
outputs: [{data_stream: s}]
tests:
  - name: first
    topic: t
    payload: 1
    expect: [{data_stream: s, data: 1}]
  - name: second
    topic: t
    payload: 1
    expect: filtered
"""


def write(folder, **files):
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def told(loaded):
    return [str(problem) for problem in loaded.problems]


def test_mapping_is_named_by_its_file(tmp_path):
    write(tmp_path, b__yaml=GOOD.format(name="b"), a__yml=GOOD.format(name="a"))
    loaded = load_folder(tmp_path, {})
    assert list(loaded.mappings) == ["a", "b"]
    assert [made.name for made in loaded.mappings.values()] == ["a", "b"]
    assert loaded.problems == []


def test_files_of_editors_and_kubernetes_are_no_mappings(tmp_path):
    write(tmp_path, a__yaml=GOOD.format(name="a"))
    for name in (".a.yaml.swp", ".b.yaml", "a.yaml~", "a.yaml.bak", "#a.yaml#", "~a.yaml", "readme.txt", "4913"):
        (tmp_path / name).write_text("nonsense")
    (tmp_path / "..data").mkdir()
    (tmp_path / "folder.yaml").mkdir()
    loaded = load_folder(tmp_path, {})
    assert (list(loaded.mappings), loaded.problems) == (["a"], [])


def test_file_that_does_not_load_does_not_stop_the_others(tmp_path):
    write(tmp_path, a__yaml="topic: [", b__yaml=GOOD.format(name="b"), c__yaml="qos: 9")
    loaded = load_folder(tmp_path, {}, shown_as="mappings/")
    assert list(loaded.mappings) == ["b"]
    assert {problem.file for problem in loaded.problems} == {"mappings/a.yaml", "mappings/c.yaml"}
    assert told(loaded) == [str(problem) for problem in sorted(loaded.problems)]
    assert any(text.startswith("mappings/c.yaml:1:1: qos: expected 0, 1 or 2") for text in told(loaded))


@pytest.mark.parametrize("step", ["compile_mapping", "run_cases"])
def test_file_at_which_the_program_fails_does_not_stop_the_others(tmp_path, monkeypatch, step):
    works = getattr(mapping_loader, step)

    def fails(first, *more):
        if getattr(first, "name", first) == "a":
            raise KeyError("secret of the program")
        return works(first, *more)

    monkeypatch.setattr(mapping_loader, step, fails)
    loaded = load_folder(write(tmp_path, a__yaml=GOOD.format(name="a"), b__yaml=GOOD.format(name="b")), {})
    assert list(loaded.mappings) == ["b"]
    [problem] = loaded.problems
    assert problem.message.startswith("this mapping cannot be loaded because of an error of the bridge: KeyError: ")


def test_mapping_whose_own_tests_fail_does_not_load(tmp_path):
    write(tmp_path, a__yaml=TESTED)
    loaded = load_folder(tmp_path, {}, shown_as="m")
    assert loaded.mappings == {}
    (text,) = told(loaded)
    assert text == (
        "m/a.yaml:8:5: tests[1]: the test 'second' failed:\n"
        "  expected     nothing: filtered\n"
        "  got          s, spread over all shards, 1 byte: 1"
    )


def test_mapping_whose_own_tests_pass_loads(tmp_path):
    write(tmp_path, a__yaml=TESTED.replace("filtered", "[{data_stream: s, data: 1.0}]"))
    assert load_folder(tmp_path, {}).problems == []


def test_files_of_one_name_are_a_problem_of_both(tmp_path):
    write(tmp_path, a__yaml=GOOD.format(name="a"), a__yml=GOOD.format(name="a"), b__yaml=GOOD.format(name="b"))
    loaded = load_folder(tmp_path, {}, shown_as="m")
    assert list(loaded.mappings) == ["b"]
    assert [(problem.file, "rename all but one" in problem.message) for problem in loaded.problems] == [
        ("m/a.yaml", True),
        ("m/a.yml", True),
    ]


def test_name_is_fit_for_metrics_and_logs(tmp_path):
    (tmp_path / "a b.yaml").write_text(GOOD.format(name="a"))
    (problem,) = load_folder(tmp_path, {}).problems
    assert "'a b' cannot name a mapping" in problem.message


def test_folder_without_mappings_is_a_problem(tmp_path):
    loaded = load_folder(tmp_path, {}, shown_as="mappings/")
    assert told(loaded) == ["mappings: no mapping in this folder: no file NAME.yaml"]


def test_folder_that_is_not_there_is_a_problem(tmp_path):
    (problem,) = load_folder(tmp_path / "gone", {}, shown_as="gone").problems
    assert str(problem) == "gone: cannot read this folder of mappings: No such file or directory"


def test_mapping_reads_the_limits_it_was_given_while_they_change(tmp_path):
    write(tmp_path, a__yaml="topic: t\npayload: text\noutputs: [{data_stream: s, partition_key: k}]\n")
    limits = {}
    made = load_file(tmp_path / "a.yaml", limits)
    assert len(applied(made, message(b"12345")).drafts) == 1
    limits["s"] = 5
    assert applied(made, message(b"12345")).drafts == []


def test_variables_are_not_substituted_in_mappings(tmp_path):
    write(tmp_path, a__yaml="topic: t\noutputs: [{data_stream: s, partition_key: '${HOME}'}]\n")
    assert load_file(tmp_path / "a.yaml", {}).outputs[0].partition_key == "${HOME}"


def test_file_that_is_not_there_is_a_problem(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        load_file(tmp_path / "a.yaml", {})
