"""What production.py, as `wagtail start` wrote it, leaves to the place where it runs."""

import os
from urllib.parse import urlsplit

from .base import BASE_DIR, INSTALLED_APPS

SECRET_KEY = "only-for-measuring"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [*INSTALLED_APPS, "archive"]
LANGUAGE_CODE, TIME_ZONE = "zh-hant", "Asia/Hong_Kong"
STATIC_ROOT = BASE_DIR / "collected"

# The databases are set as ours are in cma_site/settings.py.
url = urlsplit(os.environ["RIVAL_DATABASE"])
if url.scheme == "sqlite":
    database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": url.path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
else:
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path.removeprefix("/"),
        "USER": url.username,
        "PASSWORD": url.password or "",
        "HOST": url.hostname,
        "PORT": url.port,
    }
DATABASES = {"default": database | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}}

# Without a cache, Django's own default stays: memory, which the templates' fragments don't use.
if redis := os.environ.get("RIVAL_REDIS"):
    CACHES = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": redis,
            "OPTIONS": {"CLIENT_CLASS": "django_redis.client.DefaultClient"},
        }
    }
else:
    CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "template_fragments": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    }
