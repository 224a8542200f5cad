from dataclasses import replace
from datetime import date

import pytest

from briefings.html import LONGEST
from briefings.importer.blocks import paragraph_block
from briefings.importer.documents import document_from_text
from briefings.importer.legacy import LegacyEntry
from briefings.importer.loader import ImportRefused, Status, load_edition
from briefings.importer.parser import parse_edition
from briefings.models import Audience, Edition, Entry, Imprint, State
from briefings.publishing import (
    approve_entries,
    approve_entry,
    publish_edition,
    submit_entry,
)
from briefings.tests.importer.specimens import HARBOUR, POWER, TALENT
from briefings.tests.importer.typesetting import typeset
from briefings.tests.makers import make_draft, make_entry

pytestmark = pytest.mark.django_db
DAY = date(2023, 11, 15)


def make_legacy(*pieces, **options):
    text = typeset(pieces or (TALENT,), **options)
    return parse_edition(document_from_text(text, name="舊期.txt"))


def read_headlines(edition):
    return list(edition.entries.values_list("headline", flat=True))


def test_it_makes_a_draft_with_the_entries_in_order():
    loaded = load_edition(make_legacy(HARBOUR, POWER), number=8, date=DAY)

    assert loaded.status == Status.CREATED
    assert loaded.warnings == ()
    assert (loaded.edition.number, loaded.edition.date) == (8, DAY)
    assert loaded.edition.state == State.DRAFT
    assert read_headlines(loaded.edition) == [HARBOUR.headline, POWER.headline]


def test_paragraphs_become_html_with_their_signs_escaped():
    legacy = make_legacy()
    blocks = (paragraph_block(3, "甲<script>乙"), paragraph_block(4, "丙 & 丁"))
    entry = LegacyEntry("標題", "導言。", blocks, 1)

    loaded = load_edition(replace(legacy, entries=(entry,)))

    assert loaded.edition.entries.get().body == "<p>甲&lt;script&gt;乙</p>\n<p>丙 &amp; 丁</p>"


def test_the_same_text_again_changes_nothing():
    first = load_edition(make_legacy(), number=8, date=DAY)

    again = load_edition(make_legacy(), number=8, date=DAY)

    assert (again.edition, again.status) == (first.edition, Status.UNCHANGED)
    assert Edition.objects.count() == 1
    assert Entry.objects.count() == 1


def test_the_same_text_again_keeps_what_an_editor_changed():
    first = load_edition(make_legacy())
    first.edition.entries.update(headline="編輯改過的標題")

    again = load_edition(make_legacy())

    assert again.status == Status.UNCHANGED
    assert read_headlines(again.edition) == ["編輯改過的標題"]


def test_a_missing_date_and_number_are_warned_about():
    warnings = load_edition(make_legacy()).warnings

    assert ["期號" in warnings[0], "日期" in warnings[1]] == [True, True]


def test_a_number_or_date_given_later_is_added_to_the_draft():
    load_edition(make_legacy())

    loaded = load_edition(make_legacy(), number=8, date=DAY)

    assert loaded.status == Status.UPDATED
    assert (loaded.edition.number, loaded.edition.slug) == (8, "2023-11-15")


def test_another_text_of_the_same_number_updates_the_draft():
    first = load_edition(make_legacy(HARBOUR, POWER), number=8)

    loaded = load_edition(make_legacy(TALENT), number=8)

    assert (loaded.edition, loaded.status) == (first.edition, Status.UPDATED)
    assert read_headlines(loaded.edition) == [TALENT.headline]
    assert Entry.objects.count() == 1


def test_an_entry_keeps_its_row_when_its_text_changes():
    before = load_edition(make_legacy(POWER), number=8).edition.entries.get()
    corrected = replace(POWER, lead="更正後的導言，與前不同。")

    load_edition(make_legacy(corrected), number=8)

    before.refresh_from_db()
    assert before.lead == "更正後的導言，與前不同。"


def test_a_published_edition_is_never_overwritten():
    edition = load_edition(make_legacy(POWER), number=8, date=DAY).edition
    approve_entries(edition)
    publish_edition(edition, audience=Audience.PUBLIC)

    loaded = load_edition(make_legacy(TALENT), number=8)

    assert loaded.status == Status.UNCHANGED
    assert "已出版" in loaded.warnings[0]
    assert read_headlines(loaded.edition) == [POWER.headline]


@pytest.mark.parametrize("move", [submit_entry, approve_entry])
def test_a_draft_that_somebody_reviews_is_not_overwritten_by_another_text(move):
    edition = load_edition(make_legacy(POWER), number=8).edition
    move(edition.entries.get())

    loaded = load_edition(make_legacy(TALENT), number=8)

    assert loaded.status == Status.UNCHANGED
    assert "已送審或審批" in loaded.warnings[0]
    assert read_headlines(loaded.edition) == [POWER.headline]


def test_a_draft_an_editor_has_changed_is_not_overwritten_by_another_text():
    edition = load_edition(make_legacy(POWER), number=8).edition
    make_entry(edition, position=2, headline="編輯加寫的一篇")

    loaded = load_edition(make_legacy(TALENT), number=8)

    assert loaded.status == Status.UNCHANGED
    assert "修改過" in loaded.warnings[0]


def test_a_draft_an_editor_wrote_is_not_overwritten():
    make_draft({"headline": "編輯撰寫"}, number=8)

    loaded = load_edition(make_legacy(), number=8)

    assert loaded.status == Status.UNCHANGED
    assert "撰寫" in loaded.warnings[0]
    assert read_headlines(loaded.edition) == ["編輯撰寫"]


def test_a_number_another_edition_has_is_refused():
    make_draft(number=9)
    load_edition(make_legacy(), number=8)

    with pytest.raises(ImportRefused, match="第9期"):
        load_edition(make_legacy(), number=9)


def test_another_text_of_the_same_day_is_another_edition():
    first = load_edition(make_legacy(POWER), number=8, date=DAY).edition

    loaded = load_edition(make_legacy(TALENT), number=9, date=DAY)

    assert loaded.status == Status.CREATED
    assert loaded.warnings == ("另有一期在同日：第8期 2023-11-15。",)
    assert read_headlines(first) == [POWER.headline]


def test_a_text_loaded_again_says_nothing_of_others_of_its_day():
    load_edition(make_legacy(POWER), number=8, date=DAY)
    load_edition(make_legacy(TALENT), number=9, date=DAY)

    assert load_edition(make_legacy(TALENT), number=9, date=DAY).warnings == ()


def test_a_headline_too_long_for_the_archive_is_refused():
    piece = replace(TALENT, headline="長" * 121)

    with pytest.raises(ImportRefused, match="120"):
        load_edition(make_legacy(piece))


def test_a_footer_unlike_the_default_imprint_is_warned_about_with_its_line():
    Imprint.objects.filter(is_default=True).update(telephone="2000 0000")

    warnings = load_edition(make_legacy(), number=8, date=DAY).warnings

    assert len(warnings) == 1
    assert warnings[0].startswith("第 ")
    assert "頁尾資料與預設的不同" in warnings[0]


def test_an_entry_that_is_too_long_is_refused_with_its_line():
    legacy = make_legacy()
    long = replace(legacy.entries[0], blocks=(paragraph_block(3, "字" * LONGEST),))

    with pytest.raises(ImportRefused, match="第 3 行起的一篇：內容太長"):
        load_edition(replace(legacy, entries=(long,)))
    assert not Edition.objects.exists()
