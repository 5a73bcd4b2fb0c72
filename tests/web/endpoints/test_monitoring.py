"""Endpoints for monitoring systems: health checks and metrics."""

from dataclasses import replace

import pytest

from bridge.monitoring.flow import Flow
from bridge.monitoring.prometheus import CONTENT_TYPE
from tests.web.conftest import TOKEN

BEARER = {"Authorization": f"Bearer {TOKEN}"}


def test_healthz_of_a_hanging_bridge_is_503_with_the_reason(site, bridge):
    bridge.hanging = ["the ingest thread has made no progress for 31 s"]
    response = site(TOKEN).get("/healthz")
    assert (response.status_code, response.json()["ok"]) == (503, False)


@pytest.mark.parametrize(("headers", "reasons"), [({}, False), (BEARER, True)])
def test_readyz_of_a_failing_bridge_has_reasons_only_for_a_user(site, bridge, headers, reasons):
    bridge.now = replace(bridge.now, connected=False, subscribed=False)
    bridge.flow = Flow(unsubscribed_secs=None)
    response = site(TOKEN).get("/readyz", headers=headers)
    assert response.status_code == 503
    assert ("reasons" in response.json()) == reasons


def test_readyz_of_a_bridge_that_cannot_be_read_is_503(site, bridge):
    def fail():
        raise OSError(5, "Input/output error")

    bridge.snapshot = fail
    assert site().get("/readyz").status_code == 503
    assert site().get("/healthz").status_code == 200


@pytest.mark.parametrize(("headers", "status"), [({}, 401), (BEARER, 200)])
def test_metrics_require_the_token(site, headers, status):
    response = site(TOKEN).get("/metrics", headers=headers)
    assert response.status_code == status
    assert (response.headers["content-type"] == CONTENT_TYPE) == (status == 200)


def test_health_does_not_wait_for_a_free_thread_slot(site, monkeypatch):
    async def never(*_):
        raise AssertionError("a slot was requested")

    monkeypatch.setattr("bridge.web.thread_slots.ThreadSlots.run", never)
    client = site()
    assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 200)
