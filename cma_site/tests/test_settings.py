"""Each shape in a process of its own, as it would really start."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from cma_site.secret_files import take_from_files

PRODUCTION = {
    "SECRET_KEY": "x" * 50,
    "ALLOWED_HOSTS": "briefings.example.com",
    "SITE_URL": "https://briefings.example.com",
    "DATABASE_URL": "postgres://user:secret@db.example.com/cma",
    "CELERY_BROKER_URL": "redis://queue.example.com/0",
    "EMAIL_URL": "smtp+tls://user:secret@mail.example.com:587",
}
LOAD = "from django.conf import settings as s; import django; django.setup();"
SHOW = (
    "print(s.DATABASES['default']['ENGINE'], s.CELERY_BROKER_URL, s.EMAIL_BACKEND, s.DEBUG,"
    "bool(s.MAILBOX_DIR), s.SESSION_COOKIE_SECURE, s.DATABASES['default']['CONN_MAX_AGE'])"
)


def run(tmp_path: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k not in {*PRODUCTION, "DEBUG"}}
    env = inherited | {"VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "cma_site.settings"}
    return subprocess.run(
        [sys.executable, *words],
        cwd=settings.BASE_DIR,
        env=env | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def start(
    tmp_path: Path, *, show: str = SHOW, **variables: str
) -> subprocess.CompletedProcess[str]:
    return run(tmp_path, "-c", LOAD + show, **variables)


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
def test_no_page_waits_long_for_a_cache_that_is_away(tmp_path):
    show = "print(s.CACHES['default']['OPTIONS'])"

    shown = run(tmp_path, "-c", LOAD + show, CACHE_URL="redis://cache.example.com/1")

    assert shown.stdout.strip() == "{'socket_connect_timeout': 1, 'socket_timeout': 1}"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_no_page_waits_long_for_a_broker_that_says_nothing(tmp_path, scheme):
    """AMQP has a limit of its own."""
    show = "print(s.CELERY_BROKER_TRANSPORT_OPTIONS, s.CELERY_TASK_PUBLISH_RETRY_POLICY)"

    shown = run(tmp_path, "-c", LOAD + show, CELERY_BROKER_URL=f"{scheme}://queue.example.com/0")

    waits = "{'socket_connect_timeout': 5, 'socket_timeout': 5}"
    assert shown.stdout.strip() == f"{waits} {{'max_retries': 0}}"


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


@pytest.mark.slow
def test_secrets_may_stand_in_files(tmp_path):
    files = {}
    for name in ("SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL", "EMAIL_URL"):
        (tmp_path / name).write_text(f"{PRODUCTION[name]}\n")
        files[f"{name}_FILE"] = str(tmp_path / name)

    shown = start(
        tmp_path, ALLOWED_HOSTS="x.example.com", SITE_URL="https://x.example.com", **files
    )

    assert shown.stdout.split()[:3] == [
        "django.db.backends.postgresql",
        "redis://queue.example.com/0",
        "django.core.mail.backends.smtp.EmailBackend",
    ]


@pytest.mark.slow
def test_a_key_in_a_file_makes_it_production(tmp_path):
    (tmp_path / "key").write_text(PRODUCTION["SECRET_KEY"])

    result = start(tmp_path, SECRET_KEY_FILE=str(tmp_path / "key"))

    assert result.returncode != 0
    assert "this is production, which also needs: ALLOWED_HOSTS" in result.stderr


@pytest.mark.slow
def test_a_key_that_begins_with_a_dollar_is_that_key(tmp_path):
    key = r"$HOME\$" + "x" * 50

    shown = start(tmp_path, show="print(s.SECRET_KEY)", **PRODUCTION | {"SECRET_KEY": key})

    assert shown.stdout.strip() == key


def test_a_secret_is_its_file_without_the_space_around_it(tmp_path):
    (tmp_path / "token").write_text("token with space \n")

    taken = take_from_files({"TOKEN_FILE": str(tmp_path / "token"), "HOME": "/"}, ["TOKEN"])

    assert taken == {"TOKEN": "token with space", "HOME": "/"}


def test_a_name_that_is_no_secret_is_no_file(tmp_path):
    assert take_from_files({"HOME_FILE": "/nowhere"}, ["TOKEN"]) == {"HOME_FILE": "/nowhere"}


def test_a_secret_set_twice_is_refused_by_name(tmp_path):
    (tmp_path / "token").write_text("one")

    with pytest.raises(ImproperlyConfigured, match="TOKEN and TOKEN_FILE are both set"):
        take_from_files({"TOKEN": "two", "TOKEN_FILE": str(tmp_path / "token")}, ["TOKEN"])


@pytest.mark.parametrize("content", [None, b"", b" \n", b"secret\xff"])
def test_a_file_without_a_secret_is_refused_by_name_and_not_quoted(tmp_path, content):
    if content is not None:
        (tmp_path / "token").write_bytes(content)

    with pytest.raises(
        ImproperlyConfigured, match=r"TOKEN_FILE: .*/token (is empty|can't be read)"
    ) as refused:
        take_from_files({"TOKEN_FILE": str(tmp_path / "token")}, ["TOKEN"])

    assert "secret" not in str(refused.value).replace(str(tmp_path), "")
    assert refused.value.__cause__ is None


def test_whatever_holds_a_password_or_a_key_may_stand_in_a_file():
    source = (settings.BASE_DIR / "cma_site" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))

    secret = {name for name in read if re.search("SECRET|TOKEN|KEY|DSN|PASSWORD|_URL$", name)}

    assert secret - {"SITE_URL"} == set(settings.SECRETS)


@pytest.mark.slow
def test_django_has_nothing_to_say_against_the_production_shape(tmp_path):
    """With what the manual says to set once HTTPS works."""
    https = {
        "SECURE_HSTS_SECONDS": "31536000",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": "1",
        "SECURE_HSTS_PRELOAD": "1",
        "BEHIND_TLS_PROXY": "1",
    }
    key = {"SECRET_KEY": "".join(map(chr, range(33, 127)))}

    result = run(
        tmp_path,
        *("manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        **PRODUCTION | https | key,
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert "no issues" in result.stdout
