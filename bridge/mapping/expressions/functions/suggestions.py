"""Function names of other languages, each with an expression that has the same effect here.

The error for an unknown function contains this expression, and the command `functions` lists all names. A search for
the most similar known name is not enough, because similar names often belong to different functions. For example,
`concat` is similar to `contains`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Suggestion(NamedTuple):
    """Expression to use instead of unknown functions.

    `words` are the names of these functions. `does` is the rest of a sentence after the expression. In the sentence
    "length(a) counts", `does` is "counts".
    """

    words: str
    expression: str
    does: str


SUGGESTIONS: Final[tuple[Suggestion, ...]] = (
    Suggestion(
        "concat concatenate strcat append paste", "join('', [a, b])", "joins texts; so does format('{}{}', a, b)"
    ),
    Suggestion("substring substr mid left right strslice char_at", "slice(a, 0, 3)", "cuts a text"),
    Suggestion("iif iff if_else cond case when switch ternary choose", "a > 5 ? 'high' : 'low'", "chooses"),
    Suggestion("coalesce ifnull nvl default or_else fallback", "not_null(a, b)", "takes the first value"),
    Suggestion("len size count strlen", "length(a)", "counts"),
    Suggestion(
        "number int float integer parse_int parse_float to_int to_float to_integer cast as_number",
        "to_number(a)",
        "reads a number from text",
    ),
    Suggestion("str string to_str text", "to_string(a)", "converts a value to text; to_text() converts bytes to text"),
    Suggestion("to_json json_encode json_stringify stringify dumps", "to_string(a)", "makes JSON text of a value"),
    Suggestion("parse_json json_parse json_decode decode_json loads json", "from_json(a)", "reads JSON text"),
    Suggestion("base64_decode decode_base64 unbase64 atob", "from_base64(a)", "makes a byte list"),
    Suggestion("base64_encode encode_base64 to_base64 btoa", "base64(a)", "makes base64 text"),
    Suggestion("hex_to_bytes unhex parse_hex unhexlify", "from_hex(a)", "makes a byte list"),
    Suggestion(
        "to_hex hex hexadecimal",
        "format('{:x}', a)",
        "writes a number in hexadecimal; join('', map(&format('{:02x}', @), a)) writes bytes; from_hex() reads them",
    ),
    Suggestion("hexlify bytes_to_hex", "join('', map(&format('{:02x}', @), a))", "writes bytes in hexadecimal"),
    Suggestion("index_of find instr strpos position locate", "find_first(a, '-')", "finds a text in a text"),
    Suggestion("last_index_of rfind", "find_last(a, '-')", "finds a text from the end"),
    Suggestion(
        "to_entries entries pairs object_entries", "items(a)[*].{name: [0], value: [1]}", "converts an object to a list"
    ),
    Suggestion("from_entries to_object object from_pairs", "from_items(a)", "converts pairs to an object"),
    Suggestion(
        "enumerate with_index map_with_index", "map(&{index: $index, value: @}, a)", "has the index of each element"
    ),
    Suggestion("for_each each collect apply transform", "map(&v, a)", "evaluates an expression for each element"),
    Suggestion("filter select where grep", "a[?v > 5]", "keeps the elements for which a condition holds"),
    Suggestion("reduce fold aggregate accumulate", "sum(map(&v, a))", "adds up; there are avg, min and max too"),
    Suggestion("uniq unique distinct dedupe", "keys(group_by(a, &v))", "lists the different texts"),
    Suggestion("flatten flat flatten_list", "a[]", "flattens a list of lists; flatten_object() flattens an object"),
    Suggestion("flatten_dict flatten_json unnest", "flatten_object(a, '.')", "flattens an object"),
    Suggestion("first head", "a[0]", "is the first element"),
    Suggestion("last tail", "a[-1]", "is the last element"),
    Suggestion("mod rem remainder", "a % b", "is the remainder"),
    Suggestion("pow exp", "power(a, 2)", "is the power"),
    Suggestion("sqrt root", "power(a, 0.5)", "is the square root"),
    Suggestion("minus sub", "a - b", "subtracts"),
    Suggestion("plus", "a + b", "adds"),
    Suggestion("mul times product", "a * b", "multiplies"),
    Suggestion("div ratio", "a / b", "divides; // rounds down"),
    Suggestion("idiv floor_div integer_divide quotient", "a // b", "divides and rounds down"),
    Suggestion("to_fixed fixed precision round_to", "round(a, 2)", "rounds to decimals"),
    Suggestion("trunc truncate", "floor(a)", "rounds down; ceil() rounds up"),
    Suggestion("limit bound constrain saturate", "clamp(a, 0, 100)", "keeps a number within limits"),
    Suggestion("linear map_range interpolate rescale lerp normalize", "scale(a, 4, 20, 0, 100)", "converts a range"),
    Suggestion("now current_time utcnow today current_timestamp", "$received_at", "is the time of receipt, as text"),
    Suggestion("timestamp epoch unix_time time_ms", "$received_at_ms", "is the time of receipt, in milliseconds"),
    Suggestion(
        "date datetime to_date strftime to_iso iso8601 from_unixtime from_timestamp to_datetime format_time",
        "iso_time(a)",
        "converts milliseconds since 1970 to ISO 8601 text; epoch_ms() does the reverse",
    ),
    Suggestion("to_epoch to_unix to_timestamp unix_timestamp to_millis", "epoch_ms(a)", "reads an ISO 8601 time"),
    Suggestion(
        "strptime parse_date parse_datetime parse_timestamp", "parse_time(a, '%d.%m.%Y %z')", "reads other times"
    ),
    Suggestion(
        "unix second seconds secs epoch_secs epoch_seconds unix_seconds from_unix_seconds",
        "iso_time(a * 1000)",
        "converts seconds since 1970 to ISO 8601 text; epoch_ms(a) / 1000 does the reverse",
    ),
    Suggestion(
        "day year month hour date_only", "slice(iso_time(a), 0, 10)", "returns the date of milliseconds since 1970"
    ),
    Suggestion(
        "celsius to_celsius fahrenheit_to_celsius f_to_c temperature",
        "round((a - 32) * 5 / 9, 1)",
        "converts Fahrenheit to Celsius; a * 9 / 5 + 32 does the reverse",
    ),
    Suggestion(
        "fahrenheit to_fahrenheit celsius_to_fahrenheit c_to_f",
        "round(a * 9 / 5 + 32, 1)",
        "converts Celsius to Fahrenheit; (a - 32) * 5 / 9 does the reverse",
    ),
    Suggestion("kelvin to_kelvin", "a + 273.15", "converts Celsius to kelvin"),
    Suggestion(
        "convert conversion unit units factor psi bar inch",
        "a * 0.0689476",
        "converts by a factor, here psi to bar; scale() converts a range, and lookup() reads factors from a table",
    ),
    Suggestion("percent percentage", "100 * a / b", "is the percentage"),
    Suggestion("raw analog milliamp scaling", "scale(a, 0, 27648, 0, 10)", "converts raw counts to a value"),
    Suggestion("bool boolean to_bool to_boolean", "contains(['true', 'on', '1'], a)", "converts text to true or false"),
    Suggestion("rename rename_key map_keys pick project", "{new: payload.old}", "makes an object with chosen names"),
    Suggestion(
        "omit without drop remove_key delete remove", "from_items(items(a)[?[0] != 'x'])", "leaves a member out"
    ),
    Suggestion("between within in_range", "(a >= 0 && a <= 100)", "tests a range"),
    Suggestion("exclude_null compact remove_nulls", "a[?@ != `null`]", "leaves nulls out"),
    Suggestion(
        "nan is_nan is_null is_empty is_blank empty missing",
        "a == `null`",
        "tests for a missing value; not_null(a, b) takes the first value",
    ),
    Suggestion("total sum_of", "sum(a)", "adds up"),
    Suggestion("absolute magnitude", "abs(a)", "is the absolute value"),
    Suggestion(
        "wildcard any all every some", "length(a[?v > 5]) > `0`", "tests whether any element fulfils a condition"
    ),
    Suggestion("uppercase to_upper to_upper_case ucase capitalize", "upper(a)", "is in upper case"),
    Suggestion("lowercase to_lower to_lower_case lcase", "lower(a)", "is in lower case"),
    Suggestion(
        "strip ltrim rtrim trim_left trim_right trim_start trim_end", "trim(a)", "removes white space at both ends"
    ),
    Suggestion("gsub re_sub regex_replace replace_all", "replace(a, ',', '.')", "replaces a text"),
    Suggestion("regex match matches rlike like regexp test re_match", "regex_match(a, '^press')", "tests a pattern"),
    Suggestion(
        "regex_find regex_capture extract capture re_search regexp_extract",
        "regex_extract(a, 'press(\\d+)')",
        "returns what a group matched",
    ),
    Suggestion("begins_with has_prefix", "starts_with(a, 'press')", "tests the beginning"),
    Suggestion("has_suffix", "ends_with(a, '07')", "tests the end"),
    Suggestion("includes in has in_array any_of", "contains(a, 'x')", "searches a list or a text"),
    Suggestion("has_key key_exists exists defined", "contains(keys(a), 'x')", "tests for a member"),
    Suggestion("sha256 sha512 sha1 md5 crc32 checksum digest crc", "hash(a, 'sha256')", "makes a digest"),
    Suggestion("uuid guid uuid4 uuid_v5 generate_uuid", "uuid5('url', a)", "makes a UUID of a name"),
    Suggestion("bit get_bit test_bit bit_and band bitwise_and shift_right rshift", "bits(a, 4, 1)", "reads bits"),
    Suggestion("lpad zfill pad_left left_pad pad_start", "pad(a, 8, '0')", "fills a text on the left"),
    Suggestion("rpad pad_right right_pad ljust pad_end", "pad(a, 8, ' ', 'right')", "fills a text on the right"),
    Suggestion("sprintf printf template fmt", "format('{:.2f}', a)", "writes values into a template"),
    Suggestion("mean average", "avg(a)", "is the mean"),
    Suggestion("avg_by mean_by sum_by", "avg(map(&v, a))", "is the mean; sum(map(&v, a)) adds up"),
    Suggestion("count_by", "length(a[?v > 5])", "counts the elements for which a condition holds"),
    Suggestion("split_part", "split(a, '/')[1]", "is a part of a text"),
    Suggestion("level topic_level segment", "levels[1]", "is a level of the topic; {name} in `topic` captures it"),
    Suggestion("get getattr member field", "a.name", "is a member of an object"),
    Suggestion("maximum greatest", "max([a, b])", "is the largest"),
    Suggestion("minimum least", "min([a, b])", "is the smallest"),
    Suggestion("typeof is_number is_string is_object is_array is_numeric", "type(a) == 'number'", "tests a type"),
    Suggestion(
        "combine assign union extend merge_objects merge_each update set put with_key", "merge(a, b)", "joins objects"
    ),
    Suggestion("array list", "[a, b]", "makes a list"),
    Suggestion("vlookup lookup_table table translate map_value", "lookup('units', a)", "reads a table"),
    Suggestion("struct_unpack decode_bytes parse_bytes binary", "unpack(a, 't:i16 h:u8')", "reads bytes by a layout"),
    Suggestion(
        "uint8 uint16 uint32 int8 int16 int32 float32 float64 double", "unpack(a, 't:i16')", "reads bytes by a layout"
    ),
    Suggestion("bytes to_bytes", "from_base64(a)", "reads base64 text; from_hex() reads hexadecimal text"),
    Suggestion("swap swap16 byte_swap reverse_bytes", "unpack(a, 'byte_swap t:u16')", "reads bytes in another order"),
    Suggestion("modbus registers", "unpack_registers(a, 'word_swap t:f32')", "reads registers of 16 bits"),
    Suggestion("read_float float_from_bytes to_float32", "bytes_to_float(a)", "reads a float from bytes"),
    Suggestion("read_int int_from_bytes to_uint16", "bytes_to_int(a)", "reads a whole number from bytes"),
)


def _plain(word: str) -> str:
    """Return a word in lower case and without underscores, so that `toUpper` and `to_upper` are equal."""
    return word.lower().replace("_", "")


BY_WORD: Final[Mapping[str, Suggestion]] = MappingProxyType(
    {_plain(word): suggestion for suggestion in SUGGESTIONS for word in suggestion.words.split()}
)


def suggested(name: str) -> str:
    """Return advice for an unknown function, such as "join('', [a, b]) joins texts", or "" for other names."""
    found = BY_WORD.get(_plain(name))
    return f"{found.expression} {found.does}" if found else ""
