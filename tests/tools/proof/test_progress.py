import gzip

import pytest

from bridge.errors import BridgeError
from bridge.tools.proof.progress import Progress
from bridge.tools.proof.verifier import Verifier
from tests.tools.proof.manifests import manifest, record


def progress(file, verifier=None, stream="archive"):
    return Progress(file, stream, "manifests", verifier or Verifier())


def test_proof_that_was_saved_continues_with_all_it_had(tmp_path):
    spans = {"except": [{"first": 3, "last": 4, "reason": "dropped"}]}
    first, second = Verifier(), Verifier()
    saved = progress(tmp_path / "proof", first)
    first.add_manifest(manifest(1, 10, **spans))
    for number in (1, 2, 5, 6, 6, 11):
        first.add_record(record(number))
    saved.positions["archive shard-0"] = "17"
    saved.save()
    continued = progress(tmp_path / "proof", second)
    assert continued.positions == {"archive shard-0": "17"}
    assert list(second.verdicts()) == list(first.verdicts())
    for each in (first, second):
        each.add_manifest(manifest(11, 12))
        for number in (7, 8, 9, 10, 12):
            each.add_record(record(number))
    (verdict,) = second.verdicts()
    assert (verdict.complete, verdict.repeated, verdict.unchecked) == (True, 1, 0)
    assert [verdict] == list(first.verdicts())


def test_progress_without_a_file_writes_nothing(tmp_path):
    progress(None).save()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        *(gzip.compress(each, mtime=0) for each in (b"{}", b"[1]")),
        gzip.compress(b'{"proof":1}', mtime=0)[:-3],
    ],
    ids=["empty", "text", "object", "list", "cut"],
)
def test_file_that_is_no_progress_is_an_error(tmp_path, content):
    file = tmp_path / "proof"
    file.write_bytes(content)
    with pytest.raises(BridgeError, match="not the progress of a proof"):
        progress(file)


def test_progress_of_another_stream_is_an_error(tmp_path):
    progress(tmp_path / "proof").save()
    with pytest.raises(BridgeError, match=r"of another proof \(stream archive, manifests manifests\)"):
        progress(tmp_path / "proof", stream="other")


def test_file_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BridgeError, match="cannot be written"):
        progress(tmp_path / "file" / "proof").save()
