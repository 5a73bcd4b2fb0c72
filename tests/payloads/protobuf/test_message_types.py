import pytest
from google.protobuf import descriptor_pb2

from bridge.payloads.protobuf.message_types import MessageTypes
from bridge.payloads.schema_files import SchemaError
from tests.payloads.protobuf.test_proto_file import COMPILED


def test_descriptor_set_names_all_its_messages():
    assert set(MessageTypes("protoc.desc", COMPILED).names) >= {"plant.Reading", "legacy.Order", "plant.common.Site"}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a.proto": 'import "b.proto";'}, "no file 'b.proto' in schemas/"),
        ({"a.proto": 'import "a.proto";'}, "schemas/a.proto: imports itself, or too many others: a.proto -> a.proto"),
        ({"a.proto": 'import "b.proto";', "b.proto": "x"}, "schemas/b.proto: line 1: 'x' is unexpected here"),
        ({"a.proto": "message A { B b = 1; }"}, "schemas/a.proto: couldn't resolve name 'B'"),
        ({"a.proto": "message A { int32 b = 1; int32 c = 1; }"}, "duplicate field number"),
        ({"a.proto": "message A {} message A {}"}, "schemas/a.proto: "),
        ({"a.proto": "message B {}"}, "no message 'A'; there are B"),
        ({"a.proto": "package p; message A {}"}, "no message 'A'; did you mean 'p.A'?"),
        ({"a.proto": ""}, "no message 'A'; there are "),
        ({"b.proto": ""}, "no file 'a.proto' in schemas/, beside the mappings; did you mean 'b.proto'?"),
    ],
)
def test_files_that_do_not_fit_are_reported(files, reason):
    with pytest.raises(SchemaError) as error:
        MessageTypes("a.proto", {name: text.encode() for name, text in files.items()}).find("A")
    assert reason in str(error.value)


def test_chain_of_imports_is_limited():
    files = {f"{n}.proto": f'import "{n + 1}.proto";'.encode() for n in range(2_000)}
    with pytest.raises(SchemaError, match="too many others"):
        MessageTypes("0.proto", files)


@pytest.mark.parametrize("content", [b"", b"abc", b"\x0a\x02\x0a", b"\x0a\x03\x0a\x01\x80"])
def test_file_that_is_no_descriptor_set_is_reported(content):
    with pytest.raises(SchemaError, match="descriptor set"):
        MessageTypes("a.desc", {"a.desc": content})


def test_descriptor_set_without_imports_is_reported():
    compiled = COMPILED["protoc.desc"]
    # The file plant/common.proto is the first one of the set.
    size = 2 + compiled[1]
    assert b"plant/common.proto" in compiled[:size]
    with pytest.raises(SchemaError, match="is missing; create the descriptor set with --include_imports"):
        MessageTypes("a.desc", {"a.desc": compiled[size:]})


def test_descriptor_set_that_lacks_a_required_field_is_reported():
    files = descriptor_pb2.FileDescriptorSet()
    files.file.add(name="a.proto").options.uninterpreted_option.add().name.add()
    with pytest.raises(SchemaError, match=r"schemas/a\.desc: not a descriptor set"):
        MessageTypes("a.desc", {"a.desc": files.SerializePartialToString()})


def descriptor_set(**imports):
    files = descriptor_pb2.FileDescriptorSet()
    for name, others in imports.items():
        made = files.file.add(name=f"{name}.proto", dependency=[f"{other}.proto" for other in others])
        made.message_type.add(name=name.upper())
    return {"x.desc": files.SerializeToString()}


def test_files_of_a_descriptor_set_may_be_in_any_order():
    types = MessageTypes("x.desc", descriptor_set(a=["b", "c"], b=["d"], c=["d"], d=[]))
    assert sorted(types.names) == ["A", "B", "C", "D"]
    assert types.names.index("D") < types.names.index("B") < types.names.index("A")


def test_long_chain_of_imports_in_a_descriptor_set_is_read():
    chain = {f"f{number}": [f"f{number + 1}"] for number in range(2_000)}
    assert len(MessageTypes("x.desc", descriptor_set(**chain, f2000=[])).names) == 2_001


def test_descriptor_set_whose_files_import_each_other_is_reported():
    with pytest.raises(SchemaError, match=r"schemas/x\.desc: "):
        MessageTypes("x.desc", descriptor_set(a=["b"], b=["a"]))


def test_file_that_two_files_import_is_added_once():
    files = {
        "a.proto": b'import "b.proto"; import "c.proto"; message A { D d = 1; }',
        "b.proto": b'import "d.proto";',
        "c.proto": b'import public "d.proto"; import "google/protobuf/api.proto";',
        "d.proto": b'import "google/protobuf/api.proto"; message D {}',
    }
    assert MessageTypes("a.proto", files).names == ("D", "A")


def test_versions_of_a_type_in_two_mappings_do_not_conflict():
    versions = [
        MessageTypes("a.proto", {"a.proto": b"message A { optional %b a = 1; }" % kind})
        for kind in (b"int32", b"string")
    ]
    assert [types.find("A").fields_by_name["a"].type for types in versions] == [5, 9]


def test_own_copy_of_a_google_file_is_used():
    name = "google/protobuf/any.proto"
    files = {
        "a.proto": f'import "{name}"; message A {{}}'.encode(),
        name: b"package google.protobuf; message Any { optional int32 own = 1; }",
    }
    assert MessageTypes("a.proto", files).find("google.protobuf.Any").fields_by_name.keys() == ["own"]
