"""Each shape in a process of its own, as it would really start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

PRODUCTION = {
    "SECRET_KEY": "x" * 50,
    "ALLOWED_HOSTS": "briefings.example.com",
    "SITE_URL": "https://briefings.example.com",
    "DATABASE_URL": "postgres://user:secret@db.example.com/cma",
    "CELERY_BROKER_URL": "redis://queue.example.com/0",
    "EMAIL_URL": "smtp+tls://user:secret@mail.example.com:587",
}
SHOW = (
    "from django.conf import settings as s; import django; django.setup();"
    "print(s.DATABASES['default']['ENGINE'], s.CELERY_BROKER_URL, s.EMAIL_BACKEND, s.DEBUG,"
    "bool(s.MAILBOX_DIR), s.SESSION_COOKIE_SECURE, s.DATABASES['default']['CONN_MAX_AGE'])"
)


def start(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k not in {*PRODUCTION, "DEBUG"}}
    env = inherited | {"VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "cma_site.settings"}
    return subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=settings.BASE_DIR,
        env=env | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_nothing_set_is_the_laptop_shape(tmp_path):
    shown = start(tmp_path).stdout.split()

    assert shown == [
        "django.db.backends.sqlite3",
        "filesystem://",
        "subscribers.mailbox.CapturingBackend",
        "False",
        "True",
        "False",
        "60",
    ]


@pytest.mark.slow
def test_the_environment_makes_the_production_shape(tmp_path):
    shown = start(tmp_path, **PRODUCTION).stdout.split()

    assert shown == [
        "django.db.backends.postgresql",
        "redis://queue.example.com/0",
        "django.core.mail.backends.smtp.EmailBackend",
        "False",
        "False",
        "True",
        "60",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("missing", sorted(set(PRODUCTION) - {"SECRET_KEY"}))
def test_production_names_what_it_lacks(tmp_path, missing):
    result = start(tmp_path, **{k: v for k, v in PRODUCTION.items() if k != missing})

    assert result.returncode != 0
    assert missing in result.stderr


@pytest.mark.slow
def test_a_variable_set_to_nothing_is_not_set(tmp_path):
    blank = start(tmp_path, **dict.fromkeys(PRODUCTION, ""))
    no_key = start(tmp_path, **PRODUCTION | {"SECRET_KEY": ""})

    assert blank.stdout.split()[0] == "django.db.backends.sqlite3"
    assert "SECRET_KEY must be set" in no_key.stderr


@pytest.mark.slow
def test_a_site_open_to_others_must_have_a_key_of_its_own(tmp_path):
    result = start(tmp_path, ALLOWED_HOSTS="briefings.example.com")

    assert result.returncode != 0
    assert "SECRET_KEY must be set" in result.stderr


@pytest.mark.slow
def test_the_laptop_makes_its_key_once_and_keeps_it_to_itself(tmp_path):
    start(tmp_path)
    first = (tmp_path / "secret-key").read_text()
    start(tmp_path)

    assert (tmp_path / "secret-key").read_text() == first
    assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0
