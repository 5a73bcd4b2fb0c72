import pytest
from pydantic import ValidationError

from bridge.errors import ConfigError
from bridge.mapping.file_models.mapping_spec import MappingSpec
from bridge.model import Destination
from tests.mapping.builders import mapping


def output(**options):
    return mapping(transform="payload", outputs=[{"data_stream": "s", **options}]).outputs[0]


def test_way_of_sending_names_the_destination():
    assert str(output().destination) == "s"
    assert str(output(packing="kpl").destination) == "s packing=kpl keys=spread"
    assert str(output(packing="kpl", partition_key="k").destination) == "s packing=kpl"
    assert (
        str(output(packing="lines", compression="zstd", partition_key_from="payload.k").destination)
        == "s packing=lines compression=zstd"
    )


@pytest.mark.parametrize("options", [{}, {"packing": "kpl"}, {"packing": "lines", "compression": "gzip"}])
def test_destinations_name_reports_all_of_it(options):
    destination = output(**options).destination
    assert Destination.parse(str(destination)) == destination


def test_size_and_wait_do_not_make_another_queue():
    made = output(packing="kpl", max_record_bytes=50_000, linger_ms=500)
    assert made.destination == output(packing="kpl").destination
    assert made.tuning == (500, 50_000)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"compression": "gzip"}, "needs `packing: lines`, and packing is none"),
        ({"packing": "kpl", "compression": "zstd"}, "needs `packing: lines`, and packing is kpl"),
        ({"max_record_bytes": 5000}, "needs `packing: kpl` or `packing: lines`"),
        ({"packing": "kpl", "max_record_bytes": 10}, r"outputs\[0\].max_record_bytes: expected"),
        ({"order": "strict"}, "is per partition key: expected `partition_key` or `partition_key_from`"),
        ({"packing": "zip"}, "'none', 'kpl' or 'lines'"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(options, problem):
    with pytest.raises(ConfigError, match=problem):
        output(**options)


def test_lines_are_for_json():
    outputs = [{"data_stream": "s"}, {"data_stream": "s", "packing": "lines"}]
    with pytest.raises(ValidationError, match=r"outputs\[1\].*found `payload: text` unchanged"):
        MappingSpec.model_validate({"topic": "a", "payload": "text", "outputs": tuple(outputs)}, strict=False)
    mapping(payload="text", transform="{text: payload}", outputs=outputs)
