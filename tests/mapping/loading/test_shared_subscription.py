import textwrap

import pytest

from bridge.errors import ConfigError
from bridge.mapping.loading.live_mappings import LiveMappings
from bridge.mapping.loading.mapping_loader import load_file, load_folder

OUTPUT = "outputs: [{data_stream: telemetry, partition_key_from: topic}]\n"


def file(folder, text, name="press"):
    path = folder / f"{name}.yaml"
    path.write_text("topic: a/+\n" + OUTPUT + textwrap.dedent(text))
    return path


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("payload: sparkplug_b", "press.yaml:3:"),
        ("changes: {key: topic}", "press.yaml:3:"),
        ("sample: {every_secs: 10}", "press.yaml:3:"),
    ],
)
def test_mapping_that_needs_every_message_is_refused_with_a_share(tmp_path, text, place):
    path = file(tmp_path, text)
    assert load_file(path, {}).stateful is not None
    with pytest.raises(ConfigError) as refused:
        load_file(path, {}, shown_as="press.yaml", shared=True)
    [problem] = refused.value.problems
    assert str(problem).startswith(place)
    assert "a separate bridge" in problem.message


def test_mappings_without_state_can_be_shared(tmp_path):
    file(tmp_path, "where: payload.ok")
    assert list(load_folder(tmp_path, {}, shared=True).mappings) == ["press"]


def test_version_from_before_sharing_does_not_become_active(tmp_path):
    folder, kept = tmp_path / "mappings", tmp_path / "kept"
    folder.mkdir()
    path = file(folder, "sample: {every_secs: 10}")
    LiveMappings(folder, kept).reload()
    mappings = LiveMappings(folder, kept, shared=True)
    mappings.reload()
    assert (mappings.routes.mappings, mappings.failing, path.stem) == ((), ("press",), "press")


def test_strict_order_is_warned_of(tmp_path, caplog):
    (tmp_path / "press.yaml").write_text(
        "topic: a/+\noutputs: [{data_stream: archive, partition_key_from: topic, order: strict}]\n"
    )
    LiveMappings(tmp_path, tmp_path / "kept").reload()
    assert "strict" not in caplog.text
    mappings = LiveMappings(tmp_path, tmp_path / "kept", shared=True)
    mappings.reload()
    assert len(mappings.routes.mappings) == 1
    assert "order: strict to archive keeps the order only within one bridge" in caplog.text
