# Celery's shared tasks bind to the app that exists when they are first used, so it is made here.
from cma_site.celery import app as celery_app

__all__ = ["celery_app"]
