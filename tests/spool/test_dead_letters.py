import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.model import DeadLetter
from bridge.spool.database import schema
from bridge.spool.dead_letters import INSERT, measure_dead_letters, read_dead_letters, to_row
from tests.spool.builders import dead_letter


@pytest.fixture
def database(tmp_path):
    database = schema.connect(tmp_path / "spool.db")
    yield database
    database.close()


def test_table_has_a_column_for_every_field(database):
    columns = [row[1] for row in database.execute("pragma table_info(dead_letters)")]
    assert columns == ["number", *DeadLetter._fields]


def test_dead_letter_comes_back_as_it_went(database):
    sent = dead_letter(
        streams=("press", "oven"),
        item=3,
        retain=True,
        payload=bytes(range(256)),
        properties={"content_type": "json", "user_properties": {"°": "1"}},
        key="k",
    )
    database.execute(INSERT, to_row(sent))
    [(number, found)] = read_dead_letters(database)
    assert (number, found) == (1, sent)
    assert type(found.retain) is bool


def test_dead_letters_are_read_in_order_the_newest_or_one(database):
    database.executemany(INSERT, [to_row(dead_letter(detail=str(number))) for number in range(1, 6)])
    assert [number for number, _ in read_dead_letters(database)] == [1, 2, 3, 4, 5]
    assert [number for number, _ in read_dead_letters(database, newest=2)] == [5, 4]
    assert [found.detail for _, found in read_dead_letters(database, number=3)] == ["3"]
    assert list(read_dead_letters(database, number=9)) == []
    assert measure_dead_letters(database)[0] == 5


def test_number_of_a_deleted_dead_letter_is_not_given_again(database):
    database.execute(INSERT, to_row(dead_letter()))
    database.execute("delete from dead_letters")
    database.execute(INSERT, to_row(dead_letter()))
    assert [number for number, _ in read_dead_letters(database)] == [2]


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec="utf-8")), st.binary(), st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
def test_any_text_and_any_bytes_come_back(text, payload, properties):
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(schema._TABLES)
    sent = dead_letter(topic=text, detail=text, payload=payload, properties=properties, key=text)
    database.execute(INSERT, to_row(sent))
    assert [found for _, found in read_dead_letters(database)] == [sent]
    database.close()


@pytest.mark.parametrize("number", [2**63, 2**64, -1])
def test_number_that_no_dead_letter_can_have_is_no_dead_letter(database, number):
    assert list(read_dead_letters(database, number=number)) == []
