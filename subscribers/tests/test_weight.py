"""How much of its entries a mail has: Gmail cuts what is longer than some 102 KB."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefings.contexts import describe_edition
from briefings.tests.makers import make_published
from subscribers.digest_rules import Choice
from subscribers.digests import (
    MOST_WEIGHT,
    MOST_WEIGHT_ALONE,
    Amount,
    describe_digest,
    find_amount,
    freeze_digest,
    freeze_edition,
    weigh,
)
from subscribers.messages import build_message
from subscribers.models import Delivery
from subscribers.tests.makers import make_mailing

GMAIL_CUTS_AT = 102_000

PARAGRAPH = f"<p>{'工業轉型需要時間。' * 40}</p>"  # about 1 kB


def make_heavy(entries, paragraphs, **edition):
    return make_published(
        *(
            {"headline": f"第{n}個題目", "lead": f"第{n}段導言", "body": PARAGRAPH * paragraphs}
            for n in range(1, entries + 1)
        ),
        **edition,
    )


def freeze(edition):
    return freeze_edition(describe_edition(edition), is_public=True)


@pytest.mark.django_db
def test_a_light_mail_is_whole():
    digest = freeze(make_heavy(5, 3))

    assert digest.html.count("工業轉型") == 5 * 3 * 40
    assert "閱讀短評全文" not in digest.html


@pytest.mark.django_db
def test_a_heavy_one_is_cut_between_entries_with_links_to_the_rest():
    edition = make_heavy(8, 12)

    digest = freeze(edition)

    whole, rest = divmod(digest.html.count("工業轉型"), 12 * 40)
    assert 0 < whole < 8
    assert not rest, "no entry is cut in its middle"
    assert digest.text.count("工業轉型") == whole * 12 * 40, "the text says what the HTML says"
    assert digest.html.count("閱讀短評全文") == 8 - whole
    for entry in edition.entries.all():
        assert entry.lead in digest.html
        assert entry.headline in digest.html
    assert MOST_WEIGHT - 20_000 < weigh(digest.html) <= MOST_WEIGHT


@pytest.mark.django_db
def test_what_is_sent_is_not_cut_by_gmail():
    delivery = make_mailing(edition=make_heavy(60, 12)).deliveries.get()

    message = build_message(delivery, delivery.digest, delivery.mailing).message()

    html = next(part for part in message.walk() if part.get_content_type() == "text/html")
    assert len(html.get_payload()) < GMAIL_CUTS_AT
    assert len(html.get_payload(decode=True)) < GMAIL_CUTS_AT


@pytest.mark.django_db
def test_of_more_entries_than_fit_by_their_leads_it_says_how_many_are_left_out():
    edition = make_heavy(150, 1)

    digest = freeze(edition)

    shown = digest.html.count("段導言")
    assert 10 < shown < 150
    for part in (digest.html, digest.text):
        assert f"另有{150 - shown}篇" in part
        assert f"第{shown}段導言" in part
        assert f"第{shown + 1}段導言" not in part
        assert f"第{shown + 1}個題目" not in part
    assert weigh(digest.html) <= MOST_WEIGHT


@pytest.mark.django_db
@pytest.mark.parametrize(("paragraphs", "is_whole"), [(50, True), (120, False)])
def test_a_single_entry_may_be_heavier_and_comes_as_its_lead_beyond_that(paragraphs, is_whole):
    digest = freeze(make_heavy(1, paragraphs))

    assert ("工業轉型" in digest.html) is is_whole
    assert ("閱讀短評全文" in digest.html) is not is_whole
    if is_whole:
        assert MOST_WEIGHT < weigh(digest.html) <= MOST_WEIGHT_ALONE


@pytest.mark.django_db
def test_a_digest_of_many_editions_is_cut_likewise():
    editions = [make_heavy(7, 12, number=n) for n in range(1, 3)]
    descriptions = [(describe_edition(edition), True) for edition in editions]
    keys = tuple(entry.id for edition, _ in descriptions for entry in edition.entries)

    few = freeze_digest(describe_digest("每週摘要", descriptions[:1], Choice(keys[:7])))
    many = freeze_digest(describe_digest("每月摘要", descriptions, Choice(keys)))

    assert 0 < few.html.count("閱讀短評全文") < 7
    assert weigh(few.html) <= MOST_WEIGHT
    assert many.html.count("閱讀短評全文") == 14, "more than eight come as their leads"


@pytest.mark.django_db
def test_weight_is_that_of_the_part_as_it_is_sent():
    delivery = make_mailing(edition=make_heavy(2, 2)).deliveries.get()
    digest = Delivery.objects.get().digest

    message = build_message(delivery, digest, delivery.mailing)
    message.alternatives = []
    message.attach_alternative(digest.html, "text/html")  # its slots unfilled

    part = list(message.message().walk())[-1]
    sent = part.as_bytes().partition(b"\n\n")[2].strip().replace(b"\n", b"\r\n")
    # Line ends inside become two octets each.
    assert 0 <= len(sent) - weigh(digest.html) <= 4 * digest.html.count("\n") // 3 + 8


@given(
    st.integers(1, 40),
    st.integers(0, 9000),
    st.integers(0, 9000),
    st.booleans(),
)
def test_the_largest_amount_that_is_light_enough_is_taken(number, body, lead, as_leads):
    def weigh_amount(amount):
        shown = number - amount.left_out
        return 1000 + amount.whole * body + shown * lead

    most = Amount(tuple(range(number)), 0 if as_leads else number)

    found = find_amount(most, weigh_amount)

    limit = MOST_WEIGHT_ALONE if number == 1 else MOST_WEIGHT
    amounts = list(most.cut())
    light = [amount for amount in amounts if weigh_amount(amount) <= limit]
    assert found == (light[0] if light else amounts[-1])


@pytest.mark.django_db
def test_the_rest_of_what_only_members_read_is_behind_their_own_entrance():
    edition = make_heavy(150, 1)
    description = describe_edition(edition)

    closed = freeze_edition(description, is_public=False)
    whole = Choice(tuple(entry.id for entry in description.entries))
    several = freeze_digest(describe_digest("每月摘要", [(description, False)], whole))

    rest = closed.html[closed.html.index("另有") :]
    assert rest.index("[[enter]]") < rest.index("請到網站閱讀")
    assert "[[enter:e" in several.html[several.html.index("另有") :].partition("請到")[0]
