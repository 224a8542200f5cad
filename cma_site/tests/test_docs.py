"""What can drift is held here: settings in the manual, commands in the README."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from briefings.pdf import INSTALL_COMMAND

# Python comes before this program, and these are for tests.
NOT_FOR_RUNNING = {
    "python3",
    "python3-venv",
    "postgresql",
    "redis-server",
    "chromium",
    "libharfbuzz-subset0",
    "wrk",
    "iproute2",
    "rabbitmq-server",
}
ROOT = Path(settings.BASE_DIR)


def test_the_manual_has_a_row_for_each_setting_and_no_other():
    source = (ROOT / "cma_site" / "settings.py").read_text()
    manual = (ROOT / "docs" / "operations.md").read_text()

    read = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source)
    rows = re.search(r"\n\| variable \|.*?\n\n", manual, re.DOTALL)[0].splitlines()[3:-1]
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]

    assert sorted(told) == sorted(set(read))


def test_every_command_of_the_readme_exists():
    readme = (ROOT / "README.md").read_text()

    scripts = set(re.findall(r"\bscript/[\w-]+", readme))
    commands = set(re.findall(r"manage\.py (\w+)", readme))

    assert [name for name in scripts if not (ROOT / name).exists()] == []
    assert [
        name for name in commands if not list(ROOT.glob(f"*/management/commands/{name}.py"))
    ] == []


@pytest.mark.parametrize(
    "page",
    ["README.md", "docs/architecture.md", "docs/operations.md", "docs/editors-guide.zh.md"],
)
def test_every_link_and_picture_leads_to_a_file(page):
    source = ROOT / page

    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", source.read_text())

    assert [link for link in links if not (source.parent / link).exists()] == []


def test_the_system_packages_are_the_same_wherever_they_are_named():
    script = (ROOT / "script" / "lib.sh").read_text()
    manual = (ROOT / "docs" / "operations.md").read_text()
    paragraph = re.search(r"System packages.*?: `([^`]+)`", manual, re.DOTALL)[1]

    needed = set(re.findall(r"printf ' ([\w.-]+)'", script)) - NOT_FOR_RUNNING

    assert set(paragraph.split()) == needed
    assert set(INSTALL_COMMAND.split()[3:]) <= needed
