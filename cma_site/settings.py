"""Settings, all of them, read from the environment.

Nothing set is the laptop shape: SQLite, a queue of files, captured mail, all under `var/`.
`SECRET_KEY` set is production, which then insists on the other parts by name.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

from cma_site.secret_files import read_or_make_secret

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
# A variable set to nothing, as a form left blank would, is not set.
env.ENVIRON = {name: value for name, value in os.environ.items() if value}

# ---------------------------------------------------------------------------------- the shape
# One rule decides: a laptop has no SECRET_KEY of its own. A half-configured server must not
# fall back on captured mail and a local database without a word, hence the two refusals.
PRODUCTION = "SECRET_KEY" in env.ENVIRON
REQUIRED_IN_PRODUCTION = (
    "ALLOWED_HOSTS",
    "CELERY_BROKER_URL",
    "DATABASE_URL",
    "EMAIL_URL",
    "SITE_URL",
)

if PRODUCTION and (missing := [name for name in REQUIRED_IN_PRODUCTION if name not in env.ENVIRON]):
    raise ImproperlyConfigured(
        f"SECRET_KEY is set, so this is production, which also needs: {', '.join(missing)}"
    )
if not PRODUCTION and "ALLOWED_HOSTS" in env.ENVIRON:
    raise ImproperlyConfigured("ALLOWED_HOSTS opens the site to others, so SECRET_KEY must be set")

VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

SECRET_KEY = env.str("SECRET_KEY", default="") or read_or_make_secret(
    VAR_DIR / "secret-key", get_random_secret_key
)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.bool("DEBUG", default=False)

# ------------------------------------------------------------------------------- the addresses
# Mail and PDF are made by workers, who have no request to ask for the site's address.
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
IS_HTTPS = urlsplit(SITE_URL).scheme == "https"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[SITE_URL])

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_SSL_REDIRECT = IS_HTTPS and env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=0)
# Only behind a proxy that sets the header itself; otherwise any client could claim HTTPS.
if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_FAILURE_VIEW = "cma_site.errors.csrf_failure"
X_FRAME_OPTIONS = "SAMEORIGIN"  # the admin shows its own previews in a frame

# ------------------------------------------------------------------------------------ the house
ROOT_URLCONF = "cma_site.urls"
WSGI_APPLICATION = "cma_site.wsgi.application"
INSTALLED_APPS = [
    # Ours come first: their admin templates win over Django's.
    "cma_site",
    "subscribers",
    "briefings",
    "adminsortable2",
    "django_prose_editor",
    "taggit",
    "cma_site.apps.DeskConfig",  # django.contrib.admin with our menu
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.sitemaps",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "briefings.contexts.publication_names",
                "cma_site.context_processors.shape",
            ],
        },
    },
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TAGGIT_CASE_INSENSITIVE = True

# --------------------------------------------------------------------------------- the database
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Deferred transactions fail at once when a second thread writes (509 of 600 writes,
    # measured); immediate ones wait their turn.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# ------------------------------------------------------------------------------------ the queue
# The ledger is the truth; the broker carries wake-ups only, so no results are kept.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "Asia/Hong_Kong"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    # One that no worker has taken by the time of the next has nothing to add to it.
    "send-due": {
        "task": "subscribers.tasks.send_due",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
}
if CELERY_BROKER_URL == "filesystem://":
    QUEUE_DIR = VAR_DIR / "queue"
    for folder in ("messages", "control"):
        (QUEUE_DIR / folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(QUEUE_DIR / "messages"),
        "data_folder_out": str(QUEUE_DIR / "messages"),
        "control_folder": str(QUEUE_DIR / "control"),
        "store_processed": False,
    }

# ------------------------------------------------------------------------------------- the mail
MAILBOX_DIR = None if "EMAIL_URL" in env.ENVIRON else VAR_DIR / "mailbox"
if MAILBOX_DIR:
    EMAIL_BACKEND = "subscribers.mailbox.CapturingBackend"
else:
    globals().update(env.email_url("EMAIL_URL"))
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=20)  # seconds, for each answer of the relay

# How long a claimed delivery may take before the sweeper thinks its worker dead (seconds). A
# send asks the relay six times at most, each within EMAIL_TIMEOUT, so this must exceed 6 of them.
DELIVERY_LEASE = env.int("DELIVERY_LEASE", default=max(150, 7 * EMAIL_TIMEOUT))
# What to do with a delivery of which nobody can know whether it was accepted: "resend" (same
# bytes, same Message-ID) or "hold" for a person to decide.
UNKNOWN_DELIVERIES = env.str("UNKNOWN_DELIVERIES", default="resend")

# ------------------------------------------------------------------------------------ the files
MEDIA_ROOT = VAR_DIR / "media"
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns where it is missing
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --------------------------------------------------------------------------------- the language
LANGUAGE_CODE = "zh-hant"
TIME_ZONE = "Asia/Hong_Kong"
USE_I18N = USE_TZ = True
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["cma_site.formats"]

# ----------------------------------------------------------------------------------- the people
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# -------------------------------------------------------------------------------------- the log
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "fontTools": {"level": "WARNING"},  # tells every table of every font
        "kombu.connection": {"level": "ERROR"},  # misses a host name in filesystem://
        "weasyprint": {"level": "WARNING"},  # tells every page it lays out, thrice
    },
}
