"""What readers have read changes only with a dated note and the difference shown."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module
from threading import Barrier

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.utils import timezone

from briefings.contexts import describe_edition
from briefings.corrections import CorrectionRefused, correcting, describe_text
from briefings.history import list_versions
from briefings.models import (
    Audience,
    Author,
    Byline,
    Correction,
    Edition,
    Entry,
    Source,
    Theme,
)
from briefings.pdf import compose_edition, render_edition_pdf
from briefings.publishing import restore_entry, withdraw_entry
from briefings.tests.makers import make_draft, make_entry, make_published
from briefings.tests.sent_forms import send_form
from briefings.tests.test_pdf import read_text

pytestmark = pytest.mark.django_db
LONG = "<p>撥款三億元，分五年使用，由創新科技署審批。</p>"


@pytest.fixture
def admin_user(db):
    return User.objects.create_superuser("admin")


def correct(entry: Entry, note="數字有誤。", **fields) -> Correction:
    with correcting(entry, note=note, by=None):
        row = Entry.objects.get(pk=entry.pk)
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()
    return entry.corrections.last()


def make_corrected(**fields) -> Entry:
    edition = make_published({"headline": "撥款", "body": LONG}, {"headline": "碼頭"})
    entry = edition.entries.first()
    correct(entry, **fields or {"body": LONG.replace("三億元", "三十億元")})
    entry.refresh_from_db()
    return entry


def desk_of(entry: Entry) -> str:
    return f"/admin/briefings/entry/{entry.pk}/change/"


def make_editor(*permissions: str) -> User:
    editor = User.objects.create_user("chan", is_staff=True)
    names = ["change_entry", "view_entry", "delete_entry", *permissions]
    editor.user_permissions.set(Permission.objects.filter(codename__in=names))
    return editor


# ---------------------------------------------------------------------------- what is written down
def test_a_correction_holds_the_text_before_and_after():
    entry = make_corrected()

    correction = entry.corrections.get()

    assert "三億元" in correction.before["body"]
    assert "三十億元" in correction.after["body"]
    assert correction.note == "數字有誤。"


def test_a_text_that_changes_without_a_note_is_not_changed():
    entry = make_published({"headline": "撥款"}).entries.get()

    with pytest.raises(CorrectionRefused, match="更正說明"):
        correct(entry, note="  ", headline="撥款三億")

    assert Entry.objects.get().headline == "撥款"


def add_source(entry: Entry) -> None:
    with correcting(entry, note="", by=None):
        Source.objects.create(entry=entry, title="施政報告")


def add_author(entry: Entry) -> None:
    with correcting(entry, note="", by=None):
        Byline.objects.create(entry=entry, author=Author.objects.create(name="陳大文"))


@pytest.mark.parametrize(("part", "add"), [("sources", add_source), ("authors", add_author)])
def test_sources_and_authors_change_only_with_a_note(part, add):
    entry = make_published().entries.get()

    with pytest.raises(CorrectionRefused):
        add(entry)

    assert describe_text(entry)[part] == []


def test_themes_change_without_a_note_and_leave_no_correction():
    entry = make_published().entries.get()

    with correcting(entry, note="", by=None):
        entry.themes.add(Theme.objects.create(name="航運"))

    assert not entry.corrections.exists()


def test_what_the_rich_text_editor_writes_in_other_words_is_no_correction():
    body = "<ul><li>甲</li></ul>\n<p><b>乙</b></p>"
    entry = make_published({"body": body}).entries.get()

    correct(entry, note="", body="<ul><li><p>甲</p></li></ul><p><strong>乙</strong></p>")

    assert not entry.corrections.exists()


def test_a_link_that_changes_is_a_correction():
    entry = make_published({"body": '<p><a href="https://a.example/">甲</a></p>'}).entries.get()

    with pytest.raises(CorrectionRefused):
        correct(entry, note="", body='<p><a href="https://b.example/">甲</a></p>')


def test_what_a_note_says_is_part_of_the_text():
    noted = LONG.replace("三億元", '三億元<span role="note">不包括行政費。</span>')

    correction = correct(make_corrected(), body=noted)

    assert correction.after["body"] == "撥款三億元，分五年使用，由創新科技署審批。\n不包括行政費。"


def test_the_line_ends_of_a_browser_are_no_correction():
    entry = make_published({"lead": "一。\n二。"}).entries.get()

    correct(entry, note="", lead="一。\r\n二。")

    assert not entry.corrections.exists()


def test_a_correction_has_the_pdf_made_again(monkeypatch):
    entry = make_published().entries.get()
    asked = []
    monkeypatch.setattr("briefings.corrections.request_pdf", asked.append)

    correct(entry, headline="新題")

    assert asked == [entry.edition_id]


# -------------------------------------------------------------------------------------- the desk
def test_the_form_of_a_published_entry_asks_for_a_note(admin_client):
    entry = make_published().entries.get()

    send_form(admin_client, desk_of(entry), headline="新題", correction_note="原題有誤。")

    correction = entry.corrections.get()
    assert (correction.note, correction.made_by.username) == ("原題有誤。", "admin")
    assert Entry.objects.get().headline == "新題"


def test_the_history_tells_why_a_text_was_corrected(admin_client):
    entry = make_published().entries.get()

    send_form(admin_client, desk_of(entry), headline="新題", correction_note="原題有誤。")

    assert list_versions(entry)[0].why == "更正：原題有誤。"


def test_the_form_of_a_draft_asks_for_none(admin_client):
    page = admin_client.get(desk_of(make_entry()))

    assert "correction_note" not in page.content.decode()


def test_a_form_without_its_note_comes_back_whole_and_saves_nothing(admin_client):
    entry = make_published({"headline": "舊題"}).entries.get()

    page = send_form(admin_client, desk_of(entry), headline="新題", lead="打了很久。")

    text = page.content.decode()
    assert "請填寫更正說明" in text
    assert "打了很久。" in text
    assert 'value="新題"' in text
    assert Entry.objects.get().headline == "舊題"


def test_the_themes_of_a_published_entry_are_saved_without_a_note(admin_client):
    entry, theme = make_published().entries.get(), Theme.objects.create(name="航運")

    send_form(admin_client, desk_of(entry), themes=[theme.pk])

    assert list(entry.themes.all()) == [theme]


def test_who_may_not_correct_only_looks(client):
    entry = make_published({"headline": "舊題"}).entries.get()
    client.force_login(make_editor())

    client.post(desk_of(entry), {"headline": "新題", "correction_note": "改。"})

    assert client.get(desk_of(entry)).context["has_change_permission"] is False
    assert Entry.objects.get().headline == "舊題"


def test_the_list_says_which_published_entries_were_corrected(admin_client):
    make_corrected()

    page = admin_client.get("/admin/briefings/entry/").content.decode()

    assert page.count("已更正") == 1


# --------------------------------------------------------------------------------------- readers
@pytest.mark.parametrize("page", ["entry", "edition"])
def test_readers_see_the_note_its_day_and_the_difference(page, client):
    entry = make_corrected()
    shown = entry if page == "entry" else entry.edition

    text = client.get(shown.get_absolute_url()).content.decode()

    day = entry.corrections.get().made_at.astimezone().date()
    assert "更正（" in text
    assert f"{day.year}年{day.month}月{day.day}日" in text
    assert "數字有誤。" in text
    assert "三<ins>十</ins>億元" in text


def test_a_correction_of_nothing_but_the_format_says_so(client):
    entry = make_published({"body": "<p>甲</p>"}).entries.get()
    correct(entry, body="<p><strong>甲</strong></p>")

    assert "文字沒有改動" in client.get(entry.get_absolute_url()).content.decode()


def test_the_note_is_text_and_no_html(client):
    entry = make_published().entries.get()
    correct(entry, note="<script>x()</script>", headline="<b>新</b>題")

    assert "<script>x()" not in client.get(entry.get_absolute_url()).content.decode()


@pytest.mark.parametrize("kind", ["atom", "rss", "json"])
def test_feeds_carry_the_note(kind, client):
    make_corrected()

    assert "數字有誤。" in client.get(f"/feeds/{kind}/").content.decode()


def test_the_feed_says_that_the_entry_was_updated_by_its_correction(client):
    entry = make_corrected()
    made_at = entry.corrections.get().made_at

    items = client.get("/feeds/json/").json()["items"]

    assert max(item["date_modified"] for item in items) >= made_at.isoformat()


def test_the_pdf_that_is_issued_again_carries_note_and_difference():
    entry = make_corrected()

    text = read_text(render_edition_pdf(describe_edition(entry.edition)))

    assert "數字有誤。" in text
    assert "更正（" in text
    assert "撥款三十億元，分五年使用" in text


@pytest.fixture
def opened():
    """Members read it first; it was corrected before it opened to everybody."""
    edition = make_published(
        {"headline": "撥款", "body": LONG},
        {"headline": "碼頭"},
        audience=Audience.MEMBERS,
        public_from=timezone.now() + timedelta(hours=1),
    )
    entry = edition.entries.first()
    correct(entry, body=LONG.replace("三億元", "三十億元"), headline="撥款新題")
    correct(entry, note="再改。", body=LONG.replace("三億元", "九萬元"))
    hour = timedelta(hours=1)
    for made in entry.corrections.all():
        Correction.objects.filter(pk=made.pk).update(made_at=made.made_at - hour)
    now = timezone.now()
    Edition.objects.update(public_from=now, published_at=now - 2 * hour)
    return Entry.objects.get(pk=entry.pk)


@pytest.mark.parametrize(
    "address",
    [
        *("{path}", "/en{path}", "/zh-hans{path}", "{edition}", "/feeds/atom/", "/feeds/rss/"),
        *("/feeds/json/", "/api/v1/entries/{slug}", "/api/v1/editions/{edition_slug}"),
    ],
)
def test_words_that_only_members_read_are_shown_nowhere(address, opened, client):
    answer = client.get(
        address.format(
            path=opened.get_absolute_url(),
            edition=opened.edition.get_absolute_url(),
            slug=opened.slug,
            edition_slug=opened.edition.slug,
        )
    )

    assert answer.status_code == 200
    assert re.search("九[萬万]元", answer.text)
    assert "再改。" in answer.text
    for trace in ("億元", "亿元", "<del>", "<ins>", "沒有改動", "没有改动"):
        assert trace not in answer.text


def test_no_version_of_what_only_members_read_is_there(opened, client):
    for number in (1, 2):
        assert client.get(f"/e/{opened.pk}/v{number}").status_code == 404


def test_the_pdf_prints_nothing_that_only_members_read(opened):
    html = compose_edition(describe_edition(opened.edition)).html

    assert "再改。" in html
    assert "九萬元" in html
    assert "億元" not in html
    assert "<del>" not in html


def test_words_that_stood_only_while_the_entry_was_withdrawn_are_shown_nowhere(client):
    entry = make_published({"headline": "撥款", "body": LONG}).entries.get()
    withdraw_entry(entry, note="核實中。")
    correct(entry, body=LONG.replace("三億元", "八千元"))
    correct(entry, body=LONG.replace("三億元", "九萬元"))
    entry.refresh_from_db()
    restore_entry(entry)

    page = client.get(entry.get_absolute_url()).text

    assert "九萬元" in page
    assert "八" not in page
    assert "千" not in page


@pytest.mark.parametrize(
    ("fields", "was_public"),
    [
        ({"audience": Audience.PUBLIC}, True),
        ({"audience": Audience.MEMBERS}, False),
        ({"public_from": timedelta(minutes=-1)}, True),
        ({"public_from": timedelta(minutes=1)}, False),
        ({"audience": Audience.PUBLIC, "published_at": timedelta(minutes=1)}, False),
    ],
)
def test_earlier_corrections_are_told_whether_what_they_replaced_was_public(fields, was_public):
    made = make_corrected().corrections.get()
    Correction.objects.update(was_public=False)
    moments = {
        name: made.made_at + value if isinstance(value, timedelta) else value
        for name, value in fields.items()
    }
    Edition.objects.update(**{"audience": Audience.MEMBERS} | moments)
    migration = import_module("briefings.migrations.0014_reading")

    migration.tell_what_was_public(apps, connection.schema_editor())

    assert Correction.objects.get().was_public is was_public


def test_an_edition_costs_no_more_queries_for_its_corrections(django_assert_max_num_queries):
    entry = make_corrected()
    for _ in range(3):
        correct(entry, headline=entry.headline + "一")

    with django_assert_max_num_queries(9):
        describe_edition(entry.edition)


def test_a_withdrawn_entry_too_is_changed_by_a_correction_only(admin_client):
    edition = make_draft({"headline": "舊題"})
    edition.entries.update(state="withdrawn")
    entry = edition.entries.get()

    send_form(admin_client, desk_of(entry), headline="新題")

    assert Entry.objects.get().headline == "舊題"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_who_correct_at_once_the_second_begins_with_what_the_first_left(monkeypatch):
    monkeypatch.setattr("briefings.corrections.request_pdf", lambda edition_id: None)
    entry, start = make_published({"headline": "原題"}).entries.get(), Barrier(2, timeout=10)

    def write(headline):
        start.wait()
        try:
            correct(entry, headline=headline)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as correctors:
        list(correctors.map(write, ["甲題", "乙題"]))

    first, second = entry.corrections.order_by("pk")
    assert first.before["headline"] == "原題"
    assert second.before == first.after
