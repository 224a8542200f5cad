from datetime import UTC, datetime

import pytest

from briefings.contexts import describe_edition
from briefings.models import Theme
from briefings.tests.makers import make_published
from subscribers.digest_rules import NOTHING, Choice, Hits, Offer, Wish
from subscribers.digests import digest_key, freeze_edition, group_by_choice
from subscribers.messages import fill_digest

NOW = datetime(2026, 11, 27, tzinfo=UTC)
TABLE = tuple(
    Offer(entry, frozenset(themes), NOW) for entry, themes in {11: {1, 2}, 12: {2}, 13: {}}.items()
)
SLOTS = {
    "greeting": "陳<大>文，您好：",
    "preferences": "https://example.org/p",
    "unsubscribe": "https://example.org/u",
    "mail": "https://example.org/m",
}


def want(*themes):
    return Wish(frozenset(themes))


def test_members_with_the_same_entries_share_a_group_whatever_they_asked_for():
    wishes = [(101, want(1)), (102, want(1, 9)), (103, want(9))]

    assert group_by_choice(TABLE, wishes, {}) == {Choice((11,)): [101, 102], NOTHING: [103]}


def test_what_a_member_has_had_is_not_chosen_again():
    wishes = [(101, want()), (102, want()), (103, want(1))]

    groups = group_by_choice(TABLE, wishes, {101: {12}, 103: {11}})

    assert groups == {Choice((11, 13)): [101], Choice((11, 12, 13)): [102], NOTHING: [103]}


def test_the_key_depends_on_the_order_of_the_entries():
    assert digest_key(Choice((1, 2))) != digest_key(Choice((2, 1)))
    assert digest_key(Choice((1, 2))) == digest_key(Choice((1, 2)))


def test_the_key_depends_on_the_searches_that_are_shown():
    choices = [
        Choice((1, 2), searches=searches)
        for searches in [
            (),
            (Hits("甲", (1,)),),
            (Hits("甲", (1, 2)),),
            (Hits("甲", (1,)), Hits("乙", (2,))),
            (Hits("乙", (1,)),),
        ]
    ]

    assert len({digest_key(choice) for choice in choices}) == len(choices)


@pytest.fixture
def edition(db):
    theme = Theme.objects.create(name="創新科技")
    return make_published(
        {"headline": "甲<乙>", "lead": "導言一", "body": "<p>正文&amp;一</p>", "themes": [theme]},
        {"headline": "第二篇", "lead": "導言二", "body": "<ul><li>正文二</li></ul>"},
        number=7,
    )


def freeze(edition, **options):
    return freeze_edition(describe_edition(edition), **{"is_public": True} | options)


def test_a_digest_shows_all_of_its_entries_in_text_and_html(edition):
    text, html = fill_digest(freeze(edition), SLOTS)

    for words in ("導言一", "導言二", "正文二", "創新科技", "第7期", "2542 8611"):
        assert words in text
        assert words in html
    assert "甲<乙>" in text
    assert "正文&一" in text
    assert "甲&lt;乙&gt;" in html


def test_a_part_of_an_edition_keeps_the_numbers_of_its_entries(edition):
    second = edition.entries.get(headline="第二篇")

    digest = freeze_edition(describe_edition(edition).only([second.pk]), is_public=True)

    assert "2. 第二篇" in digest.text
    assert "導言一" not in digest.text


def test_what_fills_a_slot_is_escaped_in_html_and_never_filled_again(edition):
    digest = freeze(edition)

    text, html = fill_digest(digest, SLOTS | {"greeting": "<[[unsubscribe]]>"})

    assert "<[[unsubscribe]]>" in text
    assert "&lt;[[unsubscribe]]&gt;" in html


def test_every_digest_can_be_left_in_both_languages(edition):
    text, html = fill_digest(freeze(edition), SLOTS)

    for part in (text, html):
        assert "取消訂閱" in part
        assert "unsubscribe" in part
        assert SLOTS["unsubscribe"] in part
        assert SLOTS["preferences"] in part
        assert SLOTS["mail"] in part


def test_links_are_absolute_and_lead_to_page_and_pdf(edition, settings):
    digest = freeze(edition)

    for address in (edition.get_absolute_url(), f"/editions/{edition.slug}.pdf"):
        assert f"{settings.SITE_URL}{address}" in digest.text
        assert f'href="{settings.SITE_URL}{address}"' in digest.html
    assert 'href="/' not in digest.html
    assert 'href="mailto:research@cma.org.hk"' in digest.html


def test_a_members_edition_has_no_links_to_pages_that_would_turn_the_reader_away(edition):
    digest = freeze(edition, is_public=False)

    assert edition.slug not in digest.text
    assert edition.slug not in digest.html


def test_a_members_edition_leads_to_page_entry_and_pdf_by_the_members_own_entrance(edition):
    digest = freeze(edition, is_public=False)

    text, html = fill_digest(digest, {**SLOTS, "enter": "https://e.hk/enter/1.x/"})

    for place in ("", "?to=entry-1", "?to=pdf"):
        assert f"https://e.hk/enter/1.x/{place}\n" in text
        assert f'href="https://e.hk/enter/1.x/{place}"' in html


def test_styles_are_inlined_and_the_rules_for_dark_and_phone_survive(edition):
    html = freeze(edition).html

    assert 'class="headline" style="' in html
    assert "prefers-color-scheme: dark" in html
    assert "max-width: 480px" in html
    assert 'lang="zh-Hant-HK"' in html


def test_a_long_headline_does_not_make_a_long_subject(db):
    edition = make_published({"headline": "長" * 120})

    subject = freeze(edition).subject

    assert len(subject) == 120
    assert subject.endswith("…")


def test_more_than_one_entry_is_listed_first_with_links_into_the_mail(edition):
    digest = freeze(edition)

    assert digest.text.index("目錄\n1. 甲<乙>\n2. 第二篇\n") < digest.text.index("導言一")
    for anchor in ("entry-1", "entry-2"):
        assert f'href="#{anchor}"' in digest.html
        assert f'id="{anchor}"' in digest.html


def test_a_single_entry_needs_no_list(db):
    digest = freeze(make_published({"headline": "唯一"}, number=8))

    assert "目錄" not in digest.text
    assert 'href="#entry-1"' not in digest.html


def test_the_text_links_to_an_entry_by_its_place_on_the_editions_page(edition, settings):
    text = freeze(edition).text

    assert f"{settings.SITE_URL}/editions/{edition.slug}/#entry-2\n" in text
    assert "%" not in text


def test_lists_and_links_of_the_commentary_are_in_the_text(db):
    body = '<ul><li><p>見<a href="https://a.hk/1">此</a></p></li></ul>'

    assert "\n• 見此 <https://a.hk/1>\n" in freeze(make_published({"body": body}, number=8)).text


def test_paragraphs_in_items_and_cells_add_no_space(db):
    body = "<ul><li><p>項</p></li></ul><table><tbody><tr><td><p>格</p></td></tr></tbody></table>"

    html = freeze(make_published({"body": body}, number=8)).html

    assert '<p style="margin: 0;">項' in html
    assert '<p style="margin: 0;">格' in html
