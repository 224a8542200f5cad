"""What is taken back leaves a page that says so, and nothing of what it said."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from briefings import kept_descriptions
from briefings.api import operations
from briefings.contexts import describe_edition
from briefings.models import Audience, Edition, Entry, State, Theme
from briefings.pdf import render_edition_pdf
from briefings.publishing import (
    TransitionRefused,
    publish_edition,
    restore_entry,
    withdraw_edition,
    withdraw_entry,
)
from briefings.tests.makers import make_draft, make_published
from briefings.tests.test_pdf import read_text

pytestmark = pytest.mark.django_db
NOTE = "資料有誤，現正核實。"


@pytest.fixture
def admin_user(db):
    return User.objects.create_superuser("admin")


def make_three(**fields) -> Edition:
    return make_published({"headline": "甲"}, {"headline": "乙醜聞"}, {"headline": "丙"}, **fields)


def withdraw_second(edition: Edition) -> Entry:
    entry = edition.entries.get(headline="乙醜聞")
    withdraw_entry(entry, note=NOTE)
    return entry


# ---------------------------------------------------------------------------------- transitions
def test_one_entry_is_withdrawn_and_the_others_stay():
    edition = make_three()

    withdraw_second(edition)

    states = edition.entries.order_by("position").values_list("state", flat=True)
    assert list(states) == [State.PUBLISHED, State.WITHDRAWN, State.PUBLISHED]


def test_withdrawing_an_entry_takes_a_note():
    entry = make_published().entries.get()

    with pytest.raises(TransitionRefused, match="撤回說明"):
        withdraw_entry(entry, note=" ")

    assert Entry.objects.get().state == State.PUBLISHED


def test_an_entry_that_was_never_published_is_not_withdrawn():
    with pytest.raises(TransitionRefused, match="並未出版"):
        withdraw_entry(make_draft().entries.get(), note=NOTE)


def test_a_withdrawn_entry_comes_back_at_its_old_address(client):
    entry = withdraw_second(make_three())

    restore_entry(entry)

    assert (entry.state, entry.withdrawn_at, entry.withdrawal_note) == (State.PUBLISHED, None, "")
    assert client.get(entry.get_absolute_url()).status_code == 200


def test_an_entry_does_not_come_back_before_its_edition():
    edition = make_three()
    entry = withdraw_second(edition)
    withdraw_edition(edition)

    with pytest.raises(TransitionRefused, match="先出版"):
        restore_entry(entry)


def test_an_entry_withdrawn_by_itself_stays_so_when_its_edition_comes_and_goes():
    edition = make_three()
    entry = withdraw_second(edition)

    withdraw_edition(edition)
    publish_edition(edition, audience=Audience.PUBLIC)

    entry.refresh_from_db()
    assert entry.state == State.WITHDRAWN
    assert entry.withdrawal_note == NOTE


def test_publishing_again_forgets_that_the_edition_was_withdrawn():
    edition = make_published()
    withdraw_edition(edition, note=NOTE)

    publish_edition(edition, audience=Audience.PUBLIC)

    assert (edition.withdrawn_at, edition.withdrawal_note) == (None, "")


# -------------------------------------------------------------------------------------- readers
def test_the_address_of_a_withdrawn_entry_says_when_and_why_and_no_more(client):
    entry = withdraw_second(make_three())

    page = client.get(entry.get_absolute_url())

    text = page.content.decode()
    assert page.status_code == 410
    assert NOTE in text
    assert "noindex" in text
    assert "撤回了這裏的內容" in text
    assert "醜聞" not in text


@pytest.mark.parametrize("ending", ["/", ".pdf"])
def test_the_addresses_of_a_withdrawn_edition_say_so(ending, client):
    edition = make_published({"headline": "醜聞"})
    withdraw_edition(edition, note=NOTE)

    page = client.get(f"/editions/{edition.slug}{ending}")

    assert page.status_code == 410
    assert NOTE in page.content.decode()
    assert "醜聞" not in page.content.decode()


def test_the_entries_of_a_withdrawn_edition_say_what_it_says(client):
    edition = make_published({"headline": "醜聞"})
    withdraw_edition(edition, note=NOTE)

    page = client.get("/entries/醜聞/")

    assert page.status_code == 410
    assert NOTE in page.content.decode()


def test_what_only_members_saw_leaves_no_page(client):
    edition = make_three(audience=Audience.MEMBERS)
    entry = withdraw_second(edition)

    assert client.get(entry.get_absolute_url()).status_code == 404
    withdraw_edition(edition, note=NOTE)
    assert client.get(edition.get_absolute_url()).status_code == 404
    assert client.get(f"/editions/{edition.slug}.pdf").status_code == 404


@pytest.mark.parametrize(("hours", "status"), [(-1, 410), (1, 404)])
def test_what_opened_to_all_before_it_was_withdrawn_leaves_one(hours, status, client):
    opening = timezone.now() + timedelta(hours=hours)
    edition = make_published(audience=Audience.MEMBERS, public_from=opening)
    withdraw_edition(edition, note=NOTE)

    assert client.get(edition.get_absolute_url()).status_code == status


def test_a_draft_leaves_no_page(client):
    entry = make_draft({"headline": "甲"}).entries.get()

    assert client.get(entry.get_absolute_url()).status_code == 404


def test_the_edition_keeps_the_place_and_the_numbers(client):
    edition = make_three()
    withdraw_second(edition)

    text = client.get(edition.get_absolute_url()).content.decode()

    described = describe_edition(edition)
    assert [entry.number for entry in described.entries] == [1, 3]
    assert [entry.number for entry in described.contents] == [1, 2, 3]
    assert "（已撤回）" in text
    assert NOTE in text
    assert "醜聞" not in text


@pytest.mark.parametrize("path", ["/", "/editions/"])
def test_lists_keep_the_numbers_and_do_not_name_it(path, client):
    make_published({"headline": "新"}, date=date(2026, 11, 21))
    withdraw_second(make_three())

    text = client.get(path).content.decode()

    assert '<span class="number">3.</span>' in text
    assert "醜聞" not in text


@pytest.mark.parametrize(
    "path", ["/search/?q=醜聞", "/themes/航運/", "/feeds/atom/", "/feeds/json/", "/sitemap.xml"]
)
def test_it_is_found_nowhere(path, client):
    edition, theme = make_three(), Theme.objects.create(name="航運", slug="航運")
    for entry in edition.entries.all():
        entry.themes.add(theme)
    withdraw_second(edition)

    text = client.get(path).content.decode()

    assert "乙醜聞" not in text


def test_the_pdf_keeps_its_place_without_its_text():
    edition = make_three()
    withdraw_second(edition)

    text = read_text(render_edition_pdf(describe_edition(edition)))

    assert "2.（已撤回）" in text
    assert NOTE in text
    assert "醜聞" not in text


# -------------------------------------------------------------------------------------- the desk
def test_the_desk_asks_for_the_note_on_a_page_of_its_own(admin_client):
    entry = make_published().entries.get()
    path = f"/admin/briefings/entry/{entry.pk}/withdraw/"

    refused = admin_client.post(path, {"note": ""})
    admin_client.post(path, {"note": NOTE})

    entry.refresh_from_db()
    assert "請填寫撤回說明。" in refused.content.decode()
    assert (entry.state, entry.withdrawal_note) == (State.WITHDRAWN, NOTE)


def test_the_desk_brings_an_entry_back(admin_client):
    entry = withdraw_second(make_three())
    path = f"/admin/briefings/entry/{entry.pk}/reinstate/"

    asked = admin_client.get(path)
    admin_client.post(path)

    entry.refresh_from_db()
    assert asked.status_code == 200
    assert entry.state == State.PUBLISHED


def test_the_desk_withdraws_an_edition_with_its_note(admin_client):
    edition = make_published()

    admin_client.post(f"/admin/briefings/edition/{edition.pk}/withdraw/", {"note": NOTE})

    edition.refresh_from_db()
    assert (edition.state, edition.withdrawal_note) == (State.WITHDRAWN, NOTE)


@pytest.mark.parametrize("page", ["withdraw", "reinstate"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_only_who_may_correct_withdraws(page, method, client):
    entry = make_published().entries.get()
    editor = User.objects.create_user("chan", is_staff=True)
    names = ["change_entry", "view_entry", "approve_entry"]
    editor.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(editor)

    response = getattr(client, method)(f"/admin/briefings/entry/{entry.pk}/{page}/", {"note": NOTE})

    assert response.status_code == 403
    assert Entry.objects.get().state == State.PUBLISHED


def test_a_withdrawn_entry_is_not_deleted(admin_client):
    entry = withdraw_second(make_three())

    admin_client.post(f"/admin/briefings/entry/{entry.pk}/delete/", {"post": "yes"})

    assert Entry.objects.filter(pk=entry.pk).exists()


# ------------------------------------------------------------------- while somebody is reading it
def withdraw_meanwhile(monkeypatch, module, *, afterwards=False, whole=False):
    """Between what is read first of an entry and what is read next."""

    def describe(edition):
        before = describe_edition(edition)
        if whole:
            withdraw_edition(Edition.objects.get())
        else:
            withdraw_entry(Entry.objects.get(headline="甲"), note="核實中。")
        return before if afterwards else describe_edition(edition)

    monkeypatch.setattr(module, "describe_edition", describe)


@pytest.mark.parametrize(
    "address", ["/entries/甲/", "/entries/甲.bib", "/entries/甲.ris", "/e/{number}/v1"]
)
def test_an_entry_that_is_withdrawn_meanwhile_is_told_as_gone(address, client, monkeypatch):
    entry = make_published({"headline": "甲"}, {"headline": "乙"}).entries.first()
    withdraw_meanwhile(monkeypatch, kept_descriptions)

    assert client.get(address.format(number=entry.pk)).status_code in (404, 410)


def test_an_edition_that_is_withdrawn_meanwhile_is_told_as_gone(client, monkeypatch):
    make_published({"headline": "甲"}, {"headline": "乙"})
    withdraw_meanwhile(monkeypatch, kept_descriptions, afterwards=True, whole=True)

    assert client.get("/entries/甲/").status_code in (404, 410)


def test_programs_are_told_that_an_entry_was_withdrawn_meanwhile(client, monkeypatch):
    make_published({"headline": "甲"}, {"headline": "乙"})
    withdraw_meanwhile(monkeypatch, operations)

    assert client.get("/api/v1/entries/甲").status_code == 410


def test_programs_get_an_edition_without_what_was_withdrawn_meanwhile(client, monkeypatch):
    edition = make_published({"headline": "甲"}, {"headline": "乙"})
    withdraw_meanwhile(monkeypatch, operations, afterwards=True)

    answer = client.get(f"/api/v1/editions/{edition.slug}").json()

    assert [entry["headline"] for entry in answer["entries"]] == ["乙"]
