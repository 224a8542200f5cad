"""What takes minutes never keeps mail waiting."""

from django.conf import settings

from cma_site.celery import app


def find_queue(task: str) -> str:
    return app.amqp.router.route({}, task)["queue"].name


def test_every_task_that_is_routed_is_one():
    app.loader.import_default_modules()

    assert settings.CELERY_TASK_ROUTES.keys() <= app.tasks.keys()


def test_mail_and_pdfs_wait_apart():
    assert find_queue("subscribers.tasks.send_chunk") == "celery"
    assert find_queue("subscribers.tasks.send_login_link") == "celery"
    assert find_queue("briefings.tasks.publish_due") == "celery"
    assert find_queue("briefings.tasks.build_volume_pdf") == "long"
    assert find_queue("subscribers.tasks.print_attached_pdf") == "long"


def test_a_worker_that_is_not_told_takes_all():
    assert set(app.amqp.queues.consume_from) == {"celery", "long"}
