from bridge.monitoring.problem_text import details, headline, since, verdict
from tests.web.bridges import problem

AT = 1_700_000_000.0
STALLED = problem(since=AT - 252, attempts=12, buffered_records=104_085, buffer_hours=31.5)


def test_verdict_of_a_healthy_bridge_is_ok():
    assert verdict(()) == "OK: receiving, spooling and delivering"


def test_verdict_names_the_worst_problem_and_counts_the_others():
    others = [problem("hot-key", severity="warning"), problem("spool-damaged", severity="warning")]
    assert verdict([STALLED, *others]) == (
        "ERROR: Kinesis accepts no records of stream telemetry, since 2023-11-14 22:09:08 UTC: "
        "Network: connection refused (and 2 more problems)"
    )
    assert verdict(others[1:]).startswith("WARNING: ")
    assert verdict(others).endswith("(and 1 more problem)")


def test_headline_names_the_worker_and_only_the_first_line_of_a_cause():
    line = headline(problem(worker="worker 2", cause="a.yaml:1:2: wrong\nb", severity="warning", since=AT))
    assert line == (
        "WARNING: worker 2: Kinesis accepts no records of stream telemetry, since 2023-11-14 22:13:20 UTC: "
        "a.yaml:1:2: wrong …"
    )


def test_details_have_times_attempts_safety_buffer_and_advice():
    assert dict(details(STALLED, AT)) == {
        "since": "2023-11-14 22:09:08 UTC, for 4.2 min; 12 failed attempts in a row",
        "cause": "Network: connection refused",
        "safe": "104,085 records buffered on disk; none lost",
        "buffer": "room for 1.3 d at the present rate",
        "to do": "check the network",
    }


def test_details_omit_unknown_facts():
    texts = dict(details(problem(since=AT, cause="", safe="", stage="running", advice=""), AT))
    assert texts == {"since": "2023-11-14 22:13:20 UTC, for 0 s"}


def test_since_is_utc_with_the_date():
    assert since(AT) == "2023-11-14 22:13:20 UTC"
