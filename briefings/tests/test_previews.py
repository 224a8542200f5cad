"""A draft as its readers will see it: beside the form, and by a link for a colleague."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from briefings.admin import previews
from briefings.html import LONGEST
from briefings.models import (
    Audience,
    Author,
    Autosave,
    Edition,
    Entry,
    SharedDraft,
    Source,
    State,
    Theme,
)
from briefings.pdf import PDFRefused
from briefings.previews import make_shared_url, share_draft
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_draft, make_entry, make_published

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin_user(db):
    return User.objects.create_superuser("admin")


def make_staff(name: str, *permissions: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def type_in(client, entry: Entry | None = None, **fields) -> None:
    message = {
        "form_id": "form-1",
        "entry": entry and entry.pk,
        "version": entry.version if entry else 0,
        "fields": {name: v if isinstance(v, list) else [str(v)] for name, v in fields.items()},
    }
    path = reverse("admin:entry_autosave")
    assert (
        client.post(path, json.dumps(message), content_type="application/json").status_code == 200
    )


def look(client, kind: str = "page", entry: Entry | None = None, **query):
    query = {"entry": entry.pk if entry else "", "form": "form-1"} | query
    return client.get(reverse("admin:entry_preview", args=[kind]), query)


# ------------------------------------------------------------------------------- beside the form
def test_the_page_shows_what_is_in_the_form_and_nothing_is_saved(admin_client):
    edition = make_draft({"headline": "原題"})
    entry = edition.entries.get()
    theme = Theme.objects.create(name="北部都會區")
    author = Author.objects.create(name="何小文")
    type_in(
        admin_client,
        entry,
        headline="未儲存的題目",
        lead="未儲存的導言",
        body="<p>未儲存的正文</p>",
        themes=[str(theme.pk)],
        edition=edition.pk,
        **{
            "bylines-TOTAL_FORMS": 1,
            "bylines-INITIAL_FORMS": 0,
            "bylines-0-author": author.pk,
            "sources-TOTAL_FORMS": 1,
            "sources-INITIAL_FORMS": 0,
            "sources-0-title": "未儲存的來源",
        },
    )

    page = look(admin_client, entry=entry).content.decode()

    for text in ("題目", "導言", "正文", "來源"):
        assert f"未儲存的{text}" in page
    assert "北部都會區" in page
    assert "何小文" in page
    entry.refresh_from_db()
    assert (entry.headline, entry.version) == ("原題", 1)
    assert not Source.objects.exists()


def test_a_new_entry_is_shown_in_the_edition_that_is_next(admin_client):
    make_published(number=12)
    type_in(admin_client, headline="全新一篇", body="<p>正文</p>")

    page = look(admin_client).content.decode()

    assert "全新一篇" in page
    assert "第13期" in page
    assert (Edition.objects.count(), Entry.objects.count()) == (1, 1)


def test_what_is_not_yet_valid_is_shown_as_far_as_it_goes(admin_client):
    entry = make_entry(headline="原題")
    type_in(
        admin_client,
        entry,
        headline="",
        lead="寫了一半",
        **{
            "sources-TOTAL_FORMS": 2,
            "sources-INITIAL_FORMS": 0,
            "sources-0-title": "",
            "sources-0-publisher": "只有出版者",
            "sources-1-title": "完整的來源",
        },
    )

    page = look(admin_client, entry=entry).content.decode()

    assert "（未有標題）" in page
    assert "寫了一半" in page
    assert "完整的來源" in page


def test_a_headline_too_long_to_save_is_shown_shortened(admin_client):
    entry = make_entry()
    type_in(admin_client, entry, headline="長" * 500)

    assert look(admin_client, entry=entry).status_code == 200


def test_hostile_html_is_cleaned_before_it_is_shown(admin_client):
    entry = make_entry()
    type_in(
        admin_client, entry, headline="題", body='<p onclick="x()">好<script>alert(1)</script></p>'
    )

    page = look(admin_client, entry=entry).content.decode()

    assert "<p>好</p>" in page
    assert "onclick" not in page


def test_the_mail_shows_what_is_in_the_form(admin_client):
    entry = make_draft({"headline": "原題"}, {"headline": "另一篇"}).entries.first()
    type_in(admin_client, entry, headline="未儲存的題目", edition=entry.edition_id)

    answer = look(admin_client, "mail", entry)

    page = answer.content.decode()
    assert "未儲存的題目" in page
    assert "另一篇" not in page
    assert "sandbox" in answer["Content-Security-Policy"]


def test_the_whole_edition_is_shown_if_asked_for(admin_client):
    entry = make_draft({"headline": "原題"}, {"headline": "另一篇"}).entries.first()
    type_in(admin_client, entry, headline="未儲存的題目", edition=entry.edition_id)

    page = look(admin_client, "mail", entry, whole="1").content.decode()

    assert "未儲存的題目" in page
    assert "另一篇" in page


def test_the_pdf_shows_what_is_in_the_form(admin_client, monkeypatch):
    entry = make_entry()
    type_in(admin_client, entry, headline="未儲存的題目")
    printed = []
    monkeypatch.setattr(previews, "render_edition_pdf", lambda e: printed.append(e) or b"%PDF")

    answer = look(admin_client, "pdf", entry)

    assert answer["Content-Type"] == "application/pdf"
    assert [described.headline for described in printed[0].entries] == ["未儲存的題目"]


def test_a_pdf_that_cannot_be_made_says_why(admin_client, monkeypatch):
    def refuse(edition):
        raise PDFRefused("缺少中文字型")

    entry = make_entry()
    monkeypatch.setattr(previews, "render_edition_pdf", refuse)

    answer = look(admin_client, "pdf", entry)

    assert answer.status_code == 503
    assert "缺少中文字型" in answer.content.decode()


def test_without_anything_new_the_saved_text_is_shown(admin_client):
    entry = make_entry(headline="已儲存")

    assert "已儲存" in look(admin_client, entry=entry).content.decode()


def test_a_published_entry_is_shown_as_it_would_become(admin_client):
    entry = make_published({"headline": "原題"}).entries.get()
    type_in(admin_client, entry, headline="更正的題目")

    page = look(admin_client, entry=entry).content.decode()

    entry.refresh_from_db()
    assert "更正的題目" in page
    assert entry.headline == "原題"


def test_a_withdrawn_entry_can_be_looked_at(admin_client):
    entry = make_entry(headline="已撤回的一篇", withdrawn_at=timezone.now())
    Entry.objects.update(state=State.WITHDRAWN, withdrawn_at=timezone.now())

    assert "已撤回的一篇" in look(admin_client, entry=entry).content.decode()


def test_before_anything_is_written_there_is_nothing_to_show(admin_client):
    assert "先寫一些文字" in look(admin_client).content.decode()


def test_nobody_sees_what_another_is_typing(admin_client, client):
    entry = make_entry()
    type_in(admin_client, entry, headline="別人未儲存的")
    client.force_login(make_staff("editor", "change_entry", "view_entry"))

    assert "別人未儲存的" not in look(client, entry=entry).content.decode()


@pytest.mark.parametrize("kind", ["page", "mail", "pdf"])
def test_who_may_not_see_entries_sees_no_preview(client, kind):
    entry = make_entry()
    client.force_login(make_staff("nobody"))

    assert look(client, kind, entry).status_code == 403
    assert look(client, kind).status_code == 403


@pytest.mark.parametrize(("kind", "entry"), [("nonsense", ""), ("page", "999"), ("page", "x")])
def test_what_does_not_exist_is_not_found(admin_client, kind, entry):
    address = reverse("admin:entry_preview", args=[kind])

    assert admin_client.get(address, {"entry": entry}).status_code == 404


# ---------------------------------------------------------------------------------------- a link
def read_shared(client, thing: Entry | Edition, days: int = 7):
    shared = share_draft(thing, by=User.objects.first(), days=days)
    return client.get(make_shared_url(shared))


def test_a_link_shows_the_saved_draft_to_whoever_has_it(client):
    entry = make_draft({"headline": "只分享這一篇"}, {"headline": "旁邊的一篇"}).entries.first()

    answer = read_shared(client, entry)

    page = answer.content.decode()
    assert "只分享這一篇" in page
    assert "請勿轉發" in page
    assert "旁邊的一篇" not in page


def test_a_link_shows_an_entry_that_waits_for_an_edition(client):
    answer = read_shared(client, make_entry(headline="待編的一篇"))

    assert "待編的一篇" in answer.content.decode()
    assert not Edition.objects.exists()


def test_a_link_shows_a_draft_edition(client):
    page = read_shared(client, make_draft({"headline": "甲"}, {"headline": "乙"})).content.decode()

    assert "甲" in page
    assert "乙" in page
    assert "請勿轉發" in page
    assert "返回本期" not in page


def test_a_shared_page_is_kept_by_nobody_and_told_to_nobody(client):
    answer = read_shared(client, make_entry())

    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer["X-Robots-Tag"]


def test_an_expired_link_says_so(client):
    shared = share_draft(make_entry(headline="過期"), by=None, days=1)
    SharedDraft.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    answer = client.get(make_shared_url(shared))

    assert answer.status_code == 410
    assert "連結已失效" in answer.content.decode()


def test_a_forged_link_is_not_found(client):
    shared = share_draft(make_entry(), by=None, days=1)
    url = make_shared_url(shared)

    assert client.get(url.replace(f"/{shared.pk}.", f"/{shared.pk + 1}.")).status_code == 404
    assert client.get("/preview/x/").status_code == 404


def test_a_revoked_link_says_so(admin_client, client):
    entry = make_entry()
    shared = share_draft(entry, by=None, days=1)

    admin_client.post(reverse("admin:entry_share", args=[entry.pk]), {"revoke": shared.pk})

    assert client.get(make_shared_url(shared)).status_code == 410


def test_the_link_of_a_deleted_draft_says_so(client):
    entry = make_entry()
    shared = share_draft(entry, by=None, days=1)
    entry.delete()

    assert client.get(make_shared_url(shared)).status_code == 410


def test_what_was_published_is_read_where_everybody_reads_it(client):
    edition = make_published()
    entry = edition.entries.get()

    assert read_shared(client, entry).url == entry.get_absolute_url()
    assert read_shared(client, edition).url == edition.get_absolute_url()


def test_a_link_shows_nothing_that_was_published_for_members_only(client):
    edition = make_published({"headline": "會員專享"}, audience=Audience.MEMBERS)

    answer = read_shared(client, edition.entries.get())

    assert answer.status_code == 410
    assert "會員專享" not in answer.content.decode()


def test_a_link_shows_nothing_that_was_withdrawn_with_its_edition(client):
    edition = make_published({"headline": "已收回的話"})
    withdraw_edition(edition)

    answer = read_shared(client, edition.entries.get())

    assert answer.status_code == 410
    assert "已收回的話" not in answer.content.decode()


def test_unsaved_text_is_not_shared(admin_client, client):
    entry = make_entry(headline="已儲存")
    type_in(admin_client, entry, headline="未儲存")

    page = read_shared(client, entry).content.decode()

    assert "已儲存" in page
    assert "未儲存" not in page
    assert Autosave.objects.exists()


@pytest.mark.parametrize("kind", ["entry", "edition"])
def test_a_link_is_made_at_the_desk(admin_client, admin_user, kind):
    edition = make_draft()
    thing = edition if kind == "edition" else edition.entries.get()
    address = reverse(f"admin:{kind}_share", args=[thing.pk])

    page = admin_client.post(address, {"days": "30"}, follow=True)

    shared = thing.shared_drafts.get()
    assert make_shared_url(shared) in page.content.decode()
    assert shared.made_by == admin_user
    assert shared.expires_at > timezone.now() + timedelta(days=29)


@pytest.mark.parametrize("days", ["", "365", "x"])
def test_a_link_is_good_for_no_other_time_than_offered(admin_client, days):
    entry = make_entry()

    page = admin_client.post(reverse("admin:entry_share", args=[entry.pk]), {"days": days})

    assert "請選擇有效多久" in page.content.decode()
    assert not SharedDraft.objects.exists()


def test_what_is_published_is_not_shared_as_a_draft(admin_client):
    entry = make_published().entries.get()

    admin_client.post(reverse("admin:entry_share", args=[entry.pk]), {"days": "7"})

    assert not SharedDraft.objects.exists()


def test_a_writer_shares_a_draft_of_their_own_and_no_other(client):
    writer = make_staff("writer", "write_entry", "view_entry")
    own, other = make_entry(created_by=writer), make_entry()
    client.force_login(writer)

    for entry in (own, other):
        client.post(reverse("admin:entry_share", args=[entry.pk]), {"days": "7"})

    assert SharedDraft.objects.get().entry == own


def test_sharing_forgets_the_links_that_have_expired():
    entry = make_entry()
    old = share_draft(entry, by=None, days=1)
    SharedDraft.objects.update(expires_at=timezone.now() - timedelta(days=1))

    share_draft(entry, by=None, days=1)

    assert not SharedDraft.objects.filter(pk=old.pk).exists()


def test_a_text_that_is_too_long_has_no_preview_and_the_reason(admin_client):
    entry = make_entry()
    type_in(admin_client, entry, headline="題", lead="導言。", body="&" * LONGEST)

    page = look(admin_client, entry=entry)

    assert page.status_code == 200
    assert "內容太長" in page.content.decode()
