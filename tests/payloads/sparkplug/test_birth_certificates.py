from bridge.payloads.sparkplug import birth_certificates
from bridge.payloads.sparkplug.birth_certificates import UNKNOWN, BirthCertificates, NodeState
from bridge.payloads.sparkplug.metric_table import NOTHING_DECLARED, DeclaredMetric, MetricTable
from bridge.spool.mapping_state import MappingState

NODE = NodeState(3, online=True, devices={"d": True, "e": False})


def test_birth_certificates_are_empty_before_a_birth():
    births, memory = BirthCertificates(), MappingState("m", {})
    assert births.node(memory, "g/n") == UNKNOWN
    assert births.table(memory, "g/n") == NOTHING_DECLARED
    assert births.last(memory, "g/n") is None


def test_birth_certificates_are_read_again_by_another_process():
    memory = MappingState("m", {})
    births = BirthCertificates()
    births.put_node(memory, "g/n", NODE)
    births.put_table(memory, "g/n/d", [("Temperature", 7, 10), ("named", None, 3)])
    births.put_last(memory, "g/n", 255, 2**64 - 1)
    restarted = MappingState("m", dict(memory.items()))
    for each, kept in ((births, memory), (BirthCertificates(), restarted)):
        assert each.node(kept, "g/n") == NODE
        temperature, named = DeclaredMetric("Temperature", 7, 10), DeclaredMetric("named", None, 3)
        assert each.table(kept, "g/n/d") == MetricTable({7: temperature}, {"Temperature": temperature, "named": named})
        assert each.last(kept, "g/n") == (255, 2**64 - 1)


def test_memory_decides_and_not_what_was_parsed_before():
    births, memory, other = BirthCertificates(), MappingState("m", {}), MappingState("m", {})
    births.put_last(memory, "g/n", 1, 10)
    births.put_last(other, "g/n", 2, 20)
    assert births.last(memory, "g/n") == (1, 10)
    assert births.last(other, "g/n") == (2, 20)
    assert births.last(MappingState("m", {}), "g/n") is None


def test_row_is_parsed_once():
    births, memory = BirthCertificates(), MappingState("m", {})
    births.put_table(memory, "g/n", [("a", 1, 3)])
    assert births.table(memory, "g/n") is births.table(memory, "g/n")


def test_table_can_be_forgotten():
    births, memory = BirthCertificates(), MappingState("m", {})
    births.put_table(memory, "g/n/d", [("a", 1, 3)])
    births.forget_table(memory, "g/n/d")
    assert births.table(memory, "g/n/d") == NOTHING_DECLARED
    assert not list(memory.items())


def test_message_changes_only_one_row():
    births, memory = BirthCertificates(), MappingState("m", {})
    births.put_node(memory, "g/n", NODE)
    memory.clear_changed()
    births.put_node(memory, "g/n", NODE)
    assert not memory.changed
    births.put_last(memory, "g/n", 1, 1)
    assert memory.changed


def test_parsed_rows_of_many_nodes_are_bounded(monkeypatch):
    monkeypatch.setattr(birth_certificates, "_MAX_PARSED", 10)
    births, memory = BirthCertificates(), MappingState("m", {})
    for number in range(35):
        births.put_last(memory, f"g/{number}", number, 7)
    assert len(births._lasts) <= 10
    assert [births.last(memory, f"g/{number}") for number in range(35)] == [(number, 7) for number in range(35)]


def test_last_message_is_not_parsed_again_after_it_was_put(monkeypatch):
    births, memory = BirthCertificates(), MappingState("m", {})
    births.put_last(memory, "g/n", 5, 7)
    monkeypatch.setattr(birth_certificates, "orjson", None)
    assert births.last(memory, "g/n") == (5, 7)
