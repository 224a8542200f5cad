"""Settings, all of them, read from the environment.

Nothing set is the laptop shape: SQLite, a queue of files, captured mail, all under `var/`.
`SECRET_KEY` set is production, which then insists on the other parts by name.
"""

import os
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import environ
from celery.schedules import crontab
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from django_prose_editor.config import html_tags
from js_asset import static_lazy
from kombu import Queue

from cma_site.secret_files import read_or_make_secret, take_from_files
from cma_site.watching.log_lines import FORMATS

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
# What is better kept in a file than in a process's environment: NAME_FILE names it.
SECRETS = (
    "ANYMAIL_WEBHOOK_SECRET",
    "BOUNCE_IMAP_URL",
    "CACHE_URL",
    "CELERY_BROKER_URL",
    "DATABASE_URL",
    "EMAIL_URL",
    "MAILGUN_WEBHOOK_SIGNING_KEY",
    "MEDIA_STORAGE_URL",
    "METRICS_TOKEN",
    "OIDC_CLIENT_SECRET",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY",
    "SENTRY_DSN",
)
# A variable set to nothing, as a form left blank would, is not set.
given = take_from_files({name: value for name, value in os.environ.items() if value}, SECRETS)
# A key may begin with "$", which django-environ would take for another variable's name.
env.ENVIRON = {name: value.replace("$", r"\$") for name, value in given.items()}
env.escape_proxy = True

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
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=False)
# Only behind a proxy that sets the headers itself; otherwise any client could claim HTTPS, or
# another's address.
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", default=False)
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=1)  # how many stand one behind the other
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# From where the desk may be asked for; none is from everywhere.
try:
    ADMIN_NETWORKS = [ip_network(one.strip()) for one in env.list("ADMIN_NETWORKS", default=[])]
except ValueError as error:
    raise ImproperlyConfigured(f"ADMIN_NETWORKS: {error}") from error
CSRF_FAILURE_VIEW = "cma_site.errors.csrf_failure"

# ------------------------------------------------------------------------- what a page may load
# Nothing from elsewhere, and no script that isn't a file of ours. The nonce is for the one inline
# script there is, the text editor's import map: see cma_site/page_policy.py.
X_FRAME_OPTIONS = "SAMEORIGIN"  # the admin shows its own previews in a frame
SILENCED_SYSTEM_CHECKS = ["security.W019"]  # which would have DENY
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "frame-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
    }
}

# --------------------------------------------------------------------------- what programs may ask
API_RATE = env.int("API_RATE", default=120)  # requests a minute, for each client
# The same of searches, phrases' histories and whatever else costs more than a page; 0 is no limit.
SEARCH_RATE = env.int("SEARCH_RATE", default=120)
# Any site's page may read the API, and nothing else here.
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_ALL_ORIGINS = True
CORS_ALLOW_METHODS = ["GET", "HEAD", "OPTIONS"]
CORS_ALLOW_HEADERS = ["accept", "if-none-match"]
CORS_EXPOSE_HEADERS = ["ETag", "Last-Modified", "Retry-After"]

# ------------------------------------------------------------------------------ what may be sent
# By anybody, files included (cma_site/body_limits.py); an entry's form takes some 15,000 bytes.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 100  # beyond 50 old editions at once the form says so itself

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
    "reversion",
    "cma_site.apps.DeskConfig",  # django.contrib.admin with our menu
    "django.contrib.auth",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "cma_site.apps.LoginsConfig",  # axes under a Chinese name
    "csp",
    "corsheaders",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.sitemaps",
]
MIDDLEWARE = [
    "cma_site.watching.tracing.trace_request",
    "cma_site.watching.request_metrics.CountRequests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "briefings.kept_pages.KeptPagesMiddleware",
    "cma_site.compression.TextCompressionMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "cma_site.page_policy.PagePolicyMiddleware",
    "cma_site.sessions.forget_forged_keys",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "briefings.languages.PageLanguageMiddleware",
    "cma_site.desk_networks.DeskNetworksMiddleware",
    "django.middleware.common.CommonMiddleware",
    "cma_site.body_limits.BodyLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "cma_site.sessions.end_old_sessions",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
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
                "briefings.languages.page_languages",
                "cma_site.context_processors.shape",
            ],
            "builtins": ["django.templatetags.i18n"],
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
# Of SQLite too: opening one and reading the schema anew is a fifth of what a page costs.
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# ------------------------------------------------------------------------------------ the cache
# Counts of how often a client asks, kept for a minute or two. Each process counts by itself
# unless they share a cache: CACHE_URL=redis://…
CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://")}
if CACHES["default"]["BACKEND"].endswith(".RedisCache"):
    # Seconds, or pages would wait for minutes where no way leads to it.
    patience = {"socket_connect_timeout": 1, "socket_timeout": 1}
    CACHES["default"]["OPTIONS"] = patience | CACHES["default"].get("OPTIONS", {})

# ------------------------------------------------------------------------------------ the queue
# The ledger is the truth; the broker carries wake-ups only, so no results are kept.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "Asia/Hong_Kong"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# What may take minutes waits by itself, so that a worker for the rest (`-Q celery`) is never kept
# from mail by PDFs. A worker that isn't told takes from both.
CELERY_TASK_QUEUES = [Queue("celery"), Queue("long")]
CELERY_TASK_ROUTES = {
    task: {"queue": "long"}
    for task in (
        "briefings.tasks.build_edition_pdf",
        "briefings.tasks.build_volume_pdf",
        "briefings.tasks.check_web_links",
        "briefings.tasks.draw_cards",
        "briefings.tasks.draw_general_card",
        "briefings.tasks.read_imported_file",
        "briefings.tasks.tidy_search_index",
        "cma_site.tasks.purge_old",
        "subscribers.tasks.print_attached_pdf",
        "subscribers.tasks.work_on_import",
    )
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    # One that no worker has taken by the time of the next has nothing to add to it.
    "send-due": {
        "task": "subscribers.tasks.send_due",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "publish-due": {
        "task": "briefings.tasks.publish_due",
        "schedule": crontab(),
        "options": {"expires": 60},
    },
    "sweep-printouts": {
        "task": "briefings.tasks.sweep_printouts",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "sweep-imports": {
        "task": "briefings.tasks.sweep_imports",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "sweep-member-imports": {
        "task": "subscribers.tasks.sweep_imports",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "tidy-search-index": {
        "task": "briefings.tasks.tidy_search_index",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "purge-old": {
        "task": "cma_site.tasks.purge_old",
        "schedule": crontab(hour=4, minute=30),
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
elif CELERY_BROKER_URL.startswith(("redis://", "rediss://")):
    # Seconds, or a page that queues something would wait for ever where the broker's machine has
    # gone without a word. AMQP gives up by itself.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 5, "socket_timeout": 5}
    # Each other try would wait as long. A connection that was closed is seen before it is used.
    CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 0}

# ------------------------------------------------------------------------------------- the mail
MAILBOX_DIR = None if "EMAIL_URL" in env.ENVIRON else VAR_DIR / "mailbox"
if MAILBOX_DIR:
    EMAIL_BACKEND = "subscribers.mailbox.CapturingBackend"
else:
    globals().update(env.email_url("EMAIL_URL"))
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=20)  # seconds, for each answer of the relay

# How long a claim holds that its sender has not renewed (seconds). A sender renews it after an
# eighth of that, and lets go before it ends; a mail backend that sends one by one asks its relay
# six times at most between two looks, each within EMAIL_TIMEOUT.
DELIVERY_LEASE = env.int("DELIVERY_LEASE", default=max(150, 7 * EMAIL_TIMEOUT))
# What to do with a delivery of which nobody can know whether it was accepted: "resend" (same
# bytes, same Message-ID) or "hold" for a person to decide.
UNKNOWN_DELIVERIES = env.str("UNKNOWN_DELIVERIES", default="resend")
# To the relay at once, from each worker that sends.
SMTP_CONNECTIONS = env.int("SMTP_CONNECTIONS", default=4)
# Mails a minute, of all workers together: through the relay, and to some domains. None is no limit.
SEND_RATE = env.float("SEND_RATE", default=0)
DOMAIN_RATES = env.dict("DOMAIN_RATES", cast={"value": float}, default={})
if SEND_RATE < 0 or any(rate <= 0 for rate in DOMAIN_RATES.values()):
    raise ImproperlyConfigured("SEND_RATE and the rates in DOMAIN_RATES are mails a minute")
# What senders of this machine note while they send, so that a killed one leaves little unknown.
# It must outlive the process (a volume), and needs no other machine.
JOURNAL_DIR = Path(env.str("JOURNAL_DIR", default=str(VAR_DIR / "journal")))
# Of the mails that ask imported members to confirm, how many a minute.
CONFIRMATION_RATE = env.int("CONFIRMATION_RATE", default=200)

# Who is mailed how each mailing ended, beside who opened it.
MAILING_REPORTS_TO = env.list("MAILING_REPORTS_TO", default=[])

# For `check_domain` alone; sending uses none of these.
DKIM_SELECTORS = env.list("DKIM_SELECTORS", default=[])
RELAY_ADDRESSES = env.list("RELAY_ADDRESSES", default=[])  # from which mail leaves for the world
DNS_SERVERS = env.list("DNS_SERVERS", default=[])

# Where bounces and complaints come back to. Each delivery leaves from an address of its own
# within it (bounces+42-tag@…); without it from the sender's, and nobody reads what comes back.
BOUNCE_ADDRESS = env.str("BOUNCE_ADDRESS", default="")
# The mailbox they are delivered to, if workers are to read it: imaps://user:password@host/folder.
BOUNCE_IMAP_URL = env.str("BOUNCE_IMAP_URL", default="")
if BOUNCE_IMAP_URL:
    CELERY_BEAT_SCHEDULE["poll-bounces"] = {
        "task": "subscribers.tasks.poll_bounces",
        "schedule": 300.0,
        "options": {"expires": 300},
    }

# The mail service behind EMAIL_URL, if it is one that tells what became of mail by webhook, and
# what it must say to be believed: user:password, several while they are changed. With a signature
# of its own where it has one.
ESP = env.str("ESP", default="")
ANYMAIL_WEBHOOK_SECRET = env.list("ANYMAIL_WEBHOOK_SECRET", default=[])
ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY = env.str("MAILGUN_WEBHOOK_SIGNING_KEY", default="")
ANYMAIL_SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY = env.str(
    "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY", default=""
)

# ---------------------------------------------------------------------------------- the digests
# At this hour in Hong Kong: weekly ones on this day (1 is Monday), monthly ones on the first of
# the month; moved past Sundays and public holidays unless told otherwise.
DIGEST_HOUR = env.int("DIGEST_HOUR", default=9)
DIGEST_WEEKDAY = env.int("DIGEST_WEEKDAY", default=5)
DIGEST_ON_REST_DAYS = env.bool("DIGEST_ON_REST_DAYS", default=False)
if DIGEST_HOUR not in range(24) or DIGEST_WEEKDAY not in range(1, 8):
    raise ImproperlyConfigured("DIGEST_HOUR is from 0 to 23 and DIGEST_WEEKDAY from 1 to 7")

# -------------------------------------------------------------------------------- the outside
# Whether workers may ask, of the pages that texts link to, if they are still there.
CHECK_LINKS = env.bool("CHECK_LINKS", default=True)

# ------------------------------------------------------------------------------------ the files
MEDIA_ROOT = VAR_DIR / "media"
# In place of that folder, where there are several machines and no disk that they share.
MEDIA_STORAGE_URL = env.str("MEDIA_STORAGE_URL", default="")
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_DIR", default=str(VAR_DIR / "static")))
# Made once a machine from the installed ones; some 60 MB.
FONTS_DIR = Path(env.str("FONTS_DIR", default=str(VAR_DIR / "fonts")))
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
if MEDIA_STORAGE_URL:
    from cma_site.object_storage import describe_storage  # boto is large

    STORAGES["default"] = describe_storage(MEDIA_STORAGE_URL)

# --------------------------------------------------------------------------------- the language
LANGUAGE_CODE = "zh-hant"
TIME_ZONE = "Asia/Hong_Kong"
USE_I18N = USE_TZ = True
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["cma_site.formats"]

# ------------------------------------------------------------------------------ the text editor
# Ours, beside the library's own; `briefings.html` decides what of it all is stored.
DJANGO_PROSE_EDITOR_EXTENSIONS = [
    {
        "js": [
            static_lazy(f"desk/prose/{name}.js") for name in ("figure", "note", "table", "paste")
        ],
        "extensions": {
            "Picture": html_tags(["figure", "img", "figcaption"]),
            "Note": html_tags(["span"]),
            "CleanPaste": html_tags([]),
        },
    }
]

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
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_URL, LOGIN_REDIRECT_URL = "admin:login", "admin:index"
PASSWORD_RESET_TIMEOUT = 60 * 60  # how long a mailed link is good for (seconds)

# Whether staff must give a code from their telephone after the password. Who has set it up gives
# one in any case.
REQUIRE_TOTP = env.bool("REQUIRE_TOTP", default=PRODUCTION)

# The organisation's provider (OpenID Connect) by whose accounts staff may log in too, if any:
# cma_site/oidc.py. Names with RP are the library's.
OIDC_ISSUER = env.str("OIDC_ISSUER", default="")
OIDC_RP_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_RP_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
# What the provider must say of somebody: that the address is theirs, and perhaps more.
OIDC_EMAIL_VERIFIED_CLAIM = env.str("OIDC_EMAIL_VERIFIED_CLAIM", default="email_verified")
OIDC_REQUIRED_CLAIMS = env.dict("OIDC_REQUIRED_CLAIMS", default={})
# Whether it asks for a second factor itself, so that ours isn't asked after it.
OIDC_SECOND_FACTOR = env.bool("OIDC_SECOND_FACTOR", default=False)
OIDC_BACKEND = "cma_site.oidc.ProviderBackend"
OIDC_CREATE_USER = False
OIDC_USE_PKCE = True
OIDC_RP_SIGN_ALGO = "RS256"  # by public keys; which algorithms, the backend says
OIDC_TIMEOUT = (3, 10)  # seconds, to be connected and for the answer

if OIDC_ISSUER or OIDC_RP_CLIENT_ID or OIDC_RP_CLIENT_SECRET:
    together = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
    if missing := [name for name in together if name not in env.ENVIRON]:
        raise ImproperlyConfigured(
            f"{', '.join(together)} go together; missing: {', '.join(missing)}"
        )
    issuer = urlsplit(OIDC_ISSUER)
    allowed = {"https"} if PRODUCTION else {"https", "http"}
    if issuer.scheme not in allowed or not issuer.hostname or issuer.query or issuer.fragment:
        raise ImproperlyConfigured("OIDC_ISSUER is the issuer's address, https://host/…")
    AUTHENTICATION_BACKENDS.append(OIDC_BACKEND)

# Five wrong passwords for one account from one address, and that pair waits. The account stays
# open from elsewhere, or anybody could lock an editor out.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the page says how long, and means it
AXES_CLIENT_IP_CALLABLE = "briefings.clients.read_client_address"
AXES_LOCKOUT_CALLABLE = "cma_site.lockouts.show_lockout"
AXES_ENABLE_ADMIN = False  # in English; ours is in cma_site/admin.py
AXES_VERBOSE = False
# A lockout in the log says neither whose nor from where, as the desk does (登入失敗).
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address"]

# ---------------------------------------------------------------------------------- the sessions
# A session ends when nothing was asked of it for the first time, and in any case after the second
# (NIST SP 800-63B asks for the password again after 24 hours at most).
SESSION_COOKIE_AGE = env.int("SESSION_IDLE_HOURS", default=8) * 60 * 60
SESSION_MAX_AGE = timedelta(hours=env.int("SESSION_MAX_HOURS", default=24))
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True

# -------------------------------------------------------------------------------------- the log
# One JSON object a line, for whatever collects them; or lines to be read.
LOG_FORMAT = env.str("LOG_FORMAT", default="json" if PRODUCTION else "line")
if LOG_FORMAT not in FORMATS:
    raise ImproperlyConfigured(f"LOG_FORMAT is one of: {', '.join(FORMATS)}")
# What Prometheus has to say to be told the metrics; without it nobody is told any. The folder is
# where this machine's web processes add up their counts; prometheus_client wants its name here.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if METRICS_TOKEN:
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(VAR_DIR / "metrics"))
# The Sentry server that errors are told to, if any.
SENTRY_DSN = env.str("SENTRY_DSN", default="")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"masked": {"()": FORMATS[LOG_FORMAT]}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "masked"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "axes": {"level": "WARNING"},  # tells every login, which is in the database already
        # Django's own handlers would write, and mail, what nobody has masked.
        "django": {"level": "INFO", "handlers": []},
        "django.server": {"level": "INFO", "handlers": [], "propagate": True},
        "flufl.bounce": {"level": "WARNING"},  # tells every form that it compares a bounce with
        "fontTools": {"level": "WARNING"},  # tells every table of every font
        "kombu.connection": {"level": "ERROR"},  # misses a host name in filesystem://
        "mail.log": {"level": "WARNING"},  # aiosmtpd's: tells every command of every conversation
        "weasyprint": {"level": "WARNING"},  # tells every page it lays out, thrice
    },
}
