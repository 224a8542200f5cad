import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cma_site.settings")

app = Celery("cma_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
