"""Tables of docs/reference/check-errors.md: each file of tests/mapping/broken, its error, and the corrected file."""

from __future__ import annotations

import difflib
from pathlib import Path

from tests.docs.tables import cell
from tests.mapping.test_broken import FOLDER, told

Fixes = dict[str, tuple[str, str]]

SECTIONS: dict[str, Fixes] = {
    "YAML": {
        "colon": ("payload.x == 'a: b'", "\"payload.x == 'a: b'\""),
        "nocolonspace": ("topic:a\noutputs: []", "topic: a\noutputs: [{data_stream: s}]"),
        "bad_indent": (" outputs: []", "outputs: [{data_stream: s}]"),
        "bad_indent2": ("   partition_key", "    partition_key"),
        "tab_indent": ("\t- data_stream", "  - data_stream"),
        "tab_after": ("topic:\ta\noutputs:\n  - data_stream:\ts\n\tx: 1", "topic: a\noutputs:\n  - data_stream: s"),
        "dash_nospace": ("-data_stream", "- data_stream"),
        "unclosed_br": ("[{data_stream: s}", "[{data_stream: s}]"),
        "unclosed_q": ("'payload.x", "payload.x"),
        "unquoted_amp": ("&x", "payload"),
        "unquoted_star": ("*payload", '"payload.*"'),
        "unquoted_bt": ("`true`", '"`true`"'),
        "topic_flow": ("{site}/a", '"{site}/a"'),
        "expr_flow": ("{ a: payload.x }", '"{ a: payload.x }"'),
        "topic_unquoted_hash": ("#", '"#"'),
        "dup_key": ("\ntopic: c", ""),
        "complex_key": ("? [a]\n: b", "topic: a\noutputs: [{data_stream: s}]"),
        "merge": ("<<: *o\n    partition_kee: x", "data_stream: s"),
        "pytag": ("!!python/object/apply:os.system [ls]", "a\noutputs: [{data_stream: s}]"),
        "self_anchor": ("&t [*t]", "a\noutputs: [{data_stream: s}]"),
        "many_docs": ("---\ntopic: a/b\noutputs:\n  - data_stream: s\n", ""),
        "number_large": ("1e999", "10485760"),
        "comment": ("# nothing", "topic: a\noutputs: [{data_stream: s}]"),
        "list": ("- a\n- b", "topic: a\noutputs: [{data_stream: s}]"),
    },
    "Keys and values": {
        "except_typo": ("execpt", "except"),
        "topic_case": ("Topic", "topic"),
        "topic_missing": ("outputs:", "topic: a\noutputs:"),
        "where_blank": ("where:", "where: payload.x"),
        "vars_blank": ("vars:", "vars: {t: payload.x}"),
        "transform_comment": ("# later", "payload.x"),
        "expr_empty": ("where: ''", "where: payload.x"),
        "expr_bool": ("true", "payload.x"),
        "qos_3": ("3", "2"),
        "octal": ("01", "1"),
        "no_each": ("no", "false"),
        "yes_each": ("yes", "true"),
        "sexagesimal": ("12:30", "750"),
        "each_notransform": ("each: true", "transform: payload\neach: true"),
        "csv_missing": ("payload: csv", "payload: csv\ncsv: {header: first_line}"),
        "csv_header": ("[]", "[ts, value]"),
        "csv_delim": ("';;'", "';'"),
        "changes_deadband": ("5 degrees", "5"),
        "sample_value": ("keep: mean}", "keep: mean, value: payload.t}\ntransform: sample.mean"),
    },
    "Payload formats": {
        "encoding_payload": ("payload: msgpack", "payload: json"),
        "encoding_unknown": ("latin-0", "latin-1"),
        "xml_options": ("xml:", "payload: xml\nxml:"),
        "avro_missing": ("payload: avro", "payload: avro\navro: {schema: reading.avsc}"),
        "avro_file": ("readings.avsc", "reading.avsc"),
        "avro_broken": ("broken.avsc", "reading.avsc"),
        "avro_numbers": ("reading.avsc}}", "reading.avsc}, header: confluent}"),
        "protobuf_message": ("message: Reading", "message: plant.Reading"),
        "protobuf_syntax": ("broken.proto", "plant.proto"),
        "protobuf_capture": ("plant.{kind}", "plant.{type}"),
    },
    "Topics": {
        "topic_empty": ("''", "a/b"),
        "topic_plus": ("a+/b", "+/b"),
        "topic_hash": ("a/#/b", "a/+/b"),
        "topic_name": ("{1x}", "{x1}"),
        "topic_dup": ("{x}/{x}", "{x}/{y}"),
        "topic_partial": ("b{x}", "{x}"),
        "topic_rest_mid": ("{r...}/b", "{r...}"),
        "topic_share": ("$share/g/a", "a"),
        "except_type": ("{a: b}", "z/b"),
        "except_filter": ("z/a+", "z/a"),
        "except_nothing": ("y/#", "z/y/#"),
        "except_all": ("z/#", "z/b"),
    },
    "Outputs": {
        "outputs_missing": ("topic: a", "topic: a\noutputs: [{data_stream: s}]"),
        "outputs_empty": ("[]", "[{data_stream: s}]"),
        "outputs_null": ("outputs:", "outputs: [{data_stream: s}]"),
        "outputs_map": ("{data_stream: s}", "[{data_stream: s}]"),
        "outputs_items": ("[s, t]", "[{data_stream: s}, {data_stream: t}]"),
        "stream_missing": ("{}", "{data_stream: s}"),
        "stream_bad": ("my stream", "my-stream"),
        "stream_arn": ("us-east-1:1:", "us-east-1:123456789012:"),
        "region_arn": ("\n    region: us-east-1", ""),
        "partition_typo": ("partion_key", "partition_key"),
        "partition_both": ("\n    partition_key: a", ""),
        "partition_key_num": ("7", '"7"'),
        "partition_key_bool": ("true", '"true"'),
        "partition_key_empty": ('""', "all"),
        "partition_key_null": ("partition_key:", "partition_key: all"),
        "compression_none": ("compression: gzip", "packing: lines\n    compression: gzip"),
        "max_record_bytes": ("max_record_bytes", "packing: kpl\n    max_record_bytes"),
        "order_strict": ("order: strict", "partition_key_from: topic\n    order: strict"),
        "packing_lines": ("packing: lines", "packing: kpl"),
    },
    "Names and variables": {
        "expr_name": ("temperature", "payload.temperature"),
        "expr_name2": ("paylod", "payload"),
        "expr_true": ("true", "`true`"),
        "expr_true2": ("true", "`true`"),
        "expr_dq": ('"a"', "''a''"),
        "captures_unknown": ("captures.sit", "captures.site"),
        "captures_unknown2": ("captures.machine", "captures.site"),
        "captures_none": ("topic: a/b", "topic: a/{site}"),
        "captures_inside": ("captures.site", "$captures.site"),
        "captures_after_pipe": ("captures.site", "$captures.site"),
        "expr_inside": ("t: topic", "t: $topic"),
        "expr_variable": ("$paylod", "$payload"),
        "expr_variable2": ("$limit > 5", "let $limit = payload.limit in $limit > 5"),
        "expr_index": ("payload[].{n: $index}", "map(&{n: $index}, payload)"),
        "expr_record": ("record.x", "payload.x"),
        "expr_record2": ("$record", "$payload"),
        "vars_missing": ("where: vars.hot", "vars:\n  hot: payload.c > 80\nwhere: vars.hot"),
        "vars_order": (
            "  hot: vars.celsius > 80\n  celsius: payload.c",
            "  celsius: payload.c\n  hot: vars.celsius > 80",
        ),
        "vars_name": ("2nd", "second"),
        "expr_minus": ("payload.flow-rate", 'payload."flow-rate"'),
        "expr_pairs": ("[].", "[*]."),
        "properties": ("content_typ ", "content_type "),
        "properties2": ("properties.tenant", "properties.user_properties.tenant"),
    },
    "Syntax of expressions": {
        "expr_and": (" and ", " && "),
        "expr_or": (" or ", " || "),
        "expr_not": ("not payload.a", "'!payload.a'"),
        "expr_in": ("payload.a in ['x']", "contains(['x'], payload.a)"),
        "expr_python": ("payload.a is None", "payload.a == `null`"),
        "expr_single_eq": (" = ", " == "),
        "expr_unequal": ("<>", "!="),
        "expr_power": ("payload.x ^ 2", "power(payload.x, 2)"),
        "expr_ternary": ("'1'", "'1' : '0'"),
        "expr_power2": ("payload.x ** 2 > 4", "power(payload.x, 2) > 4"),
        "expr_default": ("payload.x ?? 'none'", "not_null(payload.x, 'none')"),
        "expr_optional": ("payload?.x", "payload.x"),
        "expr_comma": ('"[payload.a, payload.b,]"', '"[payload.a, payload.b]"'),
        "expr_let2": ("let t = payload.t in t", "let $t = payload.t in $t"),
        "expr_if": ("if(payload.on) 1 else 0", "'payload.on ? 1 : 0'"),
        "expr_python_if": ("1 if payload.on else 0", "'payload.on ? 1 : 0'"),
        "expr_arrow": ("payload.list.map(x => x.t)", "map(&t, payload.list)"),
        "expr_method": ("payload.name.upper()", "upper(payload.name)"),
        "expr_each": ("payload.list[] * 2", '"map(&@ * 2, payload.list)"'),
        "expr_each2": ('"payload.list[].(a + b)"', '"map(&a + b, payload.list)"'),
        "expr_comment": ("payload.x /* old */", "payload.x"),
        "expr_fstring": ("f'{payload.x}'", "format('{}', payload.x)"),
        "expr_hex": ("payload.code == 0x10", "payload.code == 16"),
        "expr_decimal_comma": ("payload.x * 1,5", "payload.x * 1.5"),
        "expr_none": ("payload.x == None", '"payload.x == `null`"'),
        "expr_not_in": ("payload.x not in ['a']", "\"!contains(['a'], payload.x)\""),
        "expr_like": ("payload.x like 'press'", "regex_match(payload.x, 'press')"),
        "expr_member": ('payload["x"]', "payload.x"),
        "expr_variable_index": ('"payload.tags[$captures.d]"', '"items(payload.tags)[?[0] == $captures.d] | [0][1]"'),
        "expr_open": ("upper(payload.x", "upper(payload.x)"),
        "expr_boolean_sum": ('"(payload.a > 1) + 1"', '"payload.a > 1 + 1"'),
        "expr_statement": ("$t = payload.t; $t", "let $t = payload.t in $t"),
        "expr_let": ("payload.t", "payload.t in $t"),
        "expr_dollar": ("$.payload.x", "$payload.x"),
        "env": ("${X}", "payload.x"),
        "expr_number": ("05", "5"),
        "expr_infinite": ("1e999", "1e99"),
        "expr_digit": ("payload.1st", 'payload."1st"'),
        "expr_syntax2": ("..", "."),
        "expr_multi": (",,", ""),
        "expr_key": ("'a'", "a"),
        "expr_unclosed": ("'a", "'a'"),
        "expr_literal": ("1`", "1}`"),
        "expr_json": ("`a`", "a"),
        "expr_index2": ("[a]", ".a"),
        "expr_fraction": ("[0.5]", "[0]"),
        "expr_list_index": (".[0]", "[0]"),
        "expr_step": ("::0", "::2"),
        "expr_reference": ("&payload", "payload"),
        "expr_quoted_call": ("'\"upper\"(payload.x)'", "upper(payload.x)"),
        "expr_growth": (" | ".join(["[@, @]"] * 13), "[@, @]"),
        "expr_deep": ("!" * 200, "!"),
    },
    "Operators and functions": {
        "expr_plus": ("'p' + payload.b", "join('', ['p', payload.b])"),
        "expr_zero": ("/ 0", "/ 10"),
        "fn_unknown": ("containz", "contains"),
        "fn_concat": ("concat(captures.line, payload.x)", "join('', [topic, payload.x])"),
        "expr_fold": ("nope(payload.y)", "upper(payload.y)"),
        "fn_arity": ("length()", "length(payload)"),
        "fn_arity2": (", `2`)", ")"),
        "fn_nested": ("lower()", "lower(payload.x)"),
        "expr_type": ("upper(`5`)", "upper(payload.x)"),
        "expr_no_reference": (", t)", ", &t)"),
        "expr_reference2": ("&payload", "payload"),
        "fn_divide": ("`0`", "10"),
        "fn_decimals": ("20", "2"),
        "fn_clamp": ("`5`, `1`", "1, 5"),
        "fn_scale": ("4, 4, 0", "4, 20, 0"),
        "fn_pad": ("'middle'", "'right'"),
        "fn_split": ("''", "','"),
        "fn_order": ("'bigg'", "'big'"),
        "fn_layout": ("i17", "i16"),
        "fn_layout_item": ("1 level", "1 -> level"),
        "expr_format": ("'{'", "'{}'"),
        "expr_regex": ("'('", "'press'"),
        "expr_hashalgo": ("sha3", "sha256"),
        "expr_zone": ("Europe/Nowhere", "Europe/Berlin"),
        "expr_ptime": ("'%Q'", "'%Y-%m-%d %z'"),
        "lookup_arity": ("lookup('assets')", "payload.x"),
        "lookup_unknown": ("lookup('assets', payload.x)", "payload.x"),
    },
    "Tests of a mapping": {
        "test_schema": ("machin:", "machine:"),
        "test_fails": ("data: 2", "data: 1"),
        "test_topic": ("topic: c,", "topic: a/b,"),
        "except_test": ("topic: z/a/b", "topic: z/a"),
        "test_nopayload": ("expect:", "payload: 1, expect:"),
        "test_b64": ("'??'", "AQI="),
        "test_bigint": ("99999999999999999999999", "9"),
        "test_nan": (".nan", "0"),
        "test_time": ("2024-01-01", '"2024-01-01T00:00:00Z"'),
        "on_retain": ("retain: on", "retain: true"),
        "test_expect": ("filterd", "[{data_stream: s, data: 1}]"),
        "test_expect2": ("deadletter: decode", "dead_letter: decode"),
        "test_expect3": ("{data_stream: s}]", "{data_stream: s, data: 1}]"),
        "test_expect_code": ("decoded", "decode"),
        "tests_map": ("{name: n}", "[]"),
    },
}
"""The wrong lines of each file and their corrections, in the order of the page."""

MAX_SHOWN = 90
"""Maximum number of characters of a line. The page shows only the beginning of a longer line."""


def fixed(name: str) -> str:
    """Return the corrected text of a broken file."""
    old, new = next(fixes[name] for fixes in SECTIONS.values() if name in fixes)
    text = (FOLDER / f"{name}.yaml").read_text()
    assert text.count(old) >= 1, f"{name}: {old!r} is not in the file"
    return text.replace(old, new, 1)


def error_tables() -> str:
    """Return the tables of the page."""
    parts = []
    for section, fixes in SECTIONS.items():
        parts.append(f"\n## {section}\n\n| in the file | `check` prints | write |\n| --- | --- | --- |")
        parts += [f"| {' | '.join(map(cell, row(name)))} |" for name in fixes]
    return "\n".join(parts).lstrip()


def row(name: str) -> tuple[str, str, str]:
    """Return the wrong lines, the output of `check` without the name of the file, and the corrected lines."""
    file = FOLDER / f"{name}.yaml"
    printed = [line.removeprefix(f"{file.name}:") for line in told(file)]
    before, after = file.read_text().splitlines(), fixed(name).splitlines()
    changes = list(difflib.ndiff(before, after))
    wrong = [line[2:] for line in changes if line.startswith("- ")]
    right = [line[2:] for line in changes if line.startswith("+ ")]
    if not wrong:  # a key is missing: show the line of the error message instead
        wrong = [before[int(printed[0].partition(":")[0]) - 1]]
    return code(wrong), "<br>".join(map(plain, printed)), code(right)


def code(lines: list[str]) -> str:
    return "<br>".join(f"`` {shown(line)} ``" for line in lines) or "(nothing)"


def shown(line: str) -> str:
    text = line.replace("\t", "⇥")
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def plain(text: str) -> str:
    """Return a message as code in Markdown, because Markdown shows every character of code."""
    return f"`` {text.strip()} ``"


def names() -> set[str]:
    return {file.stem for file in Path(FOLDER).glob("*.yaml")}
