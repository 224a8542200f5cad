"""What was typed and not saved: kept, offered, given back; and who else was writing."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import lxml.html
import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from briefings.autosaves import (
    MOST_BYTES,
    Unkeepable,
    find_others,
    note_presence,
    parse_typed,
    pick_fields,
)
from briefings.html import LONGEST
from briefings.models import Author, Autosave, Entry, Presence, Source, State, Theme
from briefings.tests.makers import make_draft, make_entry

pytestmark = pytest.mark.django_db

AUTOSAVE = "/admin/briefings/entry/autosave/"
ADD = "/admin/briefings/entry/add/"


@pytest.fixture
def admin_user(db):
    return User.objects.create_superuser("admin", first_name="陳大文")


def make_staff(name: str, *permissions: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def desk_of(entry: Entry) -> str:
    return reverse("admin:briefings_entry_change", args=[entry.pk])


def fill(**fields) -> dict[str, list[str]]:
    """As a browser sends it: every field has a list of values."""
    form = {"headline": "標題", "lead": "導言。", "body": "<p>正文。</p>", "themes": []} | fields
    return {name: value if isinstance(value, list) else [value] for name, value in form.items()}


def tell(client, entry=None, *, form_id="form-1", fields=None, **more):
    message = {
        "form_id": form_id,
        "entry": entry and entry.pk,
        "version": entry.version if entry else 0,
        "fields": fields,
    }
    return client.post(AUTOSAVE, json.dumps(message | more), content_type="application/json")


def open_form(client, address: str) -> dict[str, str]:
    """What the form's page would post of itself, untouched."""
    draft = client.get(address).context["draft"]
    return {"_form_id": draft.form_id, "_version": draft.version, "_opened": draft.opened}


def rows(**lines: list[dict]) -> dict[str, str]:
    """Authors and sources as the page posts them."""
    posted = {}
    for prefix in ("bylines", "sources"):
        forms = lines.get(prefix, [])
        kept = sum(1 for form in forms if form.get("id"))
        posted |= {f"{prefix}-TOTAL_FORMS": len(forms), f"{prefix}-INITIAL_FORMS": kept}
        for index, form in enumerate(forms):
            posted |= {f"{prefix}-{index}-{name}": value for name, value in form.items()}
    return posted


def post(client, address: str, opened: dict, **fields):
    lines = {name: fields.pop(name) for name in ("bylines", "sources") if name in fields}
    form = {"headline": "標題", "lead": "導言。", "body": "<p>正文。</p>", "themes": []}
    return client.post(address, opened | form | rows(**lines) | fields)


# --------------------------------------------------------------------------------------- keeping
def test_what_is_typed_is_kept_and_the_entry_stays_as_it_was(admin_client):
    entry = make_entry(headline="原題")

    answer = tell(admin_client, entry, fields=fill(headline="新題"))

    entry.refresh_from_db()
    assert answer.status_code == 200
    assert Autosave.objects.get().fields["headline"] == ["新題"]
    assert (entry.headline, entry.version) == ("原題", 1)


def test_one_form_is_kept_in_one_row(admin_client):
    entry = make_entry()

    tell(admin_client, entry, fields=fill(lead="一"))
    tell(admin_client, entry, fields=fill(lead="一二"))

    assert Autosave.objects.get().fields["lead"] == ["一二"]


def test_two_forms_of_one_entry_do_not_write_over_each_other(admin_client):
    entry = make_entry()

    tell(admin_client, entry, form_id="tab-1", fields=fill(lead="甲"))
    tell(admin_client, entry, form_id="tab-2", fields=fill(lead="乙"))

    assert Autosave.objects.count() == 2


def test_what_is_typed_and_taken_back_is_kept_no_longer(admin_client):
    entry = make_entry()
    tell(admin_client, entry, fields=fill(lead="手誤"))

    tell(admin_client, entry, fields=fill(), as_opened=True)

    assert not Autosave.objects.exists()


def test_the_time_told_is_when_it_was_typed(admin_client):
    """A copy that could not be brought at once says so."""
    before = timezone.now()

    tell(admin_client, fields=fill(), age=3600)

    assert Autosave.objects.get().saved_at < before - timedelta(minutes=59)


def test_of_a_form_only_what_a_person_fills_in_is_kept():
    posted = {
        "headline": ["題"],
        "csrfmiddlewaretoken": ["secret"],
        "_save": [""],
        "_opened": ["{}"],
        "sources-TOTAL_FORMS": ["1"],
        "sources-MAX_NUM_FORMS": ["1000"],
        "sources-0-title": ["施政報告"],
        "sources-__prefix__-title": [""],
    }

    assert set(pick_fields(posted)) == {
        *("headline", "_opened"),
        *("sources-TOTAL_FORMS", "sources-0-title"),
    }


def test_characters_that_no_database_takes_are_left_out(admin_client):
    tell(admin_client, fields=fill(headline="甲\0乙\ud800丙"))

    assert Autosave.objects.get().fields["headline"] == ["甲乙丙"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'{"form_id": "a"}',
        b'{"form_id": "a b", "entry": null, "version": 0}',
        b'{"form_id": "a", "entry": "1", "version": 0}',
        b'{"form_id": "a", "entry": -1, "version": 0}',
        b'{"form_id": "a", "entry": 1e400, "version": 0}',
        b'{"form_id": "a", "entry": 99999999999999999999, "version": 0}',
        b'{"form_id": "a", "entry": null, "version": 0, "fields": []}',
        b'{"form_id": "a", "entry": null, "version": 0, "fields": {"lead": "x"}}',
        b'{"form_id": "a", "entry": null, "version": 0, "fields": {"lead": [1]}}',
        b'{"form_id": "a", "entry": null, "version": 0, "fields": {"lead": null}}',
        b'{"form_id": "a", "entry": null, "version": 0, "fields": {}, "age": 1e9}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_garbage_is_no_form(body):
    with pytest.raises(Unkeepable):
        parse_typed(body)


def test_garbage_is_refused_in_plain_words(admin_client):
    answer = admin_client.post(AUTOSAVE, "{", content_type="application/json")

    assert answer.status_code == 400
    assert "未能自動儲存" in answer.json()["trouble"]


def test_a_text_too_long_to_keep_is_refused_in_plain_words(admin_client):
    answer = tell(admin_client, fields=fill(body="字" * MOST_BYTES))

    assert answer.status_code == 413
    assert "太長" in answer.json()["trouble"]
    assert not Autosave.objects.exists()


# ----------------------------------------------------------------------------------- permissions
def test_a_writer_keeps_text_for_a_draft_of_their_own(client):
    writer = make_staff("writer", "write_entry", "view_entry")
    entry = make_entry(created_by=writer)
    client.force_login(writer)

    assert tell(client, entry, fields=fill()).status_code == 200


@pytest.mark.parametrize("state", [State.DRAFT, State.IN_REVIEW])
def test_a_writer_keeps_no_text_for_what_they_may_not_change(client, state):
    entry = make_entry(created_by=User.objects.create_user("another"))
    Entry.objects.update(state=state)
    client.force_login(make_staff("writer", "write_entry", "view_entry"))

    answer = tell(client, entry, fields=fill())

    assert answer.status_code == 403
    assert not Autosave.objects.exists()
    assert not Presence.objects.exists()


def test_somebody_without_permissions_keeps_nothing(client):
    client.force_login(make_staff("nobody"))

    assert tell(client, fields=fill()).status_code == 403
    assert client.get(AUTOSAVE).status_code == 403


def test_without_a_login_the_answer_is_the_way_to_one(client):
    assert tell(client, fields=fill()).status_code == 302


def test_a_form_whose_login_was_renewed_gets_a_new_token(admin_client, admin_user):
    answer = admin_client.get(AUTOSAVE).json()

    assert answer["user"] == admin_user.pk
    assert answer["token"]


def test_nobody_is_given_what_another_typed(admin_client, client):
    entry = make_entry()
    tell(admin_client, entry, fields=fill(lead="別人未儲存的"))
    client.force_login(make_staff("editor", "change_entry", "view_entry"))

    page = client.get(f"{desk_of(entry)}?unsaved=form-1")

    assert "別人未儲存的" not in page.content.decode()


def test_a_standing_page_does_not_keep_a_login_alive(admin_client):
    entry = make_entry()
    session = admin_client.session
    session["login_began_at"] = (timezone.now() - timedelta(hours=1)).isoformat()
    session["login_seen_at"] = seen = session["login_began_at"]
    session.save()

    tell(admin_client, entry)

    assert admin_client.session["login_seen_at"] == seen


# -------------------------------------------------------------------------------------- offering
def test_unsaved_text_is_offered_with_what_differs(admin_client):
    entry = make_entry(lead="政府公布計劃。")
    tell(admin_client, entry, fields=fill(headline=entry.headline, lead="政府公布新計劃。"))

    page = admin_client.get(desk_of(entry))

    [offer] = page.context["draft"].offers
    assert [difference.label for difference in offer.differences] == ["導言"]
    assert "政府公布<ins>新</ins>計劃。" in page.content.decode()


def test_unsaved_text_is_given_back_without_being_saved(admin_client):
    entry = make_entry(lead="舊")
    theme = Theme.objects.create(name="北部都會區")
    author = Author.objects.create(name="陳大文")
    source = Source.objects.create(entry=entry, title="舊來源")
    lines = rows(
        bylines=[{"id": "", "entry": entry.pk, "author": author.pk, "position": 1}],
        sources=[
            {"id": source.pk, "entry": entry.pk, "title": "改過的來源"},
            {"id": "", "entry": entry.pk, "title": "新來源"},
        ],
    )
    tell(
        admin_client,
        entry,
        fields=fill(lead="新", body="<p><strong>粗</strong></p>", themes=[str(theme.pk)])
        | {name: [str(value)] for name, value in lines.items()},
    )

    page = admin_client.get(f"{desk_of(entry)}?unsaved=form-1")

    text = page.content.decode()
    entry.refresh_from_db()
    assert (entry.lead, entry.sources.count()) == ("舊", 1)
    assert page.context["adminform"].form["lead"].value() == "新"
    assert "&lt;p&gt;&lt;strong&gt;粗&lt;/strong&gt;&lt;/p&gt;" in text
    assert f'<option value="{theme.pk}" selected>北部都會區</option>' in text
    assert f'<option value="{author.pk}" selected>陳大文</option>' in text
    assert 'value="改過的來源"' in text
    assert 'value="新來源"' in text
    assert "errornote" not in text


def test_what_was_given_back_is_then_saved_like_any_form(admin_client):
    entry = make_entry(lead="舊")
    tell(admin_client, entry, fields=fill(lead="新"))
    opened = open_form(admin_client, f"{desk_of(entry)}?unsaved=form-1")

    post(admin_client, desk_of(entry), opened, lead="新")

    entry.refresh_from_db()
    assert entry.lead == "新"
    assert not Autosave.objects.exists()


def test_saving_forgets_what_its_form_had_kept(admin_client):
    entry = make_entry()
    opened = open_form(admin_client, desk_of(entry))
    tell(admin_client, entry, form_id=opened["_form_id"], fields=fill(lead="新"))

    post(admin_client, desk_of(entry), opened, lead="新")

    assert not Autosave.objects.exists()


def test_a_refused_save_forgets_nothing(admin_client):
    entry = make_entry()
    opened = open_form(admin_client, desk_of(entry))
    tell(admin_client, entry, form_id=opened["_form_id"], fields=fill(headline=""))

    page = post(admin_client, desk_of(entry), opened, headline="")

    assert page.status_code == 200
    assert page.context["draft"].form_id == opened["_form_id"]
    assert Autosave.objects.exists()


def test_text_that_came_in_after_its_save_is_not_offered(admin_client):
    entry = make_entry()
    same = fill(headline=entry.headline, lead=entry.lead, body=entry.body)
    tell(admin_client, entry, fields=same)

    page = admin_client.get(desk_of(entry))

    assert page.context["draft"].offers == []
    assert not Autosave.objects.exists()


def test_unsaved_text_can_be_thrown_away(admin_client):
    entry = make_entry()
    tell(admin_client, entry, fields=fill(lead="不要"))

    answer = admin_client.post(f"{AUTOSAVE}form-1/discard/")

    assert answer.url == desk_of(entry)
    assert not Autosave.objects.exists()


def test_a_new_entry_that_was_never_saved_is_offered_on_the_list_and_the_empty_form(admin_client):
    tell(admin_client, fields=fill(headline="未完成的一篇"))

    on_list = admin_client.get("/admin/briefings/entry/").content.decode()
    [offer] = admin_client.get(ADD).context["draft"].offers
    given_back = admin_client.get(offer.restore_url)

    assert "未完成的一篇" in on_list
    assert offer.restore_url in on_list
    assert given_back.context["adminform"].form["headline"].value() == "未完成的一篇"


def test_an_address_of_text_that_is_gone_says_so(admin_client):
    entry = make_entry()

    page = admin_client.get(f"{desk_of(entry)}?unsaved=form-1")

    assert "已經儲存或放棄" in page.content.decode()


def test_of_several_unsaved_texts_the_newest_is_offered_and_the_older_are_folded(admin_client):
    entry = make_entry()
    for number, lead in enumerate(["最早的", "較早的", "最新的"]):
        tell(admin_client, entry, form_id=f"form-{number}", fields=fill(lead=lead), age=9 - number)

    page = lxml.html.fromstring(admin_client.get(desk_of(entry)).content.decode())

    [folded] = page.find_class("older-unsaved")
    assert folded.findtext("summary") == "較早的未儲存文字（2）"
    assert len(folded.find_class("unsaved")) == 2
    assert "最新的" not in folded.text_content()
    assert len(page.find_class("unsaved")) == 3


def test_one_unsaved_text_has_nothing_folded_beside_it(admin_client):
    entry = make_entry()
    tell(admin_client, entry, fields=fill(lead="新的"))

    assert "older-unsaved" not in admin_client.get(desk_of(entry)).content.decode()


# ------------------------------------------------------------------------------- deleted meanwhile
def test_text_for_an_entry_deleted_meanwhile_is_kept_as_a_new_one(admin_client):
    entry = make_entry()
    tell(admin_client, entry, fields=fill(lead="寫了很久"))

    entry.delete()

    [offer] = admin_client.get(ADD).context["draft"].offers
    assert offer.autosave.fields["lead"] == ["寫了很久"]


def test_keeping_text_for_an_entry_deleted_meanwhile_says_so(admin_client):
    entry = make_entry()
    Entry.objects.filter(pk=entry.pk).delete()

    answer = tell(admin_client, entry, fields=fill(lead="寫了很久"))

    assert "已被刪除" in answer.json()["notice"]
    assert Autosave.objects.get().entry is None


def test_saving_an_entry_deleted_meanwhile_gives_the_text_back_as_a_new_one(admin_client):
    entry = make_entry()
    address = desk_of(entry)
    opened = open_form(admin_client, address)
    Entry.objects.all().delete()
    source = {"id": "", "entry": entry.pk, "title": "施政報告"}

    answer = post(admin_client, address, opened, lead="寫了很久", sources=[source])

    page = admin_client.get(answer.url)
    assert page.context["adminform"].form["lead"].value() == "寫了很久"
    opened = open_form(admin_client, answer.url)
    post(admin_client, ADD, opened, lead="寫了很久", sources=[source | {"entry": ""}])
    assert Entry.objects.get().sources.get().title == "施政報告"


# -------------------------------------------------------------------------------------- presence
def test_each_of_two_sees_the_other(admin_client, client):
    entry = make_entry()
    admin_client.get(desk_of(entry))
    client.force_login(make_staff("wong", "change_entry", "view_entry"))

    page = client.get(desk_of(entry))
    answer = tell(admin_client, entry).json()

    assert "陳大文也開着這一篇" in page.context["draft"].others
    assert "wong也開着這一篇" in answer["others"]


def test_who_left_is_not_shown(admin_client, admin_user):
    entry = make_entry()
    admin_client.get(desk_of(entry))

    tell(admin_client, entry, leaving=True)

    assert not Presence.objects.exists()


def test_who_has_been_silent_for_a_minute_and_a_half_is_not_shown(admin_user):
    entry = make_entry()
    now = timezone.now()
    note_presence(admin_user, entry, now - timedelta(seconds=90))

    assert find_others(User.objects.create_user("wong"), entry, now) == []


def test_old_presences_are_swept_away(admin_user):
    entry, now = make_entry(), timezone.now()
    note_presence(User.objects.create_user("wong"), entry, now - timedelta(hours=2))

    note_presence(admin_user, entry, now)

    assert Presence.objects.get().user == admin_user


# ----------------------------------------------------------------------------------- stale saves
def save_as_another(entry: Entry, **fields) -> None:
    other = Entry.objects.get(pk=entry.pk)
    for name, value in fields.items():
        setattr(other, name, value)
    other.save()


def test_a_save_on_what_is_out_of_date_is_stopped_and_loses_nothing(admin_client):
    entry = make_entry(lead="原文")
    opened = open_form(admin_client, desk_of(entry))
    save_as_another(entry, lead="對方的")

    answer = post(admin_client, desk_of(entry), opened, lead="我的")

    entry.refresh_from_db()
    assert answer.url == reverse("admin:entry_merge", args=[entry.pk, opened["_form_id"]])
    assert entry.lead == "對方的"
    assert Autosave.objects.get().fields["lead"] == ["我的"]


def test_both_versions_are_shown_with_what_differs(admin_client):
    entry = make_entry(headline="標題", lead="政府公布計劃。")
    opened = open_form(admin_client, desk_of(entry))
    save_as_another(entry, lead="政府公布新計劃。")

    page = post(admin_client, desk_of(entry), opened, lead="當局公布計劃。").url

    text = admin_client.get(page).content.decode()
    assert "政府公布新計劃。" in text
    assert "當局公布計劃。" in text
    assert "<del>政府</del><ins>當局</ins>公布<del>新</del>計劃。" in text


def test_only_what_both_changed_has_to_be_chosen(admin_client):
    entry = make_entry(headline="標題", lead="原", body="<p>原</p>")
    opened = open_form(admin_client, desk_of(entry))
    save_as_another(entry, lead="對方", body="<p>對方</p>")
    url = post(
        admin_client, desk_of(entry), opened, headline="我的標題", lead="我", body="<p>原</p>"
    ).url

    choices = admin_client.get(url).context["merge"].choices

    assert {choice.difference.name: choice.chosen for choice in choices} == {
        "headline": "mine",
        "lead": "",
        "body": "theirs",
    }


def test_what_was_chosen_fills_the_form_and_is_saved_from_there(admin_client):
    entry = make_entry(headline="標題", lead="原", body="<p>原</p>")
    opened = open_form(admin_client, desk_of(entry))
    save_as_another(entry, lead="對方", body="<p>對方</p>")
    url = post(admin_client, desk_of(entry), opened, lead="我", body="<p>我</p>").url
    entry.refresh_from_db()

    answer = admin_client.post(
        url, {"version": entry.version, "choose-lead": "mine", "choose-body": "both"}
    )

    form = admin_client.get(answer.url).context["adminform"].form
    assert form["lead"].value() == "我"
    assert form["body"].value() == "<p>對方</p><hr><p>我</p>"
    post(
        admin_client,
        desk_of(entry),
        open_form(admin_client, answer.url),
        lead="我",
        body="<p>終</p>",
    )
    entry.refresh_from_db()
    assert (entry.lead, entry.body) == ("我", "<p>終</p>")
    assert not Autosave.objects.exists()


def test_an_unanswered_choice_is_asked_again(admin_client):
    entry = make_entry(lead="原")
    opened = open_form(admin_client, desk_of(entry))
    save_as_another(entry, lead="對方")
    url = post(admin_client, desk_of(entry), opened, lead="我").url
    entry.refresh_from_db()

    page = admin_client.post(url, {"version": entry.version, "choose-headline": "mine"})

    assert "請在每一項選擇" in page.content.decode()


def test_a_save_during_the_comparing_starts_it_anew(admin_client):
    entry = make_entry(lead="原")
    opened = open_form(admin_client, desk_of(entry))
    save_as_another(entry, lead="對方")
    url = post(admin_client, desk_of(entry), opened, lead="我").url
    entry.refresh_from_db()
    save_as_another(entry, lead="對方又改")

    page = admin_client.post(
        url, {"version": entry.version, "choose-lead": "mine", "choose-headline": "mine"}
    )

    assert "又有人儲存過" in page.content.decode()
    assert "對方又改" in page.content.decode()


def test_taking_back_text_that_is_out_of_date_begins_with_the_comparison(admin_client):
    entry = make_entry(lead="原")
    opened = open_form(admin_client, desk_of(entry))
    tell(admin_client, entry, fields=fill(lead="我", _opened=opened["_opened"]))
    save_as_another(entry, lead="對方")

    answer = admin_client.get(f"{desk_of(entry)}?unsaved=form-1")

    assert answer.url == reverse("admin:entry_merge", args=[entry.pk, "form-1"])


def test_rows_of_both_are_kept_when_they_are_merged(admin_client):
    entry = make_entry(lead="原")
    kept = Source.objects.create(entry=entry, title="一直都有", position=1)
    gone = Source.objects.create(entry=entry, title="對方刪了", position=2)
    opened = open_form(admin_client, desk_of(entry))
    Source.objects.filter(pk=gone.pk).delete()
    Source.objects.create(entry=entry, title="對方加的", position=3)
    save_as_another(entry, lead="對方")
    mine = [
        {"id": kept.pk, "entry": entry.pk, "title": "一直都有", "position": 1},
        {"id": gone.pk, "entry": entry.pk, "title": "對方刪了", "position": 2},
        {"id": "", "entry": entry.pk, "title": "我加的", "position": 4},
    ]
    url = post(admin_client, desk_of(entry), opened, lead="原", sources=mine).url
    choices = admin_client.get(url).context["merge"].choices
    entry.refresh_from_db()

    answers = {choice.name: "mine" for choice in choices} | {"version": entry.version}
    page = admin_client.get(admin_client.post(url, answers).url)

    [formset] = [
        each.formset
        for each in page.context["inline_admin_formsets"]
        if each.formset.prefix == "sources"
    ]
    assert {form["title"].value() for form in formset.forms} == {
        *("一直都有", "對方刪了", "我加的", "對方加的"),
    }


def test_an_entry_moved_within_its_edition_is_not_out_of_date(admin_client):
    edition = make_draft({"headline": "甲"}, {"headline": "乙"})
    entry = edition.entries.first()
    opened = open_form(admin_client, desk_of(entry))

    entry.position = 9
    entry.save(update_fields=["position"])

    entry.refresh_from_db()
    assert entry.version == int(opened["_version"])


def test_a_save_that_changed_nothing_shown_is_in_nobodys_way(admin_client):
    entry = make_entry(lead="原")
    opened = open_form(admin_client, desk_of(entry))
    save_as_another(entry)

    post(admin_client, desk_of(entry), opened, lead="我")

    entry.refresh_from_db()
    assert entry.lead == "我"


def test_a_form_is_told_of_a_newer_version(admin_client):
    entry = make_entry()
    save_as_another(entry, lead="對方")

    answer = tell(admin_client, entry)

    assert "比較兩個版本" in answer.json()["notice"]


def test_only_who_may_change_the_entry_merges(admin_client, client):
    entry = make_entry()
    tell(admin_client, entry, fields=fill())
    client.force_login(make_staff("reader", "view_entry"))

    assert client.get(f"/admin/briefings/entry/{entry.pk}/merge/form-1/").status_code == 403


@pytest.mark.slow
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_who_save_at_once_one_is_asked():
    entry = make_entry(lead="原")
    editors = [User.objects.create_superuser(name) for name in ("chan", "wong")]
    clients = [Client() for _ in editors]
    for client, editor in zip(clients, editors, strict=True):
        client.force_login(editor)
    opened = [open_form(client, desk_of(entry)) for client in clients]
    start = Barrier(2)

    def save(client: Client, form: dict, lead: str) -> str:
        start.wait()
        try:
            return post(client, desk_of(entry), form, lead=lead).url
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        urls = list(pool.map(save, clients, opened, ["甲", "乙"]))

    assert sum("/merge/" in url for url in urls) == 1
    entry.refresh_from_db()
    assert {entry.lead, *Autosave.objects.get().fields["lead"]} == {"甲", "乙"}


# ------------------------------------------------------------------------------------- too long
def test_a_body_that_is_too_long_is_refused_with_all_that_was_written(admin_client):
    entry = make_entry(body="<p>原文。</p>")
    opened = open_form(admin_client, desk_of(entry))
    body = f"<p>{'字' * LONGEST}</p>"

    page = post(admin_client, desk_of(entry), opened, lead="改過的導言。", body=body)

    assert "內容太長：連格式最多 300,000 個字元" in page.content.decode()
    assert page.context["adminform"].form["body"].value() == body
    assert page.context["adminform"].form["lead"].value() == "改過的導言。"
    assert Entry.objects.get().body == "<p>原文。</p>"


def test_a_field_that_is_too_long_is_not_saved_by_itself_and_that_is_said(admin_client):
    answer = tell(admin_client, fields=fill(body="字" * (LONGEST + 1)))

    assert answer.status_code == 413
    assert "每欄最多 300,000 個字元" in answer.json()["trouble"]
    assert not Autosave.objects.exists()


def test_a_body_too_long_to_be_saved_once_cleaned_is_still_offered_and_merged(admin_client):
    entry = make_entry()
    tell(admin_client, entry, fields=fill(body="&" * LONGEST))
    entry.save()

    page = admin_client.get(desk_of(entry))
    merge = admin_client.get(f"/admin/briefings/entry/{entry.pk}/merge/form-1/")

    assert [d.label for d in page.context["draft"].offers[0].differences][-1] == "短評"
    assert merge.status_code == 200
