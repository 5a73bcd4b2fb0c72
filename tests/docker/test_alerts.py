"""Each alert fires for its own cause within its time, and for no other cause. promtool evaluates the rules."""

import pytest

from tests.docker.test_observing import ALERTS_FILE, RULES
from tests.harness.prometheus import play

P = "mqtt_kinesis_"
AT = '{job="mqtt-kinesis",instance="edge"}'


def of(**labels):
    return "{" + ",".join(f'{name}="{value}"' for name, value in {**BRIDGE, **labels}.items()) + "}"


BRIDGE = {"job": "mqtt-kinesis", "instance": "edge"}
WELL = {
    f"up{AT}": "1x120",
    f"{P}info{AT}": "1x120",
    f"{P}start_time_seconds{AT}": "1000x120",
    f"{P}healthy{AT}": "1x120",
    f"{P}state{of(state='ok')}": "1x120",
    f"{P}state{of(state='degraded')}": "0x120",
    f"{P}state{of(state='failing')}": "0x120",
    f"{P}stream_stalled_seconds{of(stream='s')}": "0x120",
    f"{P}client_id_conflict{AT}": "0x120",
    f"{P}lost_guarantees{AT}": "0x120",
    f"{P}subscribed{AT}": "1x120",
    f"{P}backpressure{AT}": "0x120",
    f"{P}ledger_balanced{AT}": "1x120",
    f"{P}damaged_spools{AT}": "0x120",
    f"{P}spool_bytes{AT}": "100x120",
    f"{P}spool_max_bytes{AT}": "1000x120",
    f"{P}disk_free_bytes{AT}": "5000x120",
    f"{P}dead_letter_bytes{AT}": "10x120",
    f"{P}dead_letter_max_bytes{AT}": "1000x120",
    f"{P}credentials_expire_timestamp_seconds{AT}": "1000000x120",
    f"{P}rejected_total{of(code='decode')}": "0x120",
    f"{P}records_dead_lettered_total{of(mapping='press', stream='s')}": "7x120",
    f"{P}records_dropped_total{of(mapping='press', stream='s')}": "0x120",
    f"{P}mapping_silent_seconds{of(mapping='press')}": "0x120",
    f"{P}mapping_problem{of(mapping='press')}": "0x120",
    f"{P}stream_state{of(stream='s', state='ok')}": "1x120",
    f"{P}stream_state{of(stream='s', state='retrying')}": "0x120",
    f"{P}stream_state{of(stream='s', state='refused')}": "0x120",
    f"{P}stream_bad_seconds{of(stream='s')}": "0x120",
    f"{P}stream_oldest_seconds{of(stream='s')}": "1x120",
    f"{P}stream_hot_key{of(stream='s')}": "0x120",
    f"{P}receive_to_delivered_seconds_bucket{of(le='60.0')}": "0+100x120",
    f"{P}receive_to_delivered_seconds_bucket{of(le='600.0')}": "0+100x120",
    f"{P}receive_to_delivered_seconds_bucket{of(le='+Inf')}": "0+100x120",
    f"{P}worker_up{of(worker='worker 2')}": "1x120",
    f"{P}worker_restarts_total{of(worker='worker 2')}": "0x120",
}
"""Values of a healthy bridge for each minute of two hours. In each test, one value becomes wrong at minute ten."""
TROUBLES = {
    "MqttKinesisDown": ({f"up{AT}": "1x9 0x111"}, 13),
    "MqttKinesisStalled": ({f"{P}healthy{AT}": "1x9 0x111"}, 12),
    "MqttKinesisFailing": ({f"{P}state{of(state='failing')}": "0x9 1x111"}, 16),
    "MqttKinesisRestarts": ({f"{P}start_time_seconds{AT}": "1000x9 1600 1700 1800 1900x108"}, 14),
    "MqttKinesisClientIdConflict": ({f"{P}client_id_conflict{AT}": "0x9 1x111"}, 12),
    "MqttKinesisGuaranteeLost": ({f"{P}lost_guarantees{AT}": "0x9 1x111"}, 12),
    "MqttKinesisNotSubscribed": ({f"{P}subscribed{AT}": "1x9 0x111"}, 16),
    "MqttKinesisBackpressure": ({f"{P}backpressure{AT}": "0x9 1x111"}, 12),
    "MqttKinesisStreamRefused": ({f"{P}stream_state{of(stream='s', state='refused')}": "0x9 1x111"}, 16),
    "MqttKinesisStreamStalled": ({f"{P}stream_stalled_seconds{of(stream='s')}": "0x9 0+60x111"}, 14),
    "MqttKinesisStreamUnavailable": (
        {
            f"{P}stream_state{of(stream='s', state='retrying')}": "0x9 1x111",
            f"{P}stream_bad_seconds{of(stream='s')}": "0x9 0+60x111",
        },
        28,
    ),
    "MqttKinesisHotKey": ({f"{P}stream_hot_key{of(stream='s')}": "0x9 1x111"}, 26),
    "MqttKinesisSlow": (
        {f"{P}receive_to_delivered_seconds_bucket{of(le='60.0')}": "0+100x9 1000x111"},
        31,
    ),
    "MqttKinesisBacklogOld": ({f"{P}stream_oldest_seconds{of(stream='s')}": "1x9 1000x111"}, 16),
    "MqttKinesisSpoolFillsUp": ({f"{P}spool_bytes{AT}": "100x9 900x111"}, 21),
    "MqttKinesisDeadLetters": ({f"{P}rejected_total{of(code='decode')}": "0x9 1x111"}, 11),
    "MqttKinesisDeadLettersFillUp": ({f"{P}dead_letter_bytes{AT}": "10x9 900x111"}, 21),
    "MqttKinesisRecordsDropped": ({f"{P}records_dropped_total{of(mapping='press', stream='s')}": "0x9 5x111"}, 11),
    "MqttKinesisMappingSilent": ({f"{P}mapping_silent_seconds{of(mapping='press')}": "0x9 60+60x111"}, 26),
    "MqttKinesisMappingProblem": ({f"{P}mapping_problem{of(mapping='press')}": "0x9 1x111"}, 16),
    "MqttKinesisSpoolDamaged": ({f"{P}damaged_spools{AT}": "0x9 1x111"}, 11),
    "MqttKinesisLedgerNotBalanced": ({f"{P}ledger_balanced{AT}": "1x9 0x111"}, 11),
    "MqttKinesisCredentialsEnd": ({f"{P}credentials_expire_timestamp_seconds{AT}": "1000000x9 1500x111"}, 20),
    "MqttKinesisWorkerDown": ({f"{P}worker_up{of(worker='worker 2')}": "1x9 0x111"}, 13),
    "MqttKinesisWorkerRestarts": ({f"{P}worker_restarts_total{of(worker='worker 2')}": "0x9 1+1x10 11x100"}, 16),
}
"""The wrong series of each alert, and the minute at which the alert must fire at the latest."""


def case(series, firing, minute):
    """Return a test case for promtool: at this minute, exactly these alerts fire."""
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(firing)]
    query = 'count by (alertname) (ALERTS{alertstate="firing"})'
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": query, "eval_time": f"{minute}m", "exp_samples": expected}],
    }


def test_alert_has_a_scenario_for_each_rule():
    assert list(TROUBLES) == [rule["alert"] for rule in RULES]


def test_alerts_do_not_fire_while_everything_is_ok(tmp_path):
    assert play(tmp_path, ALERTS_FILE, [case(WELL, [], minute) for minute in (5, 30, 110)]) == ""


@pytest.mark.parametrize("name", TROUBLES)
def test_alert_fires_on_its_trouble_alone_and_not_before(tmp_path, name):
    series, minute = TROUBLES[name]
    assert series.keys() <= WELL.keys()
    troubled = {**WELL, **series}
    assert play(tmp_path, ALERTS_FILE, [case(troubled, [], 9), case(troubled, [name], minute)]) == ""


def test_bridge_that_was_never_there_is_down(tmp_path):
    assert play(tmp_path, ALERTS_FILE, [case({}, ["MqttKinesisDown"], 3)]) == ""


def test_mapping_that_rejects_is_named_and_counted_once(tmp_path):
    troubled = {
        **WELL,
        f"{P}records_dead_lettered_total{of(mapping='press', stream='s')}": "7x9 9x111",
        f"{P}rejected_total{of(code='decode')}": "0x9 2x111",
    }
    [rule] = [rule for rule in RULES if rule["alert"] == "MqttKinesisDeadLetters"]
    alert = {
        "exp_labels": {**BRIDGE, "severity": "warning", "mapping": "press", "stream": "s"},
        "exp_annotations": {**rule["annotations"], "summary": "press rejects messages"},
    }
    played = case(troubled, ["MqttKinesisDeadLetters"], 11)
    played["alert_rule_test"] = [{"eval_time": "11m", "alertname": "MqttKinesisDeadLetters", "exp_alerts": [alert]}]
    assert play(tmp_path, ALERTS_FILE, [played]) == ""
