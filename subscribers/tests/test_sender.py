"""Mail comes from whom the desk says, from the next message on."""

import pytest

from briefings.models import Publication
from subscribers.messages import build_confirmation
from subscribers.models import Mailing
from subscribers.tests.makers import make_mailing, make_member, read_message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def publication():
    Publication.objects.update_or_create(
        pk=1,
        defaults={
            "sender_name": "廠商會研究部",
            "sender_email": "desk@cma.org.hk",
            "reply_to": "answers@cma.org.hk",
        },
    )


def test_a_confirmation_is_from_the_sender():
    message = read_message(build_confirmation(make_member()).message().as_bytes())

    assert message["From"] == "廠商會研究部 <desk@cma.org.hk>"
    assert message["Reply-To"] == "answers@cma.org.hk"


def test_a_mailing_keeps_the_sender_it_was_opened_with():
    mailing = make_mailing()

    Publication.objects.update(sender_name="另一個名稱")

    kept = Mailing.objects.get(pk=mailing.pk)
    assert (kept.sender_name, kept.sender_email) == ("廠商會研究部", "desk@cma.org.hk")
