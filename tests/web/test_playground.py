"""Inputs of the page that exceed their limits: files, time, memory, and size of the response."""

import asyncio
import base64

import pytest
import zstandard

from bridge.errors import BridgeError
from bridge.web import playground
from bridge.web.playground import Playground

HEAD = "topic: t\noutputs: [{data_stream: s}]\n"
CASE = "  - {{name: n{0}, topic: t, payload: {1}, expect: [{{data_stream: s, data: 0}}]}}\n"
SECRET = "the-secret-of-another-file"


@pytest.fixture
def folder(tmp_path):
    mappings = tmp_path / "mappings"
    for each in ("tables", "schemas"):
        (mappings / each).mkdir(parents=True)
    (tmp_path / "secret.yaml").write_text(f"key: {SECRET}\n")
    (tmp_path / "secret.csv").write_text(f"key,value\nkey,{SECRET}\n")
    return mappings


@pytest.fixture
def run(folder):
    """run(job, …): the result of a job of a worker process of its own."""
    loop = asyncio.new_event_loop()
    worker = Playground(folder)
    yield lambda job, **asked: loop.run_until_complete(worker.run(job, asked))
    loop.run_until_complete(worker.end())
    loop.close()


def check(run, text):
    return run("check", file="x.yaml", text=text, shared=False)


def tried(run, expression):
    text = f"{HEAD}transform: |\n  {expression}\n"
    return run("try", mapping=text, name="x", topic="t", payload="{}")


def messages(result):
    return " ".join(each["message"] for each in result["problems"])


def test_table_that_is_a_link_to_elsewhere_is_not_read(run, folder, tmp_path):
    (folder / "tables/out.yaml").symlink_to(tmp_path / "secret.yaml")
    (folder / "tables/rows.csv").symlink_to("../../secret.csv")
    (folder / "tables/in.yaml").symlink_to("real.yaml")
    (folder / "tables/real.yaml").write_text("key: inside\n")
    for table in ("out", "rows"):
        told = tried(run, f"lookup('{table}', 'key')")
        assert SECRET not in str(told)
        assert "outside the folder" in messages(told)
    assert "inside" in str(tried(run, "lookup('in', 'key')")["made"])


def test_tables_folder_that_is_a_link_itself_is_read(run, folder, tmp_path):
    (folder / "tables").rmdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/assets.yaml").write_text("key: shared\n")
    (folder / "tables").symlink_to(tmp_path / "shared")
    assert "shared" in str(tried(run, "lookup('assets', 'key')")["made"])


@pytest.mark.parametrize("name", ["../secret", "../../secret", "/etc/passwd", "tables/../../secret"])
def test_name_that_leads_out_of_the_tables_is_no_table(run, name):
    told = tried(run, f"lookup('{name}', 'key')")
    assert SECRET not in str(told)
    assert "table" in messages(told)


@pytest.mark.parametrize("name", ["../../secret.yaml", "/etc/passwd", "out.avsc"])
def test_schema_that_leads_out_of_the_folder_is_not_read(run, folder, tmp_path, name):
    (folder / "schemas/out.avsc").symlink_to(tmp_path / "secret.yaml")
    told = check(run, f"{HEAD}payload: avro\navro: {{schema: {name}}}\n")
    assert told["problems"]
    assert SECRET not in str(told)


def test_reference_to_a_file_or_a_variable_stays_text(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PAGE_SECRET", SECRET)
    for value in (f"${{file:{tmp_path}/secret.yaml}}", "${PAGE_SECRET}"):
        told = run("try", mapping=f"topic: t\noutputs: [{{data_stream: s, partition_key: '{value}'}}]\n", name="x")
        assert SECRET not in str(told)


def test_time_to_load_tables_does_not_count_for_the_check(run, folder, monkeypatch):
    (folder / "tables/assets.yaml").write_text("key: one\n")
    monkeypatch.setattr(playground, "LOAD_SECS", 0.0)
    with pytest.raises(BridgeError, match="tables and schemas are not loaded"):
        check(run, f"{HEAD}transform: \"lookup('assets', 'key')\"\n")
    monkeypatch.undo()
    assert check(run, HEAD)["problems"] == []


def bomb(levels=9, width=8):
    """Return nested aliases, which stand for width ** levels values."""
    lines = ["a0: &a0 [1]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (bomb(), "aliases"),
        ("x: " + "[" * 100_000, "nested deeper"),
        (f"{HEAD}transform: 'payload{' | [@, @]' * 13}'\n", "times larger"),
        (f"{HEAD}where: '{'(' * 10_000}'\n", "nested"),
    ],
)
def test_text_that_stands_for_more_is_refused_with_a_reason(run, text, why):
    assert why in messages(check(run, text))


def test_check_that_needs_too_much_time_ends_and_the_next_one_works(run, monkeypatch):
    assert check(run, HEAD)["problems"] == []
    monkeypatch.setattr(playground, "PATIENCE_SECS", 0.0)
    with pytest.raises(BridgeError, match="too much time"):
        check(run, HEAD)
    monkeypatch.undo()
    assert check(run, HEAD)["problems"] == []


def test_check_that_needs_too_much_memory_ends_and_the_next_one_works(run, monkeypatch):
    monkeypatch.setattr(playground, "PATIENCE_SECS", 60.0)  # memory is the limit here, also on a busy machine
    zeros = base64.b64encode(zstandard.compress(bytes(250 * 1024 * 1024))).decode()
    text = f"{HEAD}payload: text\ncompression: zstd\nmax_decompressed_bytes: {256 * 1024 * 1024}\ntests:\n"
    text += f"  - {{name: n, topic: t, payload_base64: {zeros}, expect: filtered}}\n"
    with pytest.raises(BridgeError, match="more than 256 MiB of memory"):
        check(run, text)
    assert check(run, HEAD)["problems"] == []


def test_trial_that_needs_too_much_memory_ends_and_the_next_one_works(run, monkeypatch):
    monkeypatch.setattr(playground, "PATIENCE_SECS", 60.0)
    zeros = base64.b64encode(zstandard.compress(bytes(250 * 1024 * 1024))).decode()
    text = f"{HEAD}payload: text\ncompression: zstd\nmax_decompressed_bytes: {256 * 1024 * 1024}\n"
    told = run("try", mapping=text, name="x", topic="t", payload_base64=zeros)
    assert "MemoryError" in str(told["made"]["rejections"])
    assert tried(run, "`1`")["made"]["records"]


def test_response_to_many_failed_tests_is_bounded(run):
    text = f"{HEAD}transform: payload\ntests:\n" + "".join(CASE.format(n, f"{{a: {'x' * 20}}}") for n in range(1_000))
    tests = check(run, text)["tests"]
    assert len(tests) == 1_000
    assert [bool(each["difference"]) for each in tests] == [True] * 50 + [False] * 950
    assert not any(each["passed"] for each in tests)


def test_response_to_many_problems_is_bounded(run):
    text = HEAD + "tests:\n" + "".join(f"  - {{name: n{n}, topic: u, expect: filtered}}\n" for n in range(1_000))
    assert len(check(run, text)["problems"]) == 200


def test_differences_between_long_texts_are_bounded(run):
    old, new = ("\n".join(f"{word} {n}" for n in range(5_000)) for word in ("old", "new"))
    lines = run("diff", old=old, new=new, old_name="a", new_name="b")["differences"].splitlines()
    assert len(lines) == 2_001
    assert "more lines" in lines[-1]


def test_worker_that_ends_is_reported_as_a_lack_of_memory(folder):
    async def ended():
        raise ValueError

    with pytest.raises(BridgeError, match="tables and schemas need too much memory"):
        asyncio.run(Playground(folder)._step(ended(), 60.0, "slow", "tables and schemas"))


def test_jobs_that_run_or_wait_are_limited(folder, monkeypatch):
    monkeypatch.setattr(playground, "MAX_REQUESTS", 3)

    async def scene():
        worker, release = Playground(folder), asyncio.Event()

        async def result(_request):
            await release.wait()
            return {}

        monkeypatch.setattr(worker, "_result", result)
        *running, beyond = [asyncio.create_task(worker.run("try", {})) for _ in range(4)]
        await asyncio.sleep(0)
        release.set()
        assert await asyncio.gather(*running) == [{}] * 3
        with pytest.raises(BridgeError, match="other trials are running"):
            await beyond
        assert await worker.run("try", {}) == {}

    asyncio.run(scene())
