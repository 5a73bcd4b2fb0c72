"""Texts of the page during a failure, and its automatic recovery."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TOKEN, Factory, Plant, log_in, settings
from tests.fakes.kinesis import KinesisStandIn
from tests.harness.bridge_process import BridgeProcess, write_configuration
from tests.harness.certificates import Authority
from tests.harness.mosquitto import Mosquitto
from tests.harness.publisher import Publisher
from tests.harness.workers import Workers

DENIED = "User: arn:aws:iam::000000000000:user/edge is not authorized to perform: kinesis:PutRecords"
ELSEWHERE = "127.0.0.2"
"""Loopback address that does not count as local without a token. No other machine can reach it."""
HEALTHY = "OK: receiving, spooling and delivering"
RED, AMBER = "rgb(179, 38, 30)", "rgb(242, 181, 61)"
GONE = r"net::ERR_|status of 401"
"""Messages of the browser for a server that does not respond, or no longer knows the session."""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory):
    """Plant without a token, so that the page is read-only."""
    folder = tmp_path_factory.mktemp("troubled")
    with Mosquitto() as broker, KinesisStandIn({"telemetry": 1}) as kinesis, Plant(folder, broker, kinesis) as plant:
        yield plant


@pytest.fixture
def watched(tab, troubled):
    """Open the overview page. After the test, remove the faults of the plant."""
    page = tab(without=GONE)
    page.goto(troubled.url)
    yield page
    troubled.kinesis.clear()


def step(page, name):
    flow = page.get_by_role("list", name="Message flow")
    return flow.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name))


def verdict(page):
    return page.locator("#verdict")


@pytest.mark.slow
def test_backlog_is_reported_with_its_age_and_when_it_will_be_removed(watched, troubled):
    expect(verdict(watched)).to_have_text(HEALTHY)
    troubled.kinesis.fault("error")
    expect(step(watched, "Kinesis").get_by_text("1 retrying")).to_be_visible()
    growing = re.compile(r"^oldest \d+ s, (growing by [\d.,]+/s|backlog not shrinking)")
    expect(step(watched, "Spool").get_by_text(growing)).to_be_visible()
    expect(verdict(watched)).to_have_text(
        re.compile(r"^ERROR: Kinesis accepts no records of stream telemetry.*, since .*: InternalFailure"),
        timeout=60_000,
    )
    expect(watched.get_by_role("status").first).to_have_css("background-color", RED)
    expect(watched).to_have_title(re.compile("^ERROR press-shop"))
    expect(step(watched, "Kinesis").get_by_text("1 stalled")).to_be_visible()
    problems = watched.get_by_role("region", name="Active problems")
    expect(problems).to_contain_text(re.compile(r"Safe\s*[\d,]+ records buffered on disk; none lost"))
    expect(problems).to_contain_text(re.compile(r"To do\s*check kinesis.endpoint_url"))
    many = ((f"factory/pdx/press{number % 20:02d}/telemetry", b'{"t": 1}') for number in range(30_000))
    with Publisher(troubled.broker.port, client_id="many") as publisher:
        publisher.publish(many)
    troubled.kinesis.clear()
    troubled.kinesis.fault("slow", secs=1.5)
    troubled.kinesis.fail_records("telemetry", share=0.01)
    watched.reload()  # the page reports a shrinking backlog only after half a minute, but a new page reports it at once
    expect(step(watched, "Spool").get_by_text(re.compile(r"^oldest \d+ (s|min), drained in "))).to_be_visible(
        timeout=60_000
    )
    expect(step(watched, "Kinesis").get_by_text(re.compile(r"^[1-9][\d,]* throttled"))).to_be_visible()
    troubled.kinesis.clear()
    expect(step(watched, "Spool").get_by_text(re.compile("no backlog|buffer empty"))).to_be_visible(timeout=60_000)


@pytest.mark.slow
def test_refusal_by_kinesis_is_shown_with_its_hint(watched, troubled):
    troubled.kinesis.fault("error", code="AccessDeniedException", status=400, message=DENIED)
    expect(step(watched, "Kinesis").get_by_text("1 refused")).to_be_visible()
    expect(watched.get_by_role("region", name="Active problems")).to_contain_text("allow kinesis:PutRecords on")
    expect(verdict(watched)).to_have_text(re.compile("^ERROR: AWS refuses the records of stream telemetry"))
    troubled.kinesis.clear()
    expect(verdict(watched)).to_have_text(HEALTHY, timeout=90_000)


def test_broker_that_is_away_is_reported(watched, troubled):
    expect(step(watched, "Broker").get_by_text("subscribed")).to_be_visible()
    troubled.broker.stop()
    try:
        expect(step(watched, "Broker").get_by_text("not connected")).to_be_visible()
        expect(watched.get_by_role("region", name="Active problems")).to_contain_text("cannot connect to mqtt://")
    finally:
        troubled.broker.start()
    expect(step(watched, "Broker").get_by_text("subscribed")).to_be_visible(timeout=60_000)


def test_selection_without_a_token_is_disabled_with_the_reason(watched, troubled):
    watched.goto(f"{troubled.url}#/dead-letters")
    expect(watched.get_by_text(re.compile("^Read-only: set http.token"))).to_be_visible()
    assert watched.get_by_role("checkbox").count() == 0


def test_page_reports_a_lost_bridge_and_reconnects(watched, tab, troubled):
    tail = tab(without=GONE)
    tail.goto(f"{troubled.url}#/messages")
    expect(tail.get_by_role("article").first).to_be_visible()
    troubled.bridge.kill()
    gone = watched.get_by_role("alert")
    expect(gone).to_have_text("The bridge does not respond.")
    expect(watched.get_by_text(re.compile("^Showing data from .* UTC, "))).to_be_visible()
    expect(verdict(watched)).to_have_text("ERROR: the bridge does not respond")
    assert watched.locator("main").evaluate("(main) => getComputedStyle(main).filter") == "grayscale(1)"
    troubled.bridge.start()
    expect(gone).to_be_hidden(timeout=60_000)
    expect(verdict(watched)).to_have_text(HEALTHY)
    tail.get_by_role("searchbox", name="Topic").fill("press04")
    expect(tail.get_by_role("article", name="factory/pdx/press04/telemetry").first).to_be_visible()


def test_remote_page_uses_https_and_requires_its_token_again(tab, tmp_path, troubled):
    cert_file, key_file = Authority(tmp_path / "authority").server()
    http = {"token": TOKEN, "cert_file": str(cert_file), "key_file": str(key_file)}
    with Mosquitto() as broker:
        write_configuration(tmp_path, **settings(broker, troubled.kinesis, **http, host=ELSEWHERE))
        with BridgeProcess(tmp_path) as bridge, Factory(broker.port):
            url = bridge.wait_for("status page listening")["url"]
            assert url.startswith(f"https://{ELSEWHERE}:")
            page = log_in(tab(ignore_https_errors=True, without=GONE), url, "messages")
            expect(page.get_by_role("article").first).to_be_visible()
            [cookie] = page.context.cookies()
            assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
            bridge.restart()
            expect(page.get_by_label("Token")).to_be_visible(timeout=60_000)


def test_workers_are_shown_with_their_sum_and_dead_letters(tab, tmp_path, troubled):
    with Mosquitto() as broker:
        write_configuration(tmp_path, **settings(broker, troubled.kinesis))
        with Workers(tmp_path, 2) as bridge, Factory(broker.port):
            page = tab(without=GONE)
            page.goto(bridge.wait_for("status page listening")["url"])
            rows = page.get_by_role("region", name="Workers").get_by_role("row")
            expect(rows).to_have_count(3)
            for number in (1, 2):
                expect(rows.nth(number).get_by_text("running")).to_be_visible()
                expect(rows.nth(number).get_by_role("cell").nth(3)).not_to_have_text("0")
            page.get_by_role("navigation").get_by_role("link", name="Dead letters").click()
            workers = page.get_by_label("Worker")
            expect(workers.get_by_role("option")).to_have_text(
                [re.compile(r"^worker 1 \("), re.compile(r"^worker 2 \(")]
            )
            found = 0
            for number in ("1", "2"):
                workers.select_option(number)
                expect(page.locator("tr.of-dead-letter, .empty").first).to_be_visible()
                found += page.locator("tr.of-dead-letter").count()
            assert found > 0


def test_views_without_a_message_or_mapping_show_that(tab, tmp_path, troubled):
    with Mosquitto() as broker:
        write_configuration(tmp_path, **settings(broker, troubled.kinesis))
        with BridgeProcess(tmp_path) as bridge:
            page = tab(without=GONE)
            page.goto(bridge.wait_for("status page listening")["url"])
            expect(page.get_by_text("No messages yet.")).to_be_visible()
            expect(step(page, "Spool").get_by_text("buffer empty")).to_be_visible()
            page.get_by_role("link", name="Messages").click()
            expect(page.get_by_text("Waiting for messages …")).to_be_visible()
            page.get_by_role("navigation").get_by_role("link", name="Dead letters").click()
            expect(page.get_by_text("No dead letters.")).to_be_visible()
            page.get_by_role("link", name="Mappings").click()
            expect(page.get_by_text("no message yet")).to_be_visible()
            (tmp_path / "mappings" / "press.yaml").unlink()
            expect(verdict(page)).to_have_text(re.compile("^WARNING: .*mappings does not load, since"))
            expect(page.get_by_role("status").first).to_have_css("background-color", AMBER)
