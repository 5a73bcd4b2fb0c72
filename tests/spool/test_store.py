"""One transaction per commit, and the state of a spool after it is opened again."""

import stat
from pathlib import Path

import pytest

from bridge.errors import SpoolInUse
from bridge.spool.database.transaction import Transaction
from bridge.spool.ledger import BREAKDOWN_COLUMNS
from tests.spool.builders import (
    append,
    assert_ledger_balanced,
    data_of,
    dead_letter,
    opened,
    put,
    settle,
    take,
    take_all,
)


@pytest.fixture
def spool(tmp_path):
    spool = opened(tmp_path / "data")
    yield spool
    spool.close()


def reopened(spool, **options):
    spool.close()
    return opened(spool.folder.path, **options)


def line(spool, mapping="m", stream="press"):
    [row] = [row for row in spool.ledger_rows() if (row.mapping, row.stream) == (mapping, stream)]
    return row._asdict()


def test_burst_is_one_transaction(spool):
    statements = []
    append(spool, b"1", b"2")
    append(spool, b"3", stream="oven")
    spool._database.set_trace_callback(statements.append)
    transaction = Transaction(dead_letters=[dead_letter()], qos2_ids={7: True}, broker_filters=frozenset({"a"}))
    transaction.dead_lettered[spool.mapping_number("m"), spool.stream_number("press")] += 1
    spool.commit(transaction)
    spool._database.set_trace_callback(None)
    assert [text.lower() for text in statements].count("begin immediate") == 1
    assert [text.lower() for text in statements].count("commit") == 1


def test_spool_opened_again_contains_what_was_committed(spool):
    put(spool, b"1", b"2", key=None)
    put(spool, b"3", stream="oven", mapping="n", key="key \N{DEGREE SIGN}")
    append(spool, b"never committed")
    again = reopened(spool)
    records = take(again)
    assert [(record.number, record.key, record.data) for record in records] == [(1, "1", b"1"), (2, "2", b"2")]
    [record] = take(again, stream="oven")
    assert (record.key, record.data) == ("key °", b"3")
    assert_ledger_balanced(again)
    again.close()


def test_dead_letters_packets_filters_and_numbers_are_found_again(spool):
    numbers = spool.mapping_number("m"), spool.stream_number("press")
    transaction = Transaction(
        dead_letters=[dead_letter()], qos2_ids={7: True, 8: True}, broker_filters=frozenset({"a/#", "b"})
    )
    transaction.dead_lettered[numbers] += 1
    spool.commit(transaction)
    spool.commit(Transaction(qos2_ids={8: False}))
    again = reopened(spool)
    assert (again.mapping_number("m"), again.stream_number("press")) == numbers
    assert again.open_qos2_ids == {7}
    assert again.broker_filters == {"a/#", "b"}
    assert again.dead_letter_counts.count == 1
    [(number, found)] = again.newest_dead_letters(5)
    assert (number, found) == (1, dead_letter())
    assert line(again)["dead_lettered"] == line(again)["received"] == 1
    again.close()


def test_poison_count_is_found_again_and_ends_with_the_deletion(spool):
    poison = dead_letter(code="poison")
    spool.commit(Transaction(dead_letters=[poison, dead_letter(), poison]))
    again = reopened(spool)
    assert again.dead_letter_counts.poison == 2
    again.commit(Transaction(removed={1: poison, 3: poison}))
    assert (again.dead_letter_counts.poison, again.dead_letter_counts.count) == (0, 1)
    again.close()


def test_mappings_are_numbered_at_once_and_keep_their_numbers(spool):
    first = spool.mapping_number("m1")
    spool.number_mappings(["m0", "m1", "m2"])
    numbers = [spool.mapping_number(name) for name in ("m0", "m1", "m2")]
    assert (numbers[1], len(set(numbers))) == (first, 3)
    again = reopened(spool)
    assert [again.mapping_number(name) for name in ("m0", "m1", "m2")] == numbers
    again.close()


def test_session_that_is_removed_takes_its_packet_identifiers_with_it(spool):
    spool.commit(Transaction(qos2_ids={7: True, 8: True}))
    spool.commit(Transaction(clear_qos2_ids=True, qos2_ids={9: True}))
    again = reopened(spool)
    assert again.open_qos2_ids == {9}
    again.close()


def test_delivered_records_leave_and_are_counted(spool):
    put(spool, b"1", b"2", b"3")
    records = take(spool)
    settle(spool, [records[0], records[2]])
    row = line(spool)
    assert (row["received"], row["delivered"], row["spooled"]) == (3, 2, 1)
    assert_ledger_balanced(spool)
    again = reopened(spool)
    assert data_of(take(again)) == [b"2"]
    again.close()


def test_records_delivered_out_of_order_take_no_other_with_them(spool):
    put(spool, *(b"%d" % number for number in range(1, 10)))
    one, _, three, _, five, *_ = take(spool)
    settle(spool, [one, five, three])
    again = reopened(spool)
    assert data_of(take(again)) == [b"2", b"4", b"6", b"7", b"8", b"9"]
    assert_ledger_balanced(again)
    again.close()


def test_refused_records_become_dead_letters(spool):
    put(spool, b"1", b"2", key="k")
    [record, _] = take(spool)
    settle(spool, [], [(record, "too_large", "2 bytes too many")])
    [(_, found)] = spool.newest_dead_letters(1)
    assert (found.kind, found.mapping, found.streams, found.code) == ("record", "m", ("press",), "too_large")
    assert (found.key, found.payload, found.total_bytes) == ("k", b"1", 1)
    assert spool.dead_letter_counts.count == 1
    assert (line(spool)["dead_lettered"], line(spool)["spooled"]) == (1, 1)
    assert_ledger_balanced(spool)


def test_filtered_and_dead_lettered_messages_are_received_too(spool):
    place = spool.mapping_number("m"), spool.queue("press").number
    transaction = Transaction()
    transaction.filtered[place] += 3
    transaction.dead_lettered[place] += 2
    spool.commit(transaction)
    assert line(spool) == {
        "mapping": "m",
        "stream": "press",
        "received": 5,
        "delivered": 0,
        "filtered": 3,
        "dead_lettered": 2,
        "dropped": 0,
        "spooled": 0,
        **dict.fromkeys(BREAKDOWN_COLUMNS, 0),
    }


def test_numbers_continue_after_an_emptied_queue_is_opened_again(spool):
    put(spool, b"1", b"2")
    settle(spool, take(spool))
    again = reopened(spool)
    assert take(again) == []
    put(again, b"3")
    assert [record.number for record in take(again)] == [3]
    again.close()


def test_unmatched_messages_make_no_stream_to_send_to(spool):
    transaction = Transaction()
    transaction.filtered[spool.mapping_number(""), spool.stream_number("")] += 1
    spool.commit(transaction)
    again = reopened(spool)
    assert again.queues == {}
    assert line(again, "", "")["filtered"] == 1
    again.close()


def test_state_is_committed_with_the_messages_that_changed_it(spool):
    state = spool.state("m")
    put(spool, b"1")
    state.put("press07", b"21.5")
    append(spool, b"2")
    again = reopened(spool)
    assert again.state("m").get("press07") is None
    again.state("m").put("press07", b"22.0")
    put(again, b"2")
    again.state("m").forget("press07")
    last = reopened(again)
    assert last.state("m").get("press07") == b"22.0"
    last.close()


def test_spool_cannot_belong_to_two_bridges(spool):
    with pytest.raises(SpoolInUse, match="in use by another bridge"):
        opened(spool.folder.path)
    put(spool, b"1")
    assert data_of(take(spool)) == [b"1"]


def test_closed_spool_can_be_had_by_another(spool):
    again = reopened(spool)
    again.close()


def test_spool_files_are_for_their_owner_only(spool):
    put(spool, b"1")
    assert stat.S_IMODE(spool.folder.path.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in spool.folder.path.iterdir()}
    assert set(modes) == {"spool.db", "spool.db-wal", "spool.db-shm", "spool.lock"}
    assert set(modes.values()) == {0o600}


def test_records_come_back_in_order(spool):
    for at in range(0, 20_000, 1000):
        put(spool, *(b"%d" % number for number in range(at, at + 1000)))
    again = reopened(spool, fresh_bytes=0)
    assert data_of(take_all(again)) == [b"%d" % number for number in range(20_000)]
    again.close()


def test_closing_leaves_no_file_open(tmp_path):
    before = open_files()
    for _ in range(3):
        spool = opened(tmp_path / "data")
        put(spool, b"1")
        take(spool)
        spool.close()
    assert open_files() == before


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))
