import hashlib
import uuid

import pytest

from bridge.mapping.expressions.expression import compile_expression
from tests.mapping.expressions.functions.failing import failure


def search(text, **scope):
    return compile_expression(text).search(scope)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "sha1", "md5"])
def test_digest_is_that_of_the_utf8(algorithm):
    assert search(f"hash(t, '{algorithm}')", t="größe") == hashlib.new(algorithm, "größe".encode()).hexdigest()


def test_objects_hash_does_not_depend_on_the_order_of_its_members():
    assert search("hash(o)", o={"a": 1, "b": [2.5]}) == search("hash(o)", o={"b": [2.5], "a": 1})
    assert search("hash(o)", o={"a": 1}) == hashlib.sha256(b'{"a":1}').hexdigest()


def test_unknown_algorithm_is_an_error():
    assert "algorithm must be one of sha256" in failure("hash(t, 'sha3')", t="x")


def test_uuid5_takes_a_named_namespace_or_a_uuid():
    own = "12345678-1234-5678-1234-567812345678"
    assert search("uuid5('url', t)", t="http://a/") == str(uuid.uuid5(uuid.NAMESPACE_URL, "http://a/"))
    assert search(f"uuid5('{own}', t)", t="x") == str(uuid.uuid5(uuid.UUID(own), "x"))
    assert "namespace must be" in failure("uuid5('mine', t)", t="x")
