"""The plain way: one task for each recipient, which writes and sends their message."""

import os

import django
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailers_site.settings")
app = Celery("mailers_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_ignore_result = True
django.setup()

from mailers_site.jobs import SENDER, SUBJECT, read_content  # noqa: E402

CONTENT = read_content()


@app.task
def send_one(email: str, name: str) -> None:
    from django.core.mail import EmailMultiAlternatives

    text, html = CONTENT
    message = EmailMultiAlternatives(SUBJECT, f"{name}\n{text}", SENDER, [f"{name} <{email}>"])
    message.attach_alternative(html.replace("</body>", f"<p>{name}</p></body>"), "text/html")
    message.send()
