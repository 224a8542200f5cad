"""Who changed what: every act leaves a version, and any version of an entry comes back."""

import pytest
import reversion
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from briefings.corrections import CorrectionRefused
from briefings.history import (
    describe_now,
    keep_unrecorded,
    keep_version,
    list_changes,
    list_deleted_entries,
    list_versions,
    record_act,
)
from briefings.hooks import Event
from briefings.models import (
    Author,
    Byline,
    Entry,
    GlossaryTerm,
    Imprint,
    Publication,
    Source,
    State,
    Theme,
)
from briefings.publishing import approve_entry, publish_edition, submit_entry
from briefings.restoring import (
    AlreadyRecovered,
    find_version,
    recover_entry,
    restore_version,
)
from briefings.tests.makers import make_draft, make_entry, make_published
from briefings.tests.sent_forms import send_form
from briefings.themes import merge_themes

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin_user(db):
    return User.objects.create_superuser("admin")


def make_writer(name="chan") -> User:
    writer = User.objects.create_user(name, is_staff=True)
    names = ["write_entry", "view_entry"]
    writer.user_permissions.set(Permission.objects.filter(codename__in=names))
    return User.objects.get(pk=writer.pk)


def desk_of(entry: Entry) -> str:
    return f"/admin/briefings/entry/{entry.pk}/change/"


def page_of(entry: Entry, place: int = -1) -> str:
    """The page of a version; -1 is the oldest."""
    return f"/admin/briefings/entry/{entry.pk}/versions/{list_versions(entry)[place].id}/"


def change(thing, why="改", **fields):
    for name, value in fields.items():
        setattr(thing, name, value)
    thing.save()
    keep_version(thing, why=why)


def oldest(entry: Entry):
    return find_version(entry, list_versions(entry)[-1].id)


def make_whole(**fields) -> Entry:
    """An entry with a theme, a source and an author, and one version that has them all."""
    theme = Theme.objects.create(name="航運")
    entry = make_entry(**{"headline": "舊題", "themes": [theme]} | fields)
    Source.objects.create(entry=entry, title="施政報告", publisher="政府")
    Byline.objects.create(entry=entry, author=Author.objects.create(name="陳大文"))
    keep_version(entry, why="開始")
    return entry


def strip(entry: Entry) -> None:
    """Everything that `make_whole` gave it is gone, and that is a version too."""
    entry.themes.clear()
    entry.sources.all().delete()
    entry.bylines.all().delete()
    change(entry, headline="新題", body="<p>新。</p>")


# ------------------------------------------------------------------------------------- versions
def test_a_version_says_what_the_entry_and_all_that_belongs_to_it_said():
    entry = make_whole()
    strip(entry)

    then = list_versions(entry)[-1].text

    assert then["標題"].text == "舊題"
    assert then["政策主題"].text == "航運"
    assert then["資料來源"].text == "施政報告，政府"
    assert then["作者"].text == "陳大文"


def test_versions_tell_who_and_why_with_the_newest_first():
    entry, writer = make_entry(), make_writer()

    keep_version(entry, by=writer, why="開始")
    change(entry, why="改題", headline="新題")

    assert [(v.made_by, v.why) for v in list_versions(entry)] == [("", "改題"), ("chan", "開始")]


def test_a_version_that_says_nothing_new_is_not_listed():
    entry = make_entry()

    keep_version(entry, why="開始")
    keep_version(entry, why="儲存")

    assert [version.why for version in list_versions(entry)] == ["開始"]


def test_changes_are_shown_character_by_character():
    entry = make_entry(headline="撥款三億", body="<p>由署長審批。</p>")
    keep_version(entry, why="開始")
    change(entry, headline="撥款十億", body="<p>由<strong>署長</strong>審批。</p>")

    [(_, changes), _] = list_changes(list_versions(entry))

    assert [(c.label, c.difference) for c in changes] == [
        ("標題", "撥款<del>三</del><ins>十</ins>億"),
        ("短評", ""),
    ]


def test_a_theme_that_was_renamed_since_is_no_change_of_the_entry():
    entry = make_whole()
    Theme.objects.update(name="海運")
    change(entry, headline="新題")

    [(_, changes), _] = list_changes(list_versions(entry))

    assert [one.label for one in changes] == ["標題"]


def test_an_edition_tells_the_order_of_its_entries():
    edition = make_draft({"headline": "甲"}, {"headline": "乙"}, number=7)
    keep_version(edition, why="開始")
    edition.entries.filter(headline="甲").update(position=9)
    change(edition, number=8)

    newest, older = list_versions(edition)

    assert (older.text["期號"].text, older.text["短評"].text) == ("7", "甲\n乙")
    assert (newest.text["期號"].text, newest.text["短評"].text) == ("8", "乙\n甲")


def test_putting_an_entry_in_an_edition_is_told_of_the_entry_too():
    entry, edition = make_entry(), make_draft(number=7)
    keep_version(entry, why="開始")
    Entry.objects.filter(pk=entry.pk).update(edition=edition)
    keep_version(edition, why="加入短評")

    [(version, changes), _] = list_changes(list_versions(entry))

    assert version.why == "加入短評"
    assert [one.label for one in changes] == ["期"]


def test_a_theme_and_a_term_tell_their_other_names():
    theme = Theme.objects.create(name="航運")
    theme.aliases.create(name="海運")
    term = GlossaryTerm.objects.create(name="強積金")
    term.wordings.create(text="強基金", is_discouraged=True)

    assert describe_now(theme)["別稱"].text == "海運"
    assert describe_now(term)["其他寫法"].text == "強基金（不宜使用）"


def test_what_was_written_before_there_was_a_history_is_kept_before_it_changes():
    entry = make_entry(headline="舊題")

    keep_unrecorded(entry)

    assert list_versions(entry)[0].text["標題"].text == "舊題"


def test_a_hundred_versions_are_listed_with_few_queries(django_assert_max_num_queries):
    entry = make_whole()
    for number in range(100):
        change(entry, headline=f"第{number}題")

    with django_assert_max_num_queries(8):
        versions = list_versions(entry)

    assert len(versions) == 101


# ------------------------------------------------------------------------------ who records what
def test_a_save_at_the_desk_is_a_version_with_its_author(admin_client):
    entry = make_entry(headline="舊題")

    send_form(admin_client, desk_of(entry), headline="新題", lead="新導言。", body="<p>新。</p>")

    newest, older = list_versions(entry)
    assert (newest.made_by, newest.text["標題"].text) == ("admin", "新題")
    assert (older.made_by, older.text["標題"].text) == ("", "舊題")
    assert newest.why == "修改了標題、導言和短評。"


def test_the_steps_to_publication_are_versions():
    entry, writer = make_entry(make_draft()), make_writer()

    submit_entry(entry, by=writer)
    approve_entry(entry, by=writer)
    publish_edition(entry.edition, audience="public", by=writer)

    told = [(version.why, version.made_by) for version in list_versions(entry)]
    assert told == [("出版", "chan"), ("審批", "chan"), ("送審", "chan")]


def test_an_act_is_written_in_the_audit_log():
    entry, writer = make_entry(), make_writer()

    record_act(entry, by=writer, why="審批")

    line = LogEntry.objects.get()
    assert (line.user, line.get_change_message(), line.object_repr) == (writer, "審批", str(entry))


def test_saving_outside_the_desk_leaves_no_version_by_itself():
    """reversion's signals stay silent: what counts is recorded by name."""
    with reversion.create_revision(manage_manually=True):
        entry = make_entry()

    assert list_versions(entry) == []


# ------------------------------------------------------------------------------------- restoring
def test_restoring_brings_all_of_a_version_back_as_a_new_one():
    entry = make_whole()
    strip(entry)

    lost = restore_version(entry, oldest(entry), by=make_writer())

    now, then = describe_now(Entry.objects.get()), list_versions(entry)[-1].text
    assert now == then
    assert lost == []
    assert [v.text["標題"].text for v in list_versions(entry)] == ["舊題", "新題", "舊題"]


def test_restoring_leaves_state_and_edition_as_they_are():
    entry = make_whole()
    edition = make_draft()
    Entry.objects.filter(pk=entry.pk).update(edition=edition, state=State.APPROVED)

    restore_version(entry, oldest(entry), by=None)

    entry.refresh_from_db()
    assert (entry.edition, entry.state) == (edition, State.APPROVED)


def test_what_nobody_recorded_is_kept_before_it_is_written_over():
    entry = make_whole()
    Entry.objects.filter(pk=entry.pk).update(lead="在別處改的。")

    restore_version(entry, oldest(entry), by=None)

    assert "在別處改的。" in [version.text["導言"].text for version in list_versions(entry)]


def test_a_theme_that_was_merged_comes_back_as_what_it_is_now():
    entry = make_whole()
    strip(entry)
    shipping = Theme.objects.create(name="航運物流")
    merge_themes(shipping, [Theme.objects.get(name="航運").pk])

    lost = restore_version(entry, oldest(entry), by=None)

    assert list(entry.themes.all()) == [shipping]
    assert lost == ["主題「航運」已由「航運物流」代替。"]


def test_what_is_gone_is_told_and_the_rest_comes_back():
    entry = make_whole()
    strip(entry)
    Theme.objects.all().delete()
    Author.objects.all().delete()

    lost = restore_version(entry, oldest(entry), by=None)

    assert lost == ["主題「航運」已不存在，未能還原。", "作者「陳大文」已不存在，未能還原。"]
    assert entry.sources.get().title == "施政報告"


def test_restoring_a_published_entry_is_a_correction():
    entry = make_published({"headline": "舊題"}).entries.get()
    keep_unrecorded(entry)
    Entry.objects.filter(pk=entry.pk).update(headline="新題")

    with pytest.raises(CorrectionRefused):
        restore_version(entry, oldest(entry), by=None)
    restore_version(entry, oldest(entry), by=None, note="改錯了。")

    assert entry.corrections.get().note == "改錯了。"
    assert Entry.objects.get().headline == "舊題"


def test_a_version_of_another_entry_is_not_found():
    entry, other = make_whole(), make_entry()

    assert find_version(other, list_versions(entry)[0].id) is None


# -------------------------------------------------------------------------------------- the desk
def test_the_versions_stand_beside_the_text(admin_client):
    entry = make_whole()

    page = admin_client.get(desk_of(entry)).content.decode()

    assert page_of(entry) in page


@pytest.mark.parametrize("thing", ["entry", "edition", "theme"])
def test_the_history_shows_the_differences_in_chinese(thing, admin_client):
    edition = make_draft({"headline": "甲"}, number=7)
    changed = {
        "entry": edition.entries.get(),
        "edition": edition,
        "theme": Theme.objects.create(name="航運"),
    }[thing]
    keep_version(changed, why="開始")
    field = {"entry": "headline", "edition": "number", "theme": "name"}[thing]
    change(changed, **{field: "99"})

    page = admin_client.get(f"/admin/briefings/{thing}/{changed.pk}/history/").content.decode()

    assert "<ins>99</ins>" in page
    assert "Initial" not in page


def test_an_editions_history_tells_what_other_apps_did_with_it(admin_client, monkeypatch):
    edition = make_draft(number=7)
    keep_version(edition, why="新增")
    told = Event(timezone.now(), "陳大文", "敲鐘：三下")
    ring = "briefings.admin.history.edition_events"
    monkeypatch.setattr(ring, [lambda seen: [told] if seen == edition else []])

    page = admin_client.get(f"/admin/briefings/edition/{edition.pk}/history/").content.decode()

    assert page.index("陳大文：敲鐘：三下") < page.index("系統：新增")
    assert page.count("最早的紀錄") == 1


def test_the_page_of_a_version_compares_it_with_the_one_before_and_with_now(admin_client):
    entry = make_entry(headline="甲")
    keep_version(entry, why="開始")
    change(entry, headline="乙")
    change(entry, headline="丙")

    before = admin_client.get(page_of(entry, 1)).content.decode()
    now = admin_client.get(page_of(entry, 1) + "?with=now").content.decode()

    assert "<del>甲</del><ins>乙</ins>" in before
    assert "<del>乙</del><ins>丙</ins>" in now


def test_a_version_is_restored_at_the_desk(admin_client):
    entry = make_whole()
    strip(entry)

    admin_client.post(page_of(entry))

    assert Entry.objects.get().headline == "舊題"


def test_restoring_a_published_entry_asks_for_a_note_and_keeps_what_was_typed(admin_client):
    entry = make_published({"headline": "舊題"}).entries.get()
    keep_unrecorded(entry)
    Entry.objects.filter(pk=entry.pk).update(headline="新題")
    keep_unrecorded(entry)

    asked = admin_client.post(page_of(entry), {"note": " "})

    assert "請填寫更正說明" in asked.content.decode()
    assert Entry.objects.get().headline == "新題"


def test_who_may_not_change_an_entry_may_not_restore_it(client):
    entry = make_whole(created_by=make_writer("lee"))
    strip(entry)
    client.force_login(make_writer())

    assert client.get(page_of(entry)).status_code == 200
    assert client.post(page_of(entry)).status_code == 403
    assert Entry.objects.get().headline == "新題"


def test_what_was_scheduled_since_it_was_looked_up_is_not_restored(admin_client, monkeypatch):
    entry = make_whole()
    strip(entry)

    def schedule_and_find(*args):
        Entry.objects.update(state=State.SCHEDULED)
        return find_version(*args)

    monkeypatch.setattr("briefings.admin.history.find_version", schedule_and_find)

    response = admin_client.post(page_of(entry))

    assert response.status_code == 403
    assert Entry.objects.get().headline == "新題"


def test_who_may_not_see_entries_sees_no_versions(client):
    entry = make_whole()
    client.force_login(User.objects.create_user("nobody", is_staff=True))

    assert client.get(page_of(entry)).status_code == 403
    assert client.get(f"/admin/briefings/entry/{entry.pk}/history/").status_code == 403
    assert client.get("/admin/briefings/entry/deleted/").status_code == 403


# ---------------------------------------------------------------------------------- the deleted
def delete_at_desk(client, entry: Entry) -> None:
    client.post(f"/admin/briefings/entry/{entry.pk}/delete/", {"post": "yes"})
    assert not Entry.objects.filter(pk=entry.pk).exists()


def test_who_deletes_an_entry_is_told_that_it_can_come_back(admin_client):
    page = admin_client.get(f"/admin/briefings/entry/{make_entry().pk}/delete/").content.decode()

    assert "仍可在「已刪除的短評」救回" in page
    assert "無法復原" not in page


def test_a_deleted_entry_is_listed_with_who_deleted_it(admin_client):
    delete_at_desk(admin_client, make_entry(headline="刪錯了"))

    page = admin_client.get("/admin/briefings/entry/deleted/").content.decode()

    assert "刪錯了" in page
    assert "admin於" in page


def test_a_deleted_entry_comes_back_with_its_history(admin_client):
    entry = make_whole(state=State.APPROVED)
    delete_at_desk(admin_client, entry)
    [version] = list_deleted_entries()

    admin_client.post(f"/admin/briefings/entry/deleted/{version.pk}/")

    back = Entry.objects.get()
    assert (back.pk, back.headline, back.state, back.edition) == (entry.pk, "舊題", "draft", None)
    assert [str(theme) for theme in back.themes.all()] == ["航運"]
    assert [version.why for version in list_versions(back)] == ["救回已刪除的短評", "開始"]


def test_recovering_twice_makes_one(admin_client):
    delete_at_desk(admin_client, make_entry())
    [version] = list_deleted_entries()
    recover_entry(version, by=None)

    with pytest.raises(AlreadyRecovered):
        recover_entry(version, by=None)
    again = admin_client.post(f"/admin/briefings/entry/deleted/{version.pk}/", follow=True)

    assert Entry.objects.count() == 1
    assert "已經救回" in again.content.decode()


def test_a_writer_gets_back_their_own_and_nobody_elses(admin_client, client):
    writer = make_writer()
    delete_at_desk(admin_client, make_entry(headline="我的", created_by=writer))
    delete_at_desk(admin_client, make_entry(headline="別人的"))
    client.force_login(writer)

    page = client.get("/admin/briefings/entry/deleted/").content.decode()
    others = next(v for v in list_deleted_entries() if "別人的" in v.serialized_data)
    refused = client.post(f"/admin/briefings/entry/deleted/{others.pk}/")

    assert "我的" in page
    assert "別人的" not in page
    assert refused.status_code == 403


@pytest.mark.parametrize(
    "make",
    [
        Imprint.default,
        Publication.objects.get,
        lambda: GlossaryTerm.objects.create(name="強積金"),
        lambda: Author.objects.create(name="陳大文"),
    ],
    ids=["imprint", "publication", "term", "author"],
)
def test_whatever_else_editors_write_has_a_history_too(make, admin_client):
    thing = make()
    keep_version(thing, why="開始")
    field = "telephone" if isinstance(thing, Imprint) else "name"
    change(thing, **{field: "9999"})

    address = reverse(f"admin:briefings_{thing._meta.model_name}_history", args=[thing.pk])
    page = admin_client.get(address).content.decode()

    assert "<ins>9999</ins>" in page
