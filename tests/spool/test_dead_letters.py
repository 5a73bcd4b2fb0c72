import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.model import DeadLetter
from bridge.spool.database import database_file
from bridge.spool.database.tables import DEAD_LETTERS, TABLES, DamagedRow
from bridge.spool.dead_letters import (
    count_poison,
    measure_dead_letters,
    read_dead_letters,
    shortened,
    stored_bytes,
    to_row,
    write_dead_letters,
)
from tests.spool.builders import dead_letter


@pytest.fixture
def database(tmp_path):
    database = database_file.connect_writer(tmp_path / "spool.db")
    yield database
    database.close()


def test_table_has_a_column_for_every_field(database):
    columns = [row[1] for row in database.execute("pragma table_info(dead_letters)")]
    assert columns == [*DeadLetter._fields, "hash", "number"]


def test_dead_letter_is_read_as_it_was_written(database):
    sent = dead_letter(
        streams=("press", "oven"),
        item=3,
        retain=True,
        payload=bytes(range(256)),
        properties={"content_type": "json", "user_properties": {"°": "1"}},
        key="k",
    )
    DEAD_LETTERS.write(database, [to_row(sent)])
    [(number, found)] = read_dead_letters(database)
    assert (number, found) == (1, sent)
    assert type(found.retain) is bool


def test_dead_letters_are_read_in_order_the_newest_or_one(database):
    DEAD_LETTERS.write(database, [to_row(dead_letter(detail=str(number))) for number in range(1, 6)])
    assert [number for number, _ in read_dead_letters(database)] == [1, 2, 3, 4, 5]
    assert [number for number, _ in read_dead_letters(database, newest=2)] == [5, 4]
    assert [found.detail for _, found in read_dead_letters(database, number=3)] == ["3"]
    assert list(read_dead_letters(database, number=9)) == []
    assert measure_dead_letters(database)[0] == 5


def test_number_of_a_deleted_dead_letter_is_not_reused(database):
    DEAD_LETTERS.write(database, [to_row(dead_letter())])
    database.execute("delete from dead_letters")
    DEAD_LETTERS.write(database, [to_row(dead_letter())])
    assert [number for number, _ in read_dead_letters(database)] == [2]


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec="utf-8")), st.binary(), st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
def test_dead_letter_with_any_text_and_bytes_comes_back(text, payload, properties):
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript("".join(table.sql for table in TABLES))
    sent = dead_letter(topic=text, detail=text, payload=payload, properties=properties, key=text)
    DEAD_LETTERS.write(database, [to_row(sent)])
    assert [found for _, found in read_dead_letters(database)] == [sent]
    database.close()


@pytest.mark.parametrize("number", [2**63, 2**64, -1])
def test_number_that_no_dead_letter_can_have_finds_none(database, number):
    assert list(read_dead_letters(database, number=number)) == []


@pytest.mark.parametrize(
    "change", ["payload = x'00'", "topic = 'plant/other'", "streams = '[]'", "qos = 2", "key = 'k'"]
)
def test_read_dead_letter_with_a_changed_column_is_damaged(database, change):
    DEAD_LETTERS.write(database, [to_row(dead_letter())])
    database.execute(f"update dead_letters set {change}")
    with pytest.raises(DamagedRow, match="dead letter 1 is damaged"):
        next(read_dead_letters(database))


def test_evict_dead_letter_with_damaged_streams_is_damage(database):
    DEAD_LETTERS.write(database, [to_row(dead_letter())])
    database.execute("update dead_letters set streams = 'no json'")
    with pytest.raises(DamagedRow, match="dead letter 1 is damaged"):
        write_dead_letters(database, [dead_letter()], {}, [], limit=0, used=0)


def test_amended_dead_letter_has_the_new_reason_and_a_new_hash(database):
    DEAD_LETTERS.write(database, [to_row(dead_letter(properties={"a": "ä"}))])
    write_dead_letters(database, [], {}, [("transform", "new", 1)], limit=1 << 20, used=0)
    [(_, found)] = read_dead_letters(database)
    assert found == dead_letter(code="transform", detail="new", properties={"a": "ä"})


@pytest.mark.parametrize("codes", [("poison",), ("decode", "poison", "poison")])
def test_count_poison_is_the_sum_of_the_changes(database, codes):
    added = [dead_letter(code=code) for code in codes]
    change, _ = write_dead_letters(database, added, {}, [], limit=1 << 20, used=0)
    assert change.poison == count_poison(database) == codes.count("poison")
    change, _ = write_dead_letters(database, [], {len(codes): dead_letter(code="poison")}, [], limit=1 << 20, used=0)
    assert change.poison == -1
    assert count_poison(database) == codes.count("poison") - 1


def test_count_poison_follows_an_amended_code(database):
    write_dead_letters(database, [dead_letter(code="poison"), dead_letter()], {}, [], limit=1 << 20, used=0)
    amended = [("decode", "x", 1), ("transform", "x", 2), ("poison", "x", 99)]
    change, _ = write_dead_letters(database, [], {}, amended, limit=1 << 20, used=0)
    assert (change.poison, count_poison(database)) == (-1, 0)


def test_count_poison_decreases_when_dead_letters_are_evicted(database):
    added = [dead_letter(code="poison"), dead_letter(), dead_letter(code="poison")]
    size = sum(map(stored_bytes, added))
    write_dead_letters(database, added, {}, [], limit=1 << 20, used=0)
    change, evicted = write_dead_letters(database, [], {}, [], limit=size - 1, used=size)
    assert [each.code for each in evicted] == ["poison"]
    assert (change.poison, count_poison(database)) == (-1, 1)


def test_count_poison_of_a_damaged_code_is_no_error(database):
    DEAD_LETTERS.write(database, [to_row(dead_letter())])
    database.execute("update dead_letters set code = cast(x'ff' as text)")
    assert count_poison(database) == 0


@given(st.integers(0, 200), st.integers(0, 400))
def test_payload_of_a_dead_letter_has_a_quarter_of_the_room(size, room):
    [found] = shortened([dead_letter(payload=bytes(size))], room)
    assert len(found.payload) == min(size, room // 4)
