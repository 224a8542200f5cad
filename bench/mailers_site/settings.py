"""One site for those that sending is compared with, each as its manual sets it up."""

import os
from urllib.parse import urlsplit

_database = urlsplit(os.environ["RIVAL_DATABASE"])
SECRET_KEY = "bench"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
SITE_ID = 1
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.path[1:],
        "USER": _database.username,
        "HOST": _database.hostname,
        "PORT": _database.port,
    }
}
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sites",
    "django.contrib.sessions",
    "sorl.thumbnail",
    "newsletter",
    "post_office",
    "mailer",
]
ROOT_URLCONF = "mailers_site.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
NEWSLETTER_THUMBNAIL = "sorl-thumbnail"
EMAIL_HOST = "127.0.0.1"
EMAIL_PORT = int(os.environ["RIVAL_RELAY"])
CELERY_BROKER_URL = os.environ.get("RIVAL_REDIS", "")
LOGGING = {"version": 1, "root": {"level": "WARNING"}}
