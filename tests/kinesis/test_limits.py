from bridge.kinesis.limits import counted_bytes
from bridge.model import Record


def test_record_counts_its_data_and_its_key_in_utf8():
    assert counted_bytes(Record(1, 1, "press", b"12345")) == 10
    assert counted_bytes(Record(1, 1, "prèß", b"12345")) == 11
    assert counted_bytes(Record(1, 1, "🏭", b"")) == 4
