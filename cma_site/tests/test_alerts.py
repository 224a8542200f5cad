"""The alarms: each can ring, and somebody has written down what to do then."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

from cma_site.watching.happenings import BACKUP, FAILED_TASK, TICK, note_happening, note_printing
from cma_site.watching.site_metrics import ANSWERS

ROOT = Path(settings.BASE_DIR)
RULES = ROOT / "deploy" / "alerts.yml"
TOKEN = "a-long-and-random-token"


def list_alarms() -> list[dict]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_each_alarm_has_its_section_in_the_manual_and_each_section_its_alarm():
    manual = (ROOT / "docs" / "operations.md").read_text()
    part = manual.split("## When an alarm rings\n")[1].split("\n## ")[0]

    assert re.findall(r"^### (\w+)$", part, re.MULTILINE) == [one["alert"] for one in list_alarms()]


def test_each_alarm_is_tried_with_figures():
    tried = yaml.safe_load((ROOT / "deploy" / "alerts.test.yml").read_text())["tests"]

    names = [one["alert"] for one in list_alarms()]
    for test in tried:
        assert [one["alertname"] for one in test["alert_rule_test"]] == names


@pytest.mark.django_db
def test_whatever_an_alarm_asks_is_told(client, settings):
    settings.METRICS_TOKEN = TOKEN
    ANSWERS.forget()
    for kind in (BACKUP, FAILED_TASK, TICK):
        note_happening(kind)
    note_printing("edition", 3)
    for path in ("/search/?q=稅", "/readyz"):
        client.get(path)

    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})

    ANSWERS.forget()
    samples = [
        sample
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    ]
    names = {sample.name for sample in samples} | {"up"}  # Prometheus's own
    labels = {pair for sample in samples for pair in sample.labels.items()}
    for alarm in list_alarms():
        asked = set(re.findall(r"\b(?:site_\w+|up)\b", alarm["expr"]))
        assert asked
        assert asked <= names, alarm["alert"]
        named = re.findall(r'(\w+)!?=~?"([^"]*)"', alarm["expr"])
        for label, value in named:
            if (label, value) in (("job", "briefings"), ("status", "5..")):
                continue
            assert {(label, one) for one in value.split("|")} <= labels, alarm["alert"]


@pytest.mark.parametrize(
    "words", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")]
)
def test_prometheus_reads_the_rules(words):
    promtool = shutil.which("promtool")
    if promtool is None:
        # A server's package for one program; the other tests here read the same files without it.
        pytest.skip("promtool (Debian's package prometheus) is not installed")

    said = subprocess.run(
        [promtool, *words], cwd=RULES.parent, capture_output=True, text=True, check=False
    )

    assert said.returncode == 0, said.stdout + said.stderr
