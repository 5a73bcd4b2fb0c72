"""Partition keys with unusual Unicode: Kinesis accepts every key that the bridge accepts, byte for byte.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsRequestEntry.html: 1 to 256 Unicode characters.
"""

from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes.kinesis_faults import Script
from tests.fakes.kinesis_streams import KinesisError, Stream
from tests.mapping.builders import applied, mapping, message

MAPPING = mapping(outputs=[{"data_stream": "s", "partition_key_from": "payload.key"}])
ODDITIES = ["\0", "\u200b", "\u202e", "\ufeff", "\uffff", "e\u0301", "\u00e9", "😀", "\U0010ffff", " ", "\n", "ß", "İ"]
TEXT = st.characters(exclude_categories=["Cs"])
"""Characters that JSON cannot contain: halves of surrogate pairs."""
KEYS = st.text(TEXT, max_size=300) | st.builds(
    lambda odd, times, more: odd * times + more,
    st.sampled_from(ODDITIES),
    st.integers(0, 300),
    st.text(TEXT, max_size=3),
)
STREAM = Stream("s", 4)


@given(KEYS)
@example("")
@example("😀" * 256)
@example("😀" * 257)
@example("é" * 256 + "\u0301")
def test_key_goes_through_as_it_is_or_is_rejected_where_kinesis_would(key):
    drafts, rejections, _ = applied(MAPPING, message({"key": key}))
    try:
        STREAM.put([{"PartitionKey": key, "Data": ""}], Script())
    except KinesisError:
        assert [rejection.code for rejection in rejections] == ["partition_key"]
        assert not drafts
    else:
        assert [draft.key for draft in drafts] == [key]
