"""Copy of the example mappings, which the user edits."""

from bridge.tools.demo.example_mappings import EXAMPLES, copy_examples


def test_examples_are_copied_completely_and_can_be_edited(tmp_path):
    copy = copy_examples(tmp_path)
    assert copy == tmp_path / "mappings"
    names = {file.name for file in EXAMPLES.glob("*.yaml")}
    assert names
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == {
        name: (EXAMPLES / name).read_bytes() for name in names
    }
    assert all(file.stat().st_mode & 0o200 for file in copy.iterdir())


def test_examples_of_a_read_only_package_can_be_edited(tmp_path, monkeypatch):
    package = tmp_path / "package" / "mappings"
    package.mkdir(parents=True)
    (package / "a.yaml").write_text("topic: a")
    (package / "a.yaml").chmod(0o444)
    monkeypatch.setattr("bridge.tools.demo.example_mappings.EXAMPLES", package)
    assert (copy_examples(tmp_path) / "a.yaml").stat().st_mode & 0o200
