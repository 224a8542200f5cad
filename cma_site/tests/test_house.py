"""The arrows of the house: cma_site → subscribers → briefings, and never back."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
MAY_NOT_KNOW = [
    ("briefings", "subscribers"),
    ("briefings", "cma_site"),
    ("subscribers", "cma_site"),
]
TEMPLATE_LINK = re.compile(r"""\{%\s*(?:url|extends|include)\s+['"](\w+)[:/]""")


def imported_names(path: Path) -> set[str]:
    """Top-level packages imported anywhere in the file, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize(("room", "stranger"), MAY_NOT_KNOW)
def test_no_module_imports_against_the_arrows(room, stranger):
    offenders = [p for p in (ROOT / room).rglob("*.py") if stranger in imported_names(p)]

    assert offenders == []


@pytest.mark.parametrize(("room", "stranger"), MAY_NOT_KNOW)
def test_no_relation_points_against_the_arrows(room, stranger):
    relations = {
        (model.__name__, field.name)
        for model in apps.get_app_config(room).get_models()
        for field in model._meta.get_fields(include_hidden=True)
        if field.is_relation and not field.auto_created
        if field.related_model and field.related_model._meta.app_label == stranger
    }

    assert relations == set()


@pytest.mark.parametrize(("room", "stranger"), MAY_NOT_KNOW)
def test_no_template_links_against_the_arrows(room, stranger):
    offenders = [
        template
        for template in (ROOT / "templates" / room).rglob("*")
        if template.is_file()
        and stranger in TEMPLATE_LINK.findall(template.read_text(encoding="utf-8"))
    ]

    assert offenders == []


WALK = """
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
from briefings.tests.makers import make_published
edition = make_published({"headline": "甲", "themes": ["新質生產力"]})
client = Client(headers={"host": "localhost"})
asking = ("/search/?q=正文", "/phrases/?q=正文")
for path in ("/", edition.get_absolute_url(), "/entries/甲/", *asking, "/feeds/atom/"):
    print(client.get(path).status_code)
"""


@pytest.mark.slow
def test_without_subscribers_the_archive_still_serves_its_pages(tmp_path):
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "cma_site.tests.archive_alone",
        "VAR_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
    }

    result = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", WALK],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.stdout.split() == ["200"] * 6, result.stderr
