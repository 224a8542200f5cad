import re
from dataclasses import replace
from datetime import date, datetime
from html import unescape
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.urls import reverse
from django_prose_editor.config import allowlist_from_extensions

from briefings.admin.forms import PROSE_EXTENSIONS
from briefings.hooks import EditionTool, PublishOption, edition_tools, publish_options
from briefings.html import clean_html
from briefings.models import Audience, Edition, Entry, Imprint, State, Theme
from briefings.tests.makers import make_draft, make_entry, make_published
from briefings.tests.sent_forms import send_form

pytestmark = pytest.mark.django_db

HONG_KONG = ZoneInfo("Asia/Hong_Kong")


@pytest.fixture
def admin_user(db):
    """Without a password, for hashing one takes longer than most of these tests."""
    return User.objects.create_superuser("admin")


def make_theme(name="北部都會區") -> Theme:
    return Theme.objects.create(name=name)


def make_editor(*permissions: str) -> User:
    """Someone who may see and change everything of briefings, but publish only if it is said."""
    editor = User.objects.create_user("chan", is_staff=True)
    own = Permission.objects.filter(content_type__app_label="briefings")
    editor.user_permissions.set(own.exclude(codename="publish_edition"))
    editor.user_permissions.add(*own.filter(codename__in=permissions))
    return editor


def desk(edition: Edition, page: str = "change") -> str:
    return f"/admin/briefings/edition/{edition.pk}/{page}/"


def desk_of(entry: Entry) -> str:
    return reverse("admin:briefings_entry_change", args=[entry.pk])


def entry_form(**fields) -> dict:
    counts = ("bylines-TOTAL_FORMS", "sources-TOTAL_FORMS")
    lines = dict.fromkeys((*counts, "bylines-INITIAL_FORMS", "sources-INITIAL_FORMS"), 0)
    text = {"headline": "標題", "lead": "導言。", "body": "<p>正文。</p>", "themes": []}
    return lines | text | fields


def edition_form(edition: Edition, *rows: dict, **fields) -> dict:
    """What the edition's page posts; a row names an entry and what is done with it."""
    form = {
        "number": edition.number or "",
        "date": edition.date or "",
        "imprint": edition.imprint_id,
        "entries-TOTAL_FORMS": len(rows),
        "entries-INITIAL_FORMS": len(rows),
    }
    for index, row in enumerate(rows):
        values = {"id": row["entry"].pk, "edition": edition.pk, "position": index + 1} | row
        form |= {f"entries-{index}-{key}": value for key, value in values.items() if key != "entry"}
    return form | fields


def headlines(edition: Edition) -> list[str]:
    return [entry.headline for entry in edition.entries.all()]


def read(response) -> str:
    return unescape(response.content.decode())


def messages_of(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


# ------------------------------------------------------------------------------------- entries
def test_an_entry_is_written_with_its_themes(admin_client):
    theme = make_theme()

    admin_client.post("/admin/briefings/entry/add/", entry_form(headline="新篇", themes=[theme.pk]))

    entry = Entry.objects.get(headline="新篇")
    assert list(entry.themes.all()) == [theme]
    assert entry.state == State.DRAFT


def test_hostile_html_is_cleaned_on_the_way_in(admin_client):
    body = '<p onclick="x()">好<script>alert(1)</script><a href="javascript:x()">壞</a></p>'

    admin_client.post("/admin/briefings/entry/add/", entry_form(body=body))

    assert Entry.objects.get().body == '<p>好<a rel="noopener noreferrer">壞</a></p>'


def test_a_refused_save_gives_back_all_that_was_typed(admin_client):
    theme = make_theme()
    typed = entry_form(headline="", lead="打了很久", body="<p>更<b>久</b></p>", themes=[theme.pk])

    response = admin_client.post("/admin/briefings/entry/add/", typed)

    page = read(response)
    assert response.status_code == 200
    assert "打了很久" in page
    assert "<p>更<b>久</b></p>" in page
    assert f'<option value="{theme.pk}" selected>北部都會區</option>' in page


def test_typing_offers_existing_themes(admin_client):
    make_theme("北部都會區")
    make_theme("大灣區")
    ask = {"app_label": "briefings", "model_name": "entry", "field_name": "themes", "term": "北部"}

    answer = admin_client.get("/admin/autocomplete/", ask).json()

    assert [result["text"] for result in answer["results"]] == ["北部都會區"]


def test_writing_an_entry_makes_no_theme(admin_client):
    response = admin_client.post("/admin/briefings/entry/add/", entry_form(themes=["新主題"]))

    assert "themes" in response.context["adminform"].form.errors
    assert not Theme.objects.filter(name="新主題").exists()


def test_an_entry_put_in_an_edition_comes_last(admin_client):
    edition = make_draft({"headline": "甲"}, {"headline": "乙"})
    entry = make_entry(headline="丙")

    admin_client.post(desk_of(entry), entry_form(headline="丙", edition=edition.pk))

    assert headlines(edition) == ["甲", "乙", "丙"]


def test_a_published_edition_takes_no_more_entries(admin_client):
    edition = make_published(number=7)
    entry = make_entry()

    response = admin_client.post(desk_of(entry), entry_form(edition=edition.pk))

    assert "edition" in response.context["adminform"].form.errors


def test_entries_are_not_offered_a_published_edition(admin_client):
    make_published(number=7)
    make_draft(number=8)
    ask = {"app_label": "briefings", "model_name": "entry", "field_name": "edition"}

    answer = admin_client.get("/admin/autocomplete/", ask).json()

    assert [result["text"] for result in answer["results"]] == ["第8期 2026-11-20"]


def test_correcting_a_published_entry_corrects_its_page(admin_client, client):
    entry = make_published({"headline": "有錯字"}).entries.get()

    send_form(admin_client, desk_of(entry), headline="無錯字", correction_note="有錯字。")

    assert "無錯字" in read(client.get(entry.get_absolute_url()))


def test_a_published_entry_stays_in_its_edition(admin_client):
    edition = make_published()
    entry = edition.entries.get()

    admin_client.post(desk_of(entry), entry_form(edition=""))

    assert list(edition.entries.all()) == [entry]


@pytest.mark.parametrize("action", ["delete", "bulk"])
def test_a_published_entry_is_not_deleted(action, admin_client):
    entry = make_published().entries.get()
    bulk = {"action": "delete_selected", "_selected_action": entry.pk, "post": "yes"}

    if action == "bulk":
        admin_client.post("/admin/briefings/entry/", bulk)
    else:
        admin_client.post(f"/admin/briefings/entry/{entry.pk}/delete/", {"post": "yes"})

    assert Entry.objects.filter(pk=entry.pk).exists()


@pytest.mark.parametrize("query", ["q=都會", "state__exact=draft", "edition__isnull=True"])
def test_entries_are_found_in_their_list(query, admin_client):
    make_published({"headline": "已出版的"})
    make_entry(headline="談北部都會區")

    page = read(admin_client.get(f"/admin/briefings/entry/?{query}"))

    assert "談北部都會區" in page
    assert "已出版的" not in page


def test_the_filter_calls_the_backlog_by_its_name(admin_client):
    make_published()
    make_entry()

    page = read(admin_client.get("/admin/briefings/entry/"))

    assert re.search(r'href="\?edition__isnull=True">\s*待編\s*<', page)


def test_entries_are_listed_by_theme(admin_client):
    theme = make_theme()
    make_entry(headline="屬此主題", themes=[theme])
    make_entry(headline="別的")

    page = read(admin_client.get(f"/admin/briefings/entry/?themes__id__exact={theme.pk}"))

    assert "屬此主題" in page
    assert "別的" not in page


SPECIMEN = (
    "<h2>一</h2><h3>二</h3><h4>三</h4><p><strong>粗</strong><em>斜</em><u>底</u><s>刪</s><br>"
    '<sub>下</sub><sup>上</sup><a href="https://example.org/" title="題" rel="noopener noreferrer">'
    '連</a><span role="note">註</span></p><ul><li>項</li></ul><ol start="3">'
    "<li>項</li></ol><blockquote><p>引</p></blockquote>"
    f'<figure><img src="/pictures/{"0" * 64}.png" alt="圖" width="3" height="2">'
    "<figcaption>說明</figcaption></figure>"
    '<hr><table><caption>題</caption><thead></thead><tbody><tr><th colspan="2">頭</th></tr>'
    '<tr><td rowspan="1">格</td></tr></tbody></table>'
)


def test_what_the_editor_offers_passes_the_allow_list():
    offered = allowlist_from_extensions(PROSE_EXTENSIONS)["tags"]

    in_specimen = set(re.findall(r"<(\w+)", SPECIMEN))

    assert offered <= in_specimen
    assert clean_html(SPECIMEN) == SPECIMEN


# ------------------------------------------------------------------------------------ editions
def test_a_new_edition_is_offered_the_next_number(admin_client):
    make_draft(number=41)

    form = admin_client.get("/admin/briefings/edition/add/").context["adminform"].form

    assert form.initial["number"] == 42
    assert form.initial["date"]


def test_entries_are_put_in_order(admin_client):
    edition = make_draft({"headline": "甲"}, {"headline": "乙"})
    first, second = edition.entries.all()

    rows = {"entry": first, "position": 2}, {"entry": second, "position": 1}
    admin_client.post(desk(edition), edition_form(edition, *rows))

    assert headlines(edition) == ["乙", "甲"]


def test_an_entry_taken_out_goes_back_to_the_backlog(admin_client):
    edition = make_draft({"headline": "甲"}, {"headline": "乙"})
    first, second = edition.entries.all()

    rows = {"entry": first, "destination": "backlog"}, {"entry": second}
    admin_client.post(desk(edition), edition_form(edition, *rows))

    assert headlines(edition) == ["乙"]
    assert list(Entry.objects.backlog()) == [first]


def test_entries_ticked_in_the_backlog_come_last(admin_client):
    edition = make_draft({"headline": "甲"})
    waiting = make_entry(headline="乙")

    row = {"entry": edition.entries.get()}
    admin_client.post(desk(edition), edition_form(edition, row, backlog=[waiting.pk]))

    assert headlines(edition) == ["甲", "乙"]


def test_a_new_edition_takes_from_the_backlog_at_once(admin_client):
    waiting = make_entry(headline="乙")
    form = {"number": 5, "date": "2026-11-20", "imprint": Imprint.default().pk}

    admin_client.post("/admin/briefings/edition/add/", form | {"backlog": [waiting.pk]})

    assert headlines(Edition.objects.get(number=5)) == ["乙"]


def test_a_draft_is_previewed_as_readers_will_have_it(admin_client):
    edition = make_draft({"headline": "未出版的一篇"})

    response = admin_client.get(desk(edition, "preview"))

    assert response.status_code == 200
    assert "未出版的一篇" in read(response)
    assert "讀者看不到這一頁" in read(response)


def test_a_draft_is_previewed_as_pdf(admin_client):
    edition = make_draft()

    response = admin_client.get(reverse("admin:edition_preview_pdf", args=[edition.pk]))

    assert response["Content-Type"] == "application/pdf"
    assert response.content.startswith(b"%PDF")


def test_a_published_edition_is_locked(admin_client):
    edition = make_published(number=7)

    response = admin_client.post(desk(edition), edition_form(edition, number=8))

    edition.refresh_from_db()
    assert response.status_code == 403
    assert edition.number == 7


def test_a_published_edition_is_not_deleted(admin_client):
    edition = make_published()

    response = admin_client.post(desk(edition, "delete"), {"post": "yes"})

    assert response.status_code == 403
    assert Edition.objects.filter(pk=edition.pk).exists()


def make_members_only() -> Edition:
    return make_published(audience=Audience.MEMBERS)


@pytest.mark.parametrize(
    ("make", "is_linked"),
    [(make_draft, False), (make_members_only, False), (make_published, True)],
)
def test_the_desk_links_only_to_pages_that_the_public_may_read(make, is_linked, admin_client):
    edition = make()
    entry = edition.entries.get()

    of_edition, of_entry = read(admin_client.get(desk(edition))), admin_client.get(desk_of(entry))

    assert (f'href="{edition.get_absolute_url()}"' in of_edition) == is_linked
    assert (f'href="{entry.get_absolute_url()}"' in read(of_entry)) == is_linked


@pytest.mark.parametrize("make", [make_draft, make_members_only])
def test_a_preview_leads_nowhere_but_back(make, admin_client):
    edition = make()
    edition.entries.get().themes.add(make_theme())

    page = read(admin_client.get(desk(edition, "preview")))

    assert f'<a href="{desk(edition)}">返回本期</a>' in page
    assert "預覽（" in page
    assert 'href="/entries/' not in page
    assert 'href="/themes/北部' not in page
    assert f"{edition.slug}.pdf" not in page


def test_the_list_of_editions_is_headed_in_the_plural(admin_client):
    assert "<h1>各期</h1>" in read(admin_client.get("/admin/briefings/edition/"))


def test_an_empty_backlog_says_so(admin_client):
    page = read(admin_client.get("/admin/briefings/edition/add/"))

    assert '沒有待編短評。<a href="/admin/briefings/entry/add/">新增短評</a>' in page


def test_a_number_given_twice_is_refused_in_plain_words(admin_client):
    make_draft(number=7)
    form = {"number": 7, "date": "2026-11-20", "imprint": Imprint.default().pk}

    response = admin_client.post("/admin/briefings/edition/add/", form)

    assert response.context["errors"] == [["已有這個期號。"]]


# ---------------------------------------------------------------------------------- publishing
@pytest.mark.parametrize(
    ("form", "audience", "public_from"),
    [
        ({"readers": "public"}, Audience.PUBLIC, None),
        ({"readers": "members", "public_from": "2099-01-02T09:00"}, Audience.MEMBERS, None),
        (
            {"readers": "members_first", "public_from": "2099-01-02T09:00"},
            Audience.MEMBERS,
            datetime(2099, 1, 2, 9, tzinfo=HONG_KONG),
        ),
    ],
)
def test_a_person_chooses_who_may_read(form, audience, public_from, admin_client):
    edition = make_draft()

    admin_client.post(desk(edition, "publish"), form)

    edition.refresh_from_db()
    assert edition.is_published
    assert (edition.audience, edition.public_from) == (audience, public_from)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"readers": "members_first"},
        {"readers": "members_first", "public_from": "2001-01-01T09:00"},
    ],
)
def test_an_unclear_choice_publishes_nothing(form, admin_client):
    edition = make_draft()

    response = admin_client.post(desk(edition, "publish"), {"csrf": "", **form})

    edition.refresh_from_db()
    assert response.context["form"].errors
    assert edition.state == State.DRAFT


def test_publishing_tells_where_to_look(admin_client):
    edition = make_draft(date=date(2026, 11, 20))

    response = admin_client.post(desk(edition, "publish"), {"readers": "public"}, follow=True)

    assert 'href="/editions/2026-11-20/"' in messages_of(response)
    assert 'href="/editions/2026-11-20.pdf"' in messages_of(response)


@pytest.mark.parametrize(
    "form",
    [{"readers": "members"}, {"readers": "members_first", "public_from": "2099-01-02T09:00"}],
)
def test_publishing_for_members_leads_to_previews_not_to_missing_pages(form, admin_client):
    edition = make_draft()

    response = admin_client.post(desk(edition, "publish"), form, follow=True)

    assert f'href="{desk(edition, "preview")}"' in messages_of(response)
    assert f'href="{edition.get_absolute_url()}"' not in messages_of(response)


@pytest.mark.parametrize(
    ("form", "is_warned"),
    [
        ({"readers": "public"}, False),
        ({"readers": "members"}, True),
        ({"readers": "members", "ring_bell": "on"}, False),
    ],
)
def test_publishing_for_nobody_is_pointed_out(form, is_warned, option, admin_client):
    edition = make_draft(number=7)

    response = admin_client.post(desk(edition, "publish"), form, follow=True)

    assert ("會員要自行登入網站才讀得到" in messages_of(response)) == is_warned


def test_an_entry_without_theme_is_pointed_out_but_no_obstacle(admin_client):
    edition = make_draft({"headline": "甲", "themes": [make_theme()]}, {"headline": "乙"})

    page = read(admin_client.get(desk(edition, "publish")))

    assert "「乙」未有政策主題。" in page
    assert "「甲」未有政策主題。" not in page
    assert 'name="readers"' in page


def test_what_an_edition_lacks_is_said_before_publishing(admin_client):
    edition = make_draft({"headline": "欠導言的", "lead": ""})

    page = read(admin_client.get(desk(edition, "publish")))

    assert "「欠導言的」未有導言。" in page
    assert 'name="readers"' not in page


def test_an_edition_that_lacks_something_is_not_published(admin_client):
    edition = make_draft({"headline": "欠導言的", "lead": ""})

    response = admin_client.post(desk(edition, "publish"), {"readers": "public"})

    edition.refresh_from_db()
    assert edition.state == State.DRAFT
    assert "「欠導言的」未有導言。" in messages_of(response)


def test_publishing_twice_is_refused_in_words(admin_client):
    edition = make_published(number=7)

    response = admin_client.post(desk(edition, "publish"), {"readers": "public"})

    assert "已經出版" in messages_of(response)


def test_the_public_reads_a_published_edition_until_it_is_withdrawn(admin_client, client):
    edition = make_published()

    before = client.get(edition.get_absolute_url()).status_code
    admin_client.post(desk(edition, "withdraw"))

    assert before == 200
    assert client.get(edition.get_absolute_url()).status_code == 410


def test_looking_at_the_withdrawal_page_withdraws_nothing(admin_client):
    edition = make_published()

    admin_client.get(desk(edition, "withdraw"))

    edition.refresh_from_db()
    assert edition.is_published


def test_withdrawing_a_draft_is_refused_in_words(admin_client):
    edition = make_draft()

    response = admin_client.post(desk(edition, "withdraw"), follow=True)

    assert "並未出版" in messages_of(response)


@pytest.mark.parametrize("page", ["publish", "withdraw"])
def test_publishing_needs_its_own_permission(page, client):
    edition = make_draft()
    client.force_login(make_editor())

    response = client.post(desk(edition, page), {"readers": "public"})

    edition.refresh_from_db()
    assert response.status_code == 403
    assert edition.state == State.DRAFT


@pytest.mark.parametrize(("permissions", "is_shown"), [([], False), (["publish_edition"], True)])
def test_only_who_may_publish_sees_the_button(permissions, is_shown, client):
    edition = make_draft()
    client.force_login(make_editor(*permissions))

    page = read(client.get(desk(edition)))

    assert (desk(edition, "publish") in page) == is_shown


@pytest.mark.parametrize("page", ["preview/", "preview.pdf", "publish/", "withdraw/", "change/"])
def test_the_desk_is_closed_to_the_public(page, client):
    edition = make_draft()

    response = client.get(f"/admin/briefings/edition/{edition.pk}/{page}")

    assert response.status_code == 302
    assert response.url.startswith("/admin/login/")


# -------------------------------------------------------------------------------------- hooks
@pytest.fixture
def option():
    """An option to publishing, with the numbers of the editions it was carried out for."""
    done = []
    registered = PublishOption(
        name="ring_bell",
        label="敲鐘",
        describe=lambda edition: f"為{edition.label}敲鐘三下。",
        carry_out=lambda edition, user: done.append(edition.number) or f"{user}敲了鐘。",
        permission="briefings.add_theme",
    )
    publish_options.append(registered)
    yield done
    publish_options.remove(registered)


@pytest.fixture
def tool():
    registered = EditionTool(
        name="bell",
        label="敲鐘",
        view=lambda request, edition: HttpResponse(f"{edition.label}的鐘"),
        permission="briefings.add_theme",
    )
    edition_tools.append(registered)
    yield registered
    edition_tools.remove(registered)


def test_a_tool_may_open_to_either_of_two_permissions(tool, client, monkeypatch):
    edition = make_draft(number=7)
    wide = replace(tool, permission="auth.add_group", others=("briefings.add_theme",))
    monkeypatch.setattr("briefings.admin.edition_pages.edition_tools", [wide])
    editor = make_editor()
    client.force_login(editor)

    assert "敲鐘" in read(client.get(desk(edition)))
    assert client.get(desk(edition, "bell")).status_code == 200
    editor.user_permissions.remove(Permission.objects.get(codename="add_theme"))
    assert client.get(desk(edition, "bell")).status_code == 403


def test_an_option_says_what_it_will_do(option, admin_client):
    edition = make_draft(number=7)

    page = read(admin_client.get(desk(edition, "publish")))

    assert "為第7期敲鐘三下。" in page


def test_a_ticked_option_is_carried_out(option, admin_client):
    edition = make_draft(number=7)
    form = {"readers": "public", "ring_bell": "on"}

    response = admin_client.post(desk(edition, "publish"), form, follow=True)

    assert option == [7]
    assert "admin敲了鐘。" in messages_of(response)


def test_an_option_left_alone_is_not_carried_out(option, admin_client):
    edition = make_draft(number=7)

    admin_client.post(desk(edition, "publish"), {"readers": "public"})

    assert option == []


def test_a_refused_publication_carries_out_nothing(option, admin_client):
    edition = make_draft({"lead": ""}, number=7)

    admin_client.post(desk(edition, "publish"), {"readers": "public", "ring_bell": "on"})

    assert option == []


def test_an_option_is_not_for_those_without_its_permission(option, client):
    edition = make_draft(number=7)
    editor = make_editor("publish_edition")
    editor.user_permissions.remove(Permission.objects.get(codename="add_theme"))
    client.force_login(editor)

    client.post(desk(edition, "publish"), {"readers": "public", "ring_bell": "on"})

    edition.refresh_from_db()
    assert edition.is_published
    assert option == []


def test_a_tool_has_a_button_and_a_page(tool, admin_client):
    edition = make_draft(number=7)

    button = f'href="{desk(edition, "bell")}"'

    assert button in read(admin_client.get(desk(edition)))
    assert read(admin_client.get(desk(edition, "bell"))) == "第7期的鐘"


def test_a_tool_is_not_for_those_without_its_permission(tool, client):
    edition = make_draft()
    editor = make_editor()
    editor.user_permissions.remove(Permission.objects.get(codename="add_theme"))
    client.force_login(editor)

    response = client.get(desk(edition, "bell"))

    assert response.status_code == 403
    assert desk(edition, "bell") not in read(client.get(desk(edition)))


def test_an_unknown_tool_is_not_found(admin_client):
    edition = make_draft()

    response = admin_client.get(desk(edition, "no-such-tool"))

    assert response.status_code == 404


# ------------------------------------------------------------------------------- the other pages
def test_a_theme_in_use_is_not_deleted(admin_client):
    theme = make_theme()
    make_entry(themes=[theme])

    admin_client.post(f"/admin/briefings/theme/{theme.pk}/delete/", {"post": "yes"})

    assert Theme.objects.filter(pk=theme.pk).exists()


def test_a_new_theme_gets_its_address_by_itself(admin_client):
    admin_client.post("/admin/briefings/theme/add/", {"name": "低空經濟"})

    assert Theme.objects.get().slug == "低空經濟"


def test_a_theme_needs_a_name_that_makes_an_address(admin_client):
    response = admin_client.post("/admin/briefings/theme/add/", {"name": "？！"})

    assert "name" in response.context["adminform"].form.errors


def test_the_publication_opens_as_a_form(admin_client):
    response = admin_client.get("/admin/briefings/publication/")

    assert response.url == "/admin/briefings/publication/1/change/"


def test_the_publications_texts_are_cleaned(admin_client, client):
    names = {
        "name": "刊",
        "organisation": "會",
        "department": "部",
        "sender_email": "a@example.org",
    }

    admin_client.post(
        "/admin/briefings/publication/1/change/",
        names | {"about": "<p>關於<script>x</script>本刊</p>"},
    )

    assert "<p>關於本刊</p>" in read(client.get("/about/"))


def test_taggits_own_tags_are_not_shown(admin_client):
    menu = read(admin_client.get("/admin/"))

    assert "/admin/taggit/" not in menu
    assert admin_client.get("/admin/taggit/tag/").status_code == 404


def test_the_menu_stands_in_the_order_of_the_work(admin_client):
    apps = admin_client.get("/admin/").context["app_list"]

    assert apps[0]["app_label"] == "briefings"
    names = [model["name"] for model in apps[0]["models"]]
    assert names[:4] == ["短評", "各期", "合訂本", "匯入舊期數"]


LATIN_ALLOWED = {
    *("PDF", "admin", "research", "cma", "org", "hk"),
    *("JPEG", "PNG", "WebP", "GIF", "MB"),
}


def find_latin(page: str) -> set[str]:
    """Words in Latin letters that someone looking at a page would read, or have read to them."""
    shown = re.sub(r"<(script|style|textarea|option)\b.*?</\1>", " ", page, flags=re.DOTALL)
    spoken = re.findall(r'\b(?:title|alt|placeholder|aria-label)="([^"]*)"', shown)
    text = " ".join([re.sub(r"<[^>]*>", " ", shown), *spoken])
    return set(re.findall(r"[A-Za-z]{2,}", unescape(text))) - LATIN_ALLOWED


@pytest.mark.parametrize(
    "path",
    [
        "",
        "briefings/",
        *(f"briefings/{model}/" for model in ("entry", "edition", "theme", "imprint")),
        *(f"briefings/{model}/add/" for model in ("entry", "edition", "theme", "imprint")),
        *(f"briefings/entry/{{entry}}/{page}/" for page in ("change", "delete", "history")),
        *(
            f"briefings/edition/{{edition}}/{page}/"
            for page in ("change", "delete", "history", "publish", "withdraw")
        ),
        "briefings/publication/1/change/",
        "password_change/",
    ],
)
def test_the_desk_speaks_chinese(path, admin_client):
    edition = make_draft({"headline": "一篇", "themes": [make_theme()]}, number=7)
    address = path.format(edition=edition.pk, entry=edition.entries.get().pk)

    page = admin_client.get(f"/admin/{address}").content.decode()

    assert find_latin(page) == set()
