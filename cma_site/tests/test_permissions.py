"""Every address and every action of the desk, with every role and with none.

Whoever adds an address to the desk adds its line below, or the first test fails.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver
from django.utils import timezone
from reversion.models import Version

from briefings.history import keep_version
from briefings.hooks import edition_tools, entry_previews
from briefings.models import (
    Author,
    Autosave,
    GlossaryTerm,
    ImportBatch,
    ImportedFile,
    Imprint,
    Picture,
    PinnedPhrase,
    Publication,
    ReviewNote,
    SearchMiss,
    State,
    Theme,
)
from briefings.tests.makers import make_draft, make_volume
from subscribers.models import ImportStep, MemberImport, SavedFilter
from subscribers.tests.makers import VARIANT, make_mailing, make_member

pytestmark = pytest.mark.django_db

NONE, WRITER, EDITOR, PUBLISHER, MANAGER = "none", "撰稿人", "編輯", "出版人", "會員管理員"
LETTERS = {NONE: "n", WRITER: "w", EDITOR: "e", PUBLISHER: "p", MANAGER: "m"}

# Address: who may look, who may act. n is staff without a role; nobody else is at the desk but
# the administrator, who may do everything. A dash is nobody.
TABLE = """
logout/                                                   -     nwepm
two-step/code/                                            nwepm nwepm
two-step/setup/                                           nwepm nwepm
two-step/                                                 nwepm nwepm
two-step/log-out-everywhere/                              nwepm -
""                                                        nwepm nwepm
login/                                                    nwepm nwepm
password_change/                                          nwepm nwepm
password_change/done/                                     nwepm -
autocomplete/                                             wepm  -
jsi18n/                                                   nwepm -
auth/user/<id>/password/                                  -     -
auth/user/                                                -     -
auth/user/add/                                            -     -
auth/user/<path:object_id>/history/                       -     -
auth/user/<path:object_id>/delete/                        -     -
auth/user/<path:object_id>/change/                        -     -
auth/group/                                               -     -
auth/group/add/                                           -     -
auth/group/<path:object_id>/history/                      -     -
auth/group/<path:object_id>/delete/                       -     -
auth/group/<path:object_id>/change/                       -     -
axes/accesslog/                                           -     -
axes/accessattempt/                                       -     -
admin/logentry/                                           -     -
admin/logentry/add/                                       -     -
admin/logentry/<path:object_id>/history/                  -     -
admin/logentry/<path:object_id>/delete/                   -     -
admin/logentry/<path:object_id>/change/                   -     -
subscribers/member/growth.svg                             pm    pm
subscribers/member/export/                                -     m
subscribers/member/save-filter/                           -     m
subscribers/member/                                       m     m
subscribers/member/add/                                   m     m
subscribers/member/<path:object_id>/history/              m     m
subscribers/member/<path:object_id>/delete/               m     m
subscribers/member/<path:object_id>/change/               m     m
subscribers/member/<int:member_id>/data.json               m     m
subscribers/member/<int:member_id>/resume/                -     m
subscribers/memberimport/<int:import_id>/progress/         m     -
subscribers/memberimport/<int:import_id>/accept/           -     m
subscribers/memberimport/<int:import_id>/reject/           -     m
subscribers/memberimport/<int:import_id>/refused.csv       m     -
subscribers/memberimport/                                 m     m
subscribers/memberimport/add/                             m     m
subscribers/memberimport/<path:object_id>/history/        m     m
subscribers/memberimport/<path:object_id>/delete/         -     -
subscribers/memberimport/<path:object_id>/change/         m     m
subscribers/savedfilter/                                  m     m
subscribers/savedfilter/add/                              -     -
subscribers/savedfilter/<path:object_id>/history/         m     m
subscribers/savedfilter/<path:object_id>/delete/          m     m
subscribers/savedfilter/<path:object_id>/change/          m     m
subscribers/mailing/                                      pm    pm
subscribers/mailing/domain/                               pm    pm
subscribers/mailing/<int:mailing_id>/results/             pm    pm
subscribers/mailing/<int:mailing_id>/results.svg          pm    pm
subscribers/mailing/<int:mailing_id>/progress/            pm    -
subscribers/mailing/<int:mailing_id>/steer/               -     pm
subscribers/mailing/<int:mailing_id>/cancel/              pm    pm
subscribers/mailing/<int:mailing_id>/catch-up/            pm    pm
subscribers/mailing/<int:mailing_id>/undecided/           m     m
subscribers/mailing/add/                                  -     -
subscribers/mailing/<path:object_id>/history/             pm    pm
subscribers/mailing/<path:object_id>/delete/              -     -
subscribers/mailing/<path:object_id>/change/              pm    -
subscribers/mailing/digests/                              pm    pm
subscribers/mailing/digests/<str:kind>/                   pm    -
subscribers/delivery/                                     m     m
subscribers/delivery/add/                                 -     -
subscribers/delivery/<path:object_id>/history/            m     m
subscribers/delivery/<path:object_id>/delete/             -     -
subscribers/delivery/<path:object_id>/change/             m     -
briefings/author/                                         wep   wep
briefings/author/add/                                     wep   wep
briefings/author/<path:object_id>/history/                wep   wep
briefings/author/<path:object_id>/delete/                 ep    ep
briefings/author/<path:object_id>/change/                 wep   ep
briefings/edition/<int:edition_id>/check-links/           -     wepm
briefings/edition/<int:edition_id>/schedule/              p     p
briefings/edition/<int:edition_id>/unschedule/            p     p
briefings/edition/<int:edition_id>/preview/               wepm  wepm
briefings/edition/<int:edition_id>/preview.pdf            wepm  wepm
briefings/edition/<int:edition_id>/publish/               p     p
briefings/edition/<int:edition_id>/withdraw/              p     p
briefings/edition/<int:thing_id>/share/                   ep    ep
briefings/edition/                                        wepm  wepm
briefings/edition/add/                                    ep    ep
briefings/edition/<path:object_id>/history/               wepm  wepm
briefings/edition/<path:object_id>/delete/                ep    ep
briefings/edition/<path:object_id>/change/                wepm  ep
briefings/edition/<int:edition_id>/mail/                  wepm  pm
briefings/edition/<int:edition_id>/mailing/               epm   epm
briefings/edition/<int:edition_id>/corrections/           pm    -
briefings/entry/preview/page/                             wep   wep
briefings/entry/preview/pdf/                              wep   wep
briefings/entry/preview/mail/                             wep   wep
briefings/entry/<int:entry_id>/versions/<int:version_id>/ wep   ep
briefings/entry/deleted/                                  wep   wep
briefings/entry/deleted/<int:version_id>/                 nwepm wep
briefings/entry/<int:entry_id>/withdraw/                  p     p
briefings/entry/<int:entry_id>/reinstate/                 p     p
briefings/entry/<int:entry_id>/notes/                     -     ep
briefings/entry/<int:entry_id>/notes/<int:note_id>/       -     ep
briefings/entry/style/                                    -     wep
briefings/entry/<int:entry_id>/step/                      -     ep
briefings/entry/autosave/                                 wep   wep
briefings/entry/autosave/<str:form_id>/discard/           -     wep
briefings/entry/<int:entry_id>/merge/<str:form_id>/       ep    ep
briefings/entry/suggestions/                              wepm  -
briefings/entry/new-theme/                                -     ep
briefings/entry/new-author/                               -     wep
briefings/entry/place/                                    ep    ep
briefings/entry/<int:thing_id>/share/                     ep    ep
briefings/entry/                                          wep   wep
briefings/entry/add/                                      wep   wep
briefings/entry/<path:object_id>/history/                 wep   wep
briefings/entry/<path:object_id>/delete/                  ep    ep
briefings/entry/<path:object_id>/change/                  wep   ep
briefings/glossaryterm/                                   wep   wep
briefings/glossaryterm/add/                               ep    ep
briefings/glossaryterm/<path:object_id>/history/          wep   wep
briefings/glossaryterm/<path:object_id>/delete/           ep    ep
briefings/glossaryterm/<path:object_id>/change/           wep   ep
briefings/importbatch/<int:batch_id>/progress/            ep    -
briefings/importbatch/<int:batch_id>/accept/              -     ep
briefings/importbatch/files/<int:file_id>/                ep    ep
briefings/importbatch/files/<int:file_id>/again/          -     ep
briefings/importbatch/files/<int:file_id>/discard/        -     ep
briefings/importbatch/                                    ep    ep
briefings/importbatch/add/                                ep    ep
briefings/importbatch/<path:object_id>/history/           ep    ep
briefings/importbatch/<path:object_id>/delete/            -     -
briefings/importbatch/<path:object_id>/change/            ep    ep
briefings/picture/upload/                                 -     wep
briefings/picture/library/                                wep   -
briefings/picture/                                        wep   wep
briefings/picture/add/                                    wep   wep
briefings/picture/<path:object_id>/history/               wep   wep
briefings/picture/<path:object_id>/delete/                ep    ep
briefings/picture/<path:object_id>/change/                wep   ep
briefings/pinnedphrase/                                   ep    ep
briefings/pinnedphrase/add/                               ep    ep
briefings/pinnedphrase/<path:object_id>/history/          ep    ep
briefings/pinnedphrase/<path:object_id>/delete/           ep    ep
briefings/pinnedphrase/<path:object_id>/change/           ep    ep
briefings/imprint/                                        ep    ep
briefings/imprint/add/                                    -     -
briefings/imprint/<path:object_id>/history/               ep    ep
briefings/imprint/<path:object_id>/delete/                -     -
briefings/imprint/<path:object_id>/change/                ep    p
briefings/publication/                                    nwepm nwepm
briefings/publication/add/                                -     -
briefings/publication/<path:object_id>/history/           p     p
briefings/publication/<path:object_id>/delete/            -     -
briefings/publication/<path:object_id>/change/            p     p
briefings/searchmiss/                                     ep    ep
briefings/searchmiss/add/                                 -     -
briefings/searchmiss/<path:object_id>/history/            ep    ep
briefings/searchmiss/<path:object_id>/delete/             -     -
briefings/searchmiss/<path:object_id>/change/             ep    -
briefings/theme/merge/                                    ep    ep
briefings/theme/                                          wepm  wepm
briefings/theme/add/                                      ep    ep
briefings/theme/<path:object_id>/history/                 wepm  wepm
briefings/theme/<path:object_id>/delete/                  ep    ep
briefings/theme/<path:object_id>/change/                  wepm  ep
briefings/volume/<int:volume_id>/print/                   -     ep
briefings/volume/<int:volume_id>/download.pdf             ep    -
briefings/volume/<int:volume_id>/progress/                ep    -
briefings/volume/                                         ep    ep
briefings/volume/add/                                     ep    ep
briefings/volume/<path:object_id>/history/                ep    ep
briefings/volume/<path:object_id>/delete/                 ep    ep
briefings/volume/<path:object_id>/change/                 ep    ep
auth/                                                     -     -
axes/                                                     -     -
admin/                                                    -     -
subscribers/                                              pm    pm
briefings/                                                wepm  wepm
no-such-page                                              -     -
"""
ADDRESSES = {
    address.strip('"'): tuple(who) for address, *who in map(str.split, TABLE.strip().splitlines())
}


# Django's own way from …/entry/1/ to …/entry/1/change/, which asks for itself.
LEADS_ON = "/<path:object_id>/"


def list_addresses(patterns: list = admin.site.urls[0], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from list_addresses(pattern.url_patterns, here)
        elif isinstance(pattern, URLPattern) and not here.endswith(LEADS_ON):
            yield from expand(here)


def expand(pattern: str) -> list[str]:
    """One address for each app, each tool and each kind of preview."""
    if pattern.startswith("^"):
        apps_shown = re.search(r"\(\?P<app_label>([\w|]+)\)", pattern)[1].split("|")
        return [f"{app}/" for app in apps_shown]
    if pattern.endswith("<slug:name>/"):
        return [pattern.replace("<slug:name>", tool.name) for tool in edition_tools]
    if pattern.endswith("<slug:kind>/"):
        kinds = ["page", "pdf", *(preview.name for preview in entry_previews)]
        return [pattern.replace("<slug:kind>", kind) for kind in kinds]
    return [pattern.replace("(?P<url>.*)$", "no-such-page")]


def test_every_address_has_its_line():
    assert sorted(set(list_addresses())) == sorted(ADDRESSES)


@pytest.fixture
def stage(settings, tmp_path, monkeypatch) -> dict[str, dict]:
    """A row of each kind for the addresses to name; no broker is asked and nothing printed."""
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda *args, **options: None)
    for module in ("edition_pages", "previews"):
        printing = f"briefings.admin.{module}.render_edition_pdf"
        monkeypatch.setattr(printing, lambda description: b"%PDF")
    owner = User.objects.create_user("owner")
    edition = make_draft({"state": State.DRAFT, "created_by": owner})
    entry = edition.entries.get()
    keep_version(entry, why="寫了")
    batch = ImportBatch.objects.create()
    volume = make_volume()
    make_member(frequency="weekly", confirmed_at=timezone.now() - timedelta(days=30))
    delivery = make_mailing().deliveries.get()
    rows = {
        "author": Author.objects.create(name="陳大文"),
        "delivery": delivery,
        "edition": edition,
        "entry": entry,
        "glossaryterm": GlossaryTerm.objects.create(name="強積金"),
        "group": Group.objects.get(name=WRITER),
        "importbatch": batch,
        "imprint": Imprint.default(),
        "logentry": LogEntry.objects.create(user=owner, action_flag=CHANGE),
        "mailing": delivery.mailing,
        "member": delivery.member,
        "memberimport": MemberImport.objects.create(
            name="名單.csv", consented_on=date(2026, 10, 3), step=ImportStep.PREVIEWED
        ),
        "picture": Picture.objects.create(name=f"{'0' * 64}.png", width=1, height=1),
        "pinnedphrase": PinnedPhrase.objects.create(text="新質生產力"),
        "publication": Publication.objects.get_or_create(pk=1)[0],
        "savedfilter": SavedFilter.objects.create(name="新會員", query="joined=30"),
        "searchmiss": SearchMiss.objects.create(
            text="甲", folded="甲", last_day=date(2026, 11, 20)
        ),
        "theme": Theme.objects.create(name="稅務"),
        "user": owner,
        "volume": volume,
    }
    named = {
        "batch_id": batch,
        "edition_id": edition,
        "entry_id": entry,
        "import_id": rows["memberimport"],
        "file_id": ImportedFile.objects.create(batch=batch, name="舊期.txt"),
        "note_id": ReviewNote.objects.create(entry=entry, text="數字有誤。"),
        "version_id": Version.objects.get_for_object(entry).get(),
        "volume_id": volume,
    }
    return {"rows": rows, "named": named}


def fill(address: str, stage: dict[str, dict]) -> str:
    """The address with the keys of rows that exist."""
    parts = address.split("/")
    row = stage["rows"].get(parts[1] if len(parts) > 1 else "")
    key = row.pk if row else 1

    def put(slot: re.Match) -> str:
        named = stage["named"].get(slot[1])
        words = {"form_id": FORM_ID, "kind": "weekly"}
        return words.get(slot[1]) or str(named.pk if named else key)

    return "/admin/" + re.sub(r"<(?:\w+:)?(\w+)>", put, address)


def make_person(role: str) -> User:
    person = User.objects.create_user(role, is_staff=True)
    if role != NONE:
        person.groups.add(Group.objects.get(name=role))
    return person


FORM_ID = "0" * 32
THEMES = {"app_label": "briefings", "model_name": "entry", "field_name": "themes"}
# What an address must be asked with before it asks who is asking. All else is sent empty.
SENT = {
    "get autocomplete/": {"data": THEMES},
    "get briefings/entry/suggestions/": {"data": THEMES},
    "post subscribers/mailing/digests/": {"data": {"kind": "weekly"}},
    "post briefings/entry/<int:entry_id>/step/": {"data": {"_step": "approve"}},
    "post briefings/entry/autosave/": {
        "data": {"form_id": FORM_ID, "entry": None, "version": 0, "fields": None},
        "content_type": "application/json",
    },
}
# By these the person is no longer there for the next address.
WAYS_OUT = {"logout/", "two-step/log-out-everywhere/"}


def ask(client, method: str, address: str, stage: dict):
    """The answer, with all that it changed undone."""
    sent = SENT.get(f"{method} {address}", {})
    with transaction.atomic():
        response = getattr(client, method)(fill(address, stage), **sent)
        content = b"".join(response) if response.streaming else response.content
        transaction.set_rollback(True)
    return response, content.decode(errors="replace")


def is_let_in(response) -> bool:
    if "/admin/login/" in response.get("Location", ""):
        return False
    return response.status_code not in (403, 404, 405)


def keep_typed(person: User, stage: dict) -> None:
    """Something for the page that merges what two people wrote."""
    Autosave.objects.create(
        user=person,
        entry=stage["rows"]["entry"],
        form_id=FORM_ID,
        fields={},
        saved_at=timezone.now(),
    )


@pytest.mark.parametrize("role", LETTERS)
def test_each_role_gets_where_the_table_says_and_never_sees_an_address(role, stage, client):
    person = make_person(role)
    keep_typed(person, stage)
    client.force_login(person)
    email = stage["rows"]["member"].email

    wrong, leaks = {}, []
    for address, who in ADDRESSES.items():
        for method, allowed in zip(("get", "post"), who, strict=True):
            response, content = ask(client, method, address, stage)
            if address in WAYS_OUT:
                client.force_login(person)
            if is_let_in(response) != (LETTERS[role] in allowed):
                wrong[f"{method} {address}"] = response.status_code
            if role != MANAGER and email in content:
                leaks.append(address)

    assert wrong == {}
    assert leaks == []


def test_the_public_gets_nowhere(stage, client):
    inside = {"login/", "logout/", "jsi18n/"}  # what coming and going needs

    let_in = {
        f"{method} {address}": response.status_code
        for address in ADDRESSES.keys() - inside
        for method in ("get", "post")
        if is_let_in(response := ask(client, method, address, stage)[0])
    }

    assert let_in == {}


# ----------------------------------------------------------------------------------- the actions
ACTIONS = {
    "user": {"log_accounts_out": "", "unlock_accounts": "", "reset_second_factor": ""},
    "searchmiss": {"delete_selected": ""},
    "entry": {"submit_entries": "wep", "approve_entries": "ep", "place": "ep"},
    "theme": {"merge": "ep"},
    "member": {
        "unsubscribe_members": "m",
        "send_confirmations": "m",
        "export_as_csv": "m",
        "export_as_xlsx": "m",
    },
    "delivery": {"accept_as_sent": "m", "send_deliveries_again": "m"},
}


def list_actions(model: type, person: User) -> set[str]:
    request = RequestFactory().get("/")
    request.user = person
    return set(admin.site.get_model_admin(model).get_actions(request))


def test_every_action_has_its_line():
    boss = User.objects.create_superuser("boss")

    found = {model._meta.model_name: list_actions(model, boss) for model in admin.site._registry}

    assert {name: actions for name, actions in found.items() if actions} == {
        name: set(actions) for name, actions in ACTIONS.items()
    }


@pytest.mark.parametrize("role", LETTERS)
def test_each_role_is_offered_the_actions_that_the_table_says(role):
    person = make_person(role)

    for model in admin.site._registry:
        expected = ACTIONS.get(model._meta.model_name, {})
        allowed = {name for name, letters in expected.items() if LETTERS[role] in letters}
        assert list_actions(model, person) == allowed, model


@pytest.mark.parametrize(
    ("role", "model", "action"),
    [
        (role, model, action)
        for model, actions in ACTIONS.items()
        for action, letters in actions.items()
        for role, letter in LETTERS.items()
        if letter not in letters
    ],
)
def test_an_action_that_is_not_offered_is_not_taken(role, model, action, stage, client):
    client.force_login(make_person(role))
    row = stage["rows"][model]
    before = type(row).objects.filter(pk=row.pk).values().get()

    app = row._meta.app_label
    client.post(f"/admin/{app}/{model}/", {"action": action, "_selected_action": row.pk})

    assert type(row).objects.filter(pk=row.pk).values().get() == before


# ------------------------------------------------------------------------- members' addresses
@pytest.mark.parametrize("role", [WRITER, EDITOR, PUBLISHER])
def test_no_search_finds_a_members_address(role, stage, client):
    client.force_login(make_person(role))
    email = stage["rows"]["member"].email

    for model in admin.site._registry:
        lists = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for query in (email, email[:6]):
            content = client.get(lists, {"q": query}).content.decode()
            assert email not in content.replace(f'value="{query}"', "")


@pytest.mark.parametrize("role", [WRITER, EDITOR, PUBLISHER])
def test_no_field_completes_to_a_members_address(role, stage, client):
    client.force_login(make_person(role))
    email = stage["rows"]["member"].email

    for model in apps.get_models():
        for field in model._meta.get_fields():
            if not field.is_relation or field.auto_created:
                continue
            where = {"app_label": model._meta.app_label, "model_name": model._meta.model_name}
            answer = client.get("/admin/autocomplete/", where | {"field_name": field.name})
            assert email not in answer.content.decode(), field


def test_what_a_manager_did_names_nobody_once_they_are_a_publisher(stage, client):
    person = make_person(MANAGER)
    member = stage["rows"]["member"]
    client.force_login(person)
    form = {
        "email": member.email,
        "name": "改了",
        "frequency": "every",
        **VARIANT,
        "consent_wording": "同意",
    }
    form |= {"chosen_themes-TOTAL_FORMS": "0", "chosen_themes-INITIAL_FORMS": "0"}
    client.post(f"/admin/subscribers/member/{member.pk}/change/", form)
    client.post(f"/admin/subscribers/member/{member.pk}/delete/", {"post": "yes"})
    assert LogEntry.objects.filter(user=person).count() == 2

    person.groups.set([Group.objects.get(name=PUBLISHER)])

    assert member.email not in client.get("/admin/").content.decode()
    told = " ".join(LogEntry.objects.values_list("object_repr", flat=True))
    assert member.email not in told
