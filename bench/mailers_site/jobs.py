"""Fills each rival's tables, and has it send: python -m mailers_site.jobs NAME MEMBERS

Says "ready", waits for a line, sends, and prints how long that took and what it cost.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

SUBJECT = "短評"
SENDER = "research@example.com"


def read_content():
    """The text and the HTML of the very edition that ours mails."""
    content = json.loads(Path(os.environ["RIVAL_CONTENT"]).read_text())
    return content["text"], content["html"]


def list_people(members):
    return [(f"member{number}@example.com", f"會員{number}") for number in range(members)]


def prepare_newsletter(members):
    from newsletter.models import Article, Message, Newsletter, Submission, Subscription

    newsletter, _ = Newsletter.objects.get_or_create(
        slug="bench", defaults={"title": "短評", "email": SENDER, "sender": "研究部"}
    )
    Subscription.objects.all().delete()
    Subscription.objects.bulk_create(
        Subscription(newsletter=newsletter, name_field=name, email_field=email, subscribed=True)
        for email, name in list_people(members)
    )
    Message.objects.all().delete()
    message = Message.objects.create(title=SUBJECT, slug="bench", newsletter=newsletter)
    _, html = read_content()
    body = html.partition("<body")[2].partition(">")[2].partition("</body>")[0]
    Article.objects.create(post=message, title=SUBJECT, text=body, sortorder=1)
    submission = Submission.from_message(message)
    return submission.submit


def prepare_post_office(members):
    from post_office import mail
    from post_office.models import Email, EmailTemplate

    Email.objects.all().delete()
    EmailTemplate.objects.all().delete()
    text, html = read_content()
    template = EmailTemplate.objects.create(
        name="bench",
        subject=SUBJECT,
        content="{{ name }}\n{% verbatim %}" + text + "{% endverbatim %}",
        html_content="{% verbatim %}"
        + html.replace("</body>", "{% endverbatim %}<p>{{ name }}</p></body>"),
    )
    mail.send_many(
        [
            {
                "recipients": [email],
                "sender": SENDER,
                "template": template,
                "context": {"name": name},
                "render_on_delivery": True,
            }
            for email, name in list_people(members)
        ]
    )

    def send():
        while mail.get_queued():
            mail.send_queued(processes=1, log_level=0)

    return send


def prepare_mailer(members):
    from mailer import send_html_mail
    from mailer.engine import send_all
    from mailer.models import Message, MessageLog

    Message.objects.all().delete()
    MessageLog.objects.all().delete()
    text, html = read_content()
    for email, name in list_people(members):
        own = html.replace("</body>", f"<p>{name}</p></body>")
        send_html_mail(SUBJECT, f"{name}\n{text}", own, SENDER, [f"{name} <{email}>"])
    return send_all


def prepare_celery(members):
    """Returns before they are sent: the caller counts at the sink."""
    from mailers_site.celery_app import send_one

    def send():
        for email, name in list_people(members):
            send_one.delay(email, name)

    return send


JOBS = {
    "django-newsletter": prepare_newsletter,
    "django-post_office": prepare_post_office,
    "django-mailer": prepare_mailer,
    "celery": prepare_celery,
}


def read_cpu():
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


def main(name, members):
    import django

    django.setup()
    send = JOBS[name](members)
    before = read_cpu()
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    send()
    print(json.dumps({"seconds": time.perf_counter() - start, "cpu": read_cpu() - before}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
