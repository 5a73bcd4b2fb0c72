import pytest

from bridge.errors import DecodeError
from bridge.payloads.sparkplug.topic import parse_topic


def test_message_of_an_edge_node():
    topic = parse_topic("spBv1.0/plant a/NDATA/press line")
    assert topic[:4] == ("NDATA", "plant a", "press line", None)
    assert (topic.edge_node, topic.source) == ("plant a/press line", "plant a/press line")


def test_message_of_a_device():
    topic = parse_topic("spBv1.0/g/DBIRTH/n/d")
    assert topic[:4] == ("DBIRTH", "g", "n", "d")
    assert (topic.edge_node, topic.source) == ("g/n", "g/n/d")


def test_commands_go_to_the_edge_node():
    assert parse_topic("spBv1.0/g/DDATA/n/d").commands == "spBv1.0/g/NCMD/n"


def test_host_application():
    topic = parse_topic("spBv1.0/STATE/scada")
    assert (topic.type, topic.node) == ("STATE", "scada")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spBv1.0",
        "spBv1.0/g/NDATA",
        "spBv1.0/g/NDATA/n/d",
        "spBv1.0/g/DDATA/n",
        "spBv1.0/g/DDATA/n/d/e",
        "spBv1.0/g/ndata/n",
        "spBv1.0/g/OTHER/n",
        "spAv1.0/g/NDATA/n",
        "STATE/scada",
    ],
)
def test_topic_of_another_form_is_rejected(text):
    with pytest.raises(DecodeError, match="not a topic"):
        parse_topic(text)
