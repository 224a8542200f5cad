"""Making an edition: taking entries from the backlog, moving them on, having links asked."""

from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Permission, User

from briefings.models import Audience, Edition, Entry, State, WebLink
from briefings.placing import place_entries
from briefings.publishing import TransitionRefused, schedule_edition
from briefings.tasks import check_web_links
from briefings.tests.makers import make_draft, make_entry, make_published

pytestmark = pytest.mark.django_db

PLACE = "/admin/briefings/entry/place/"
LINK = '<p>見<a href="https://a.hk/">施政報告</a>。</p>'


@pytest.fixture
def admin_user(db):
    return User.objects.create_superuser("admin")


def make_person(*permissions: str) -> User:
    person = User.objects.create_user("chan", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return person


def make_scheduled(*entries: dict, **fields) -> Edition:
    edition = make_draft(*entries, **fields)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    schedule_edition(
        edition, at=tomorrow, audience=Audience.PUBLIC, by=User.objects.create_superuser("pub")
    )
    return edition


def desk(edition: Edition, page: str = "change") -> str:
    return f"/admin/briefings/edition/{edition.pk}/{page}/"


def place(*entries: Entry) -> str:
    return f"{PLACE}?{'&'.join(f'entry={entry.pk}' for entry in entries)}"


def form(edition: Edition, **fields) -> dict:
    """What the edition's page posts; `to_<place>` says where the entry at that place is to go."""
    entries = list(edition.entries.all())
    posted = {
        "number": edition.number or "",
        "date": edition.date or "",
        "imprint": edition.imprint_id,
        "entries-TOTAL_FORMS": len(entries),
        "entries-INITIAL_FORMS": len(entries),
    }
    for index, entry in enumerate(entries):
        posted |= {
            f"entries-{index}-id": entry.pk,
            f"entries-{index}-edition": edition.pk,
            f"entries-{index}-position": index + 1,
            f"entries-{index}-destination": fields.pop(f"to_{index + 1}", ""),
        }
    return posted | fields


def headlines(edition: Edition) -> list[str]:
    return [entry.headline for entry in edition.entries.all()]


def read(response) -> str:
    return unescape(response.content.decode())


# ------------------------------------------------------------------------------------- placing


def test_entries_come_last_in_the_order_given():
    edition = make_draft({"headline": "甲"})
    two, three = make_entry(headline="乙"), make_entry(headline="丙")

    place_entries([three.pk, two.pk], edition)

    assert headlines(edition) == ["甲", "丙", "乙"]


def test_what_is_there_already_stays_in_its_place():
    edition = make_draft({"headline": "甲"}, {"headline": "乙"})

    moved = place_entries([edition.entries.first().pk], edition)

    assert moved == []
    assert headlines(edition) == ["甲", "乙"]


def test_an_open_form_on_a_moved_entry_is_out_of_date():
    """Or saving it would put the entry back where it was."""
    entry = make_entry()

    place_entries([entry.pk], make_draft())

    assert Entry.objects.get(pk=entry.pk).version > entry.version


@pytest.mark.parametrize("make", [make_published, make_scheduled])
def test_nothing_goes_into_a_locked_edition(make):
    edition, entry = make(number=7), make_entry()

    with pytest.raises(TransitionRefused, match=r"第7期.*已鎖定"):
        place_entries([entry.pk], edition)

    assert list(Entry.objects.backlog()) == [entry]


@pytest.mark.parametrize("make", [make_published, make_scheduled])
def test_nothing_leaves_a_locked_edition(make):
    edition, draft = make({"headline": "甲"}), make_draft({"headline": "乙"})
    ids = [*edition.entries.values_list("pk", flat=True), make_entry().pk]

    with pytest.raises(TransitionRefused, match=r"「甲」現為.*不能移動"):
        place_entries(ids, draft)

    assert headlines(edition) == ["甲"]
    assert headlines(draft) == ["乙"]


def test_nothing_goes_into_an_edition_that_is_gone():
    edition, entry = make_draft(), make_entry()
    Edition.objects.filter(pk=edition.pk).delete()

    with pytest.raises(TransitionRefused):
        place_entries([entry.pk], edition)


# -------------------------------------------------------------------------- the edition's page


def test_an_entry_moves_straight_to_another_edition(admin_client):
    here, there = make_draft({"headline": "甲"}, {"headline": "乙"}), make_draft({"headline": "丙"})

    admin_client.post(desk(here), form(here, to_1=there.pk))

    assert headlines(here) == ["乙"]
    assert headlines(there) == ["丙", "甲"]


def test_only_editions_in_the_making_are_offered(admin_client):
    here = make_draft(number=1)
    make_draft(number=2)
    make_published(number=3)
    make_scheduled(number=4)

    page = read(admin_client.get(desk(here)))

    assert "移到第2期" in page
    assert "移到第3期" not in page
    assert "移到第4期" not in page


def test_moving_to_an_edition_that_was_locked_meanwhile_is_refused(admin_client):
    here, there = make_draft({"headline": "甲"}), make_published()

    page = read(admin_client.post(desk(here), form(here, to_1=there.pk)))

    assert "所選的一期已鎖定或刪除" in page
    assert headlines(here) == ["甲"]


def test_saving_an_edition_leaves_what_others_wrote_meanwhile(admin_client):
    edition = make_draft({"headline": "甲"}, {"headline": "乙"})
    posted = form(edition)
    Entry.objects.filter(headline="甲").update(headline="剛改的")

    admin_client.post(desk(edition), posted | {"entries-0-position": 2, "entries-1-position": 1})

    assert headlines(edition) == ["乙", "剛改的"]


@pytest.mark.parametrize(
    ("state", "is_offered"),
    [
        (State.DRAFT, True),
        (State.IN_REVIEW, True),
        (State.APPROVED, True),
        (State.WITHDRAWN, False),
    ],
)
def test_the_backlog_offers_what_can_be_published_yet(state, is_offered, admin_client):
    make_entry(headline="候選的", state=state)

    page = read(admin_client.get(desk(make_draft())))

    assert ("候選的" in page) == is_offered


def test_who_can_only_read_an_edition_is_offered_no_backlog(client):
    make_entry(headline="待編的一篇", state=State.APPROVED)
    client.force_login(make_person("view_edition"))

    page = read(client.get(desk(make_draft())))

    assert "待編的一篇" not in page


def test_the_backlog_tells_theme_state_and_length(admin_client):
    make_entry(headline="乙", themes=["北部都會區"], lead="一 二三", body="<p>四五。</p>")

    page = admin_client.get("/admin/briefings/edition/add/")

    row = read(page).split('class="backlog-list"')[1]
    assert "北部都會區" in row
    assert "草稿" in row
    assert '<td class="length">6</td>' in row


def test_an_edition_tells_how_long_it_is(admin_client):
    edition = make_draft({"lead": "導" * 900, "body": f"<p>{'文' * 900}</p>"})

    assert "共1800字，印出來約3頁。" in read(admin_client.get(desk(edition)))


# --------------------------------------------------------------------------- the entries' list


def test_entries_are_chosen_in_their_list_and_put_in_an_edition(admin_client):
    edition, entry = make_draft({"headline": "甲"}), make_entry(headline="乙")
    chosen = {"action": "place", "_selected_action": [entry.pk]}

    asked = admin_client.post("/admin/briefings/entry/", chosen, follow=True)
    done = admin_client.post(place(entry), {"edition": edition.pk}, follow=True)

    assert "放入哪一期" in read(asked)
    assert "已將1篇短評放入" in read(done)
    assert headlines(edition) == ["甲", "乙"]


def test_entries_are_put_back_in_the_backlog(admin_client):
    entry = make_draft().entries.get()

    admin_client.post(place(entry), {"edition": ""})

    assert list(Entry.objects.backlog()) == [entry]


def test_a_refused_move_says_why(admin_client):
    entry = make_published({"headline": "甲"}).entries.get()

    page = read(admin_client.post(place(entry), {"edition": ""}, follow=True))

    assert "「甲」現為「已出版」，不能移動。" in page


def test_placing_nothing_goes_back_to_the_list(admin_client):
    page = admin_client.get(f"{PLACE}?entry=x&entry={10**30}", follow=True)

    assert "請先選擇短評。" in read(page)


def test_placing_needs_the_right_to_make_editions(client):
    client.force_login(make_person("view_entry", "change_entry", "write_entry"))
    entry, edition = make_entry(), make_draft()

    assert client.get(place(entry)).status_code == 403
    assert client.post(place(entry), {"edition": edition.pk}).status_code == 403
    assert 'value="place"' not in read(client.get("/admin/briefings/entry/"))


# ----------------------------------------------------------------------------------- the checks


def test_the_checks_stand_on_the_editions_page(admin_client):
    edition = make_draft({"headline": "欠導言的", "lead": ""})

    page = read(admin_client.get(desk(edition)))

    entry = edition.entries.get()
    assert (
        f'<a href="/admin/briefings/entry/{entry.pk}/change/#id_lead">「欠導言的」未有導言。</a>'
        in page
    )


@pytest.mark.parametrize("page", ["publish", "schedule"])
def test_the_checks_stand_on_the_way_out(page, admin_client):
    edition = make_draft({"headline": "甲"})

    assert "「甲」未有政策主題" in read(admin_client.get(desk(edition, page)))


def test_of_a_published_edition_nothing_is_checked(admin_client):
    assert "出版前檢查" not in read(admin_client.get(desk(make_published())))


@pytest.fixture
def queued(monkeypatch) -> list[list[str]]:
    """What workers are told to ask."""
    queued: list[list[str]] = []
    monkeypatch.setattr(
        check_web_links, "apply_async", lambda args, *rest, **options: queued.append(args[0])
    )
    return queued


def test_a_person_has_links_asked(admin_client, queued, django_capture_on_commit_callbacks):
    edition = make_draft({"body": LINK})

    with django_capture_on_commit_callbacks(execute=True):
        page = admin_client.post(desk(edition, "check-links"), follow=True)

    assert "正在檢查1個連結" in read(page)
    assert queued == [["https://a.hk/"]]


def test_links_asked_a_moment_ago_are_left_alone(admin_client, queued):
    WebLink.objects.create(url="https://a.hk/", checked_at=datetime.now(UTC))
    edition = make_draft({"body": LINK})

    page = admin_client.post(desk(edition, "check-links"), follow=True)

    assert "剛檢查過" in read(page)


def test_links_are_not_asked_by_looking(admin_client):
    assert admin_client.get(desk(make_draft(), "check-links")).status_code == 405


def test_having_links_asked_needs_to_see_the_edition(client):
    client.force_login(make_person("view_entry"))

    assert client.post(desk(make_draft(), "check-links")).status_code == 403


def test_going_to_publish_has_links_asked(admin_client, queued, django_capture_on_commit_callbacks):
    edition = make_draft({"body": LINK})

    with django_capture_on_commit_callbacks(execute=True):
        admin_client.get(desk(edition, "publish"))

    assert queued == [["https://a.hk/"]]


def test_saving_an_entry_has_its_links_asked(
    admin_client, queued, django_capture_on_commit_callbacks
):
    posted = {"headline": "標題", "lead": "導言。", "body": LINK, "themes": []}
    for rows in ("sources", "bylines"):
        posted |= {f"{rows}-TOTAL_FORMS": 0, f"{rows}-INITIAL_FORMS": 0}

    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post("/admin/briefings/entry/add/", posted)

    assert queued == [["https://a.hk/"]]


def test_where_no_link_may_be_asked_none_is(
    admin_client, queued, settings, django_capture_on_commit_callbacks
):
    settings.CHECK_LINKS = False
    edition = make_draft({"body": LINK})

    with django_capture_on_commit_callbacks(execute=True):
        admin_client.get(desk(edition, "publish"))

    assert queued == []


def test_what_is_known_of_links_is_told(admin_client):
    WebLink.objects.create(url="https://a.hk/", checked_at=datetime.now(UTC), fault="連不上")
    edition = make_draft({"body": LINK + '<p><a href="https://b.hk/">預算案</a></p>'})

    page = read(admin_client.get(desk(edition)))

    assert "2個連結：0個正常，1個有問題，1個未檢查。" in page
