"""Making volumes at the desk, having them printed, and giving them to readers."""

import json
from html import unescape
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from briefings import printing
from briefings.models import Printout, PrintoutState, Theme, Volume
from briefings.pdf import PDFRefused
from briefings.printing import build, make_order
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_published, make_volume

pytestmark = pytest.mark.django_db

LIST = "/admin/briefings/volume/"
ADD = f"{LIST}add/"


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def no_press(monkeypatch):
    monkeypatch.setattr(printing, "print_document", lambda *args, **options: b"%PDF-1.7 book")


@pytest.fixture
def woken(monkeypatch) -> list:
    woken: list = []
    for module in ("briefings.printing", "briefings.admin.volumes"):
        monkeypatch.setattr(f"{module}.wake_worker", woken.append)
    return woken


def enter(client, role: str) -> None:
    person = User.objects.create_user(role, is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    client.force_login(person)


@pytest.fixture
def editor(client):
    enter(client, "編輯")
    return client


@pytest.fixture
def publisher(client):
    enter(client, "出版人")
    return client


@pytest.fixture
def volume():
    make_published({}, {}, number=1)
    return make_volume()


def fill_in(**fields) -> dict:
    empty = {"title": "新書", "first_year": 2026, "last_year": 2026, "preface": "", "phrases": ""}
    return empty | {"theme": "", "slug": ""} | fields


def page_of(volume: Volume) -> str:
    return f"{LIST}{volume.pk}/change/"


def print_of(volume: Volume) -> str:
    return f"{LIST}{volume.pk}/print/"


def file_of(volume: Volume) -> str:
    return f"{LIST}{volume.pk}/download.pdf"


def ask_progress(client, volume: Volume) -> dict:
    return json.loads(client.get(f"{LIST}{volume.pk}/progress/").content)


def read(response) -> str:
    return unescape(response.content.decode())


# ------------------------------------------------------------------------------------ the form


@pytest.mark.parametrize(
    ("fields", "slug"),
    [
        ({}, "2026"),
        ({"first_year": 2024}, "2024-2026"),
        ({"first_year": 2024, "theme": "稅務"}, "稅務-2024-2026"),
        ({"slug": "我的書"}, "我的書"),
    ],
)
def test_an_address_is_proposed_from_theme_and_years(fields, slug, editor):
    if name := fields.get("theme"):
        fields = fields | {"theme": Theme.objects.create(name=name).pk}

    editor.post(ADD, fill_in(**fields))

    assert Volume.objects.get().slug == slug


def test_a_proposed_address_is_nobody_elses(editor, volume):
    editor.post(ADD, fill_in())

    assert Volume.objects.get(title="新書").slug == "2026-2"


def test_years_in_the_wrong_order_are_refused_in_words(editor):
    response = editor.post(ADD, fill_in(first_year=2027))

    assert "「由」不能遲於「至」。" in read(response)


def test_phrases_are_kept_each_once_and_trimmed(editor):
    editor.post(ADD, fill_in(phrases=" 北都 \n\n人工　智能\n北都"))

    assert Volume.objects.get().phrases == "北都\n人工 智能"


def test_too_many_phrases_are_refused(editor):
    response = editor.post(ADD, fill_in(phrases="\n".join(map(str, range(101)))))

    assert "索引字詞最多一百個。" in read(response)


def test_the_history_tells_what_was_changed(editor, volume):
    editor.post(page_of(volume), fill_in(title="改名", slug="2026"))

    assert "改名" in read(editor.get(f"{LIST}{volume.pk}/history/"))


# -------------------------------------------------------------------------------- who may what


def test_an_editor_makes_no_volume_public(editor):
    editor.post(ADD, fill_in(is_public="on"))

    assert not Volume.objects.get().is_public


def test_a_publisher_does_and_it_is_built_before_a_reader_asks(publisher, woken):
    publisher.post(ADD, fill_in(is_public="on"))

    volume = Volume.objects.get()
    assert volume.is_public
    assert woken == [volume]


def test_what_readers_have_an_editor_may_only_look_at(editor, volume):
    Volume.objects.update(is_public=True)

    response = editor.post(page_of(volume), fill_in(title="改名"))

    assert response.status_code == 403
    assert "只有出版人可以修改" in read(editor.get(page_of(volume)))
    assert editor.get(f"{LIST}{volume.pk}/delete/").status_code == 403


def test_a_publisher_may_take_it_back_and_its_address_stays(publisher, volume):
    Volume.objects.update(is_public=True)

    publisher.post(page_of(volume), fill_in(title="改名", slug="other"))

    volume.refresh_from_db()
    assert (volume.title, volume.slug, volume.is_public) == ("改名", "2026", False)


@pytest.mark.parametrize("role", ["撰稿人", "會員管理員"])
def test_others_have_nothing_to_do_with_volumes(role, client, volume):
    enter(client, role)

    asked = [LIST, ADD, page_of(volume), file_of(volume)]

    assert {client.get(address).status_code for address in asked} == {403}
    assert client.post(print_of(volume)).status_code == 403


# ----------------------------------------------------------------------------------- the panel


def test_the_page_tells_what_a_volume_holds(editor, volume):
    page = read(editor.get(page_of(volume)))

    assert "收錄1期，共2篇短評" in page
    assert "製作 PDF" in page


def test_a_volume_with_nothing_in_it_can_not_be_printed(editor, woken):
    volume = make_volume()

    editor.post(print_of(volume))

    assert "未有公眾可讀的短評" in read(editor.get(page_of(volume)))
    assert woken == []


def test_the_button_asks_a_worker_and_the_page_follows_it(editor, volume, woken):
    page = read(editor.post(print_of(volume), follow=True))

    assert woken == [volume]
    assert f'data-address="{LIST}{volume.pk}/progress/"' in page
    assert "desk/volume-progress.js" in page
    assert "正在輪候" in page


def test_pressing_it_twice_asks_once(editor, volume, woken):
    editor.post(print_of(volume))
    editor.post(print_of(volume))

    assert woken == [volume]


def test_progress_is_told_in_pages(editor, volume, woken):
    editor.post(print_of(volume))
    Printout.objects.update(state=PrintoutState.BUILDING, pages=12, expected_pages=40)

    news = ask_progress(editor, volume)

    assert news == {"done": 12, "total": 40, "summary": "已排12頁，預計約40頁。"}


def test_more_pages_than_were_expected_leave_the_bar_full(editor, volume, woken):
    editor.post(print_of(volume))
    Printout.objects.update(state=PrintoutState.BUILDING, pages=50, expected_pages=40)

    news = ask_progress(editor, volume)

    assert (news["done"], news["total"], news["summary"]) == (50, 50, "已排50頁，即將完成。")


def test_progress_asks_the_ledger_only(
    editor, volume, woken, monkeypatch, django_assert_max_num_queries
):
    editor.post(print_of(volume))
    monkeypatch.setattr("briefings.admin.volumes.make_order", None)

    with django_assert_max_num_queries(9):
        ask_progress(editor, volume)


def test_when_it_is_ready_the_panel_offers_it(editor, volume, woken):
    editor.post(print_of(volume))
    build(make_order(volume))

    panel = ask_progress(editor, volume)["panel"]

    assert "下載" in panel
    assert file_of(volume) in panel


def test_text_that_changes_meanwhile_leaves_nobody_waiting(editor, volume, woken):
    editor.post(print_of(volume))
    make_published({}, number=2)
    build(make_order(volume))
    make_published({}, number=3)

    assert "製作 PDF" in ask_progress(editor, volume)["panel"]


def test_a_refusal_says_why_and_can_be_tried_again(editor, volume, woken):
    editor.post(print_of(volume))
    Printout.objects.update(state=PrintoutState.REFUSED, reason="字型沒有以下字元。")
    woken.clear()

    page = read(editor.get(page_of(volume)))
    editor.post(print_of(volume))

    assert "未能製成：字型沒有以下字元。" in page
    assert "再試" in page
    assert Printout.objects.get().state == PrintoutState.WAITING
    assert woken == [volume]


def test_a_machine_that_can_not_print_says_so(editor, volume, monkeypatch):
    def refuse(volume):
        raise PDFRefused("缺少中文字型。")

    monkeypatch.setattr("briefings.admin.volumes.make_order", refuse)

    assert "缺少中文字型。" in read(editor.get(page_of(volume)))
    assert "缺少中文字型。" in read(editor.post(print_of(volume), follow=True))
    assert "缺少中文字型。" in read(editor.get(file_of(volume), follow=True))


def test_an_editor_downloads_what_is_not_public(editor, volume):
    build(make_order(volume))

    response = editor.get(file_of(volume))

    assert b"".join(response) == b"%PDF-1.7 book"
    assert "政策短評2026年合訂本.pdf" in unquote(response["Content-Disposition"])


def test_nothing_is_built_for_a_download(editor, volume, woken):
    response = editor.get(file_of(volume), follow=True)

    assert "按現時的內容，PDF 尚未製作。" in read(response)
    assert not Printout.objects.filter(state=PrintoutState.READY, volume=volume).exists()
    assert woken == []


def test_what_holds_something_withdrawn_since_is_not_given_out(editor, volume):
    second = make_published({}, number=2)
    build(make_order(volume))
    withdraw_edition(second)

    assert editor.get(file_of(volume)).status_code == 302


def test_the_list_tells_each_volumes_latest_pdf(editor, volume):
    build(make_order(volume))
    make_volume(slug="other", theme=Theme.objects.create(name="稅務"))

    page = read(editor.get(LIST))

    assert "已製成" in page
    assert "未製作" in page
    assert "稅務" in page


def test_a_longer_list_costs_no_more(editor):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            editor.get(LIST)
        return len(queries)

    make_volume()
    editor.get(LIST)  # what is asked once a process is asked now
    few = count()
    for number in range(9):
        make_volume(slug=f"v{number}", theme=Theme.objects.create(name=f"題{number}"))

    assert count() == few


# ------------------------------------------------------------------------------------- readers


def test_readers_find_public_volumes_below_the_editions(client, volume):
    make_volume(slug="secret", title="未公開的書")
    Volume.objects.filter(pk=volume.pk).update(is_public=True)
    build(make_order(volume))

    page = read(client.get("/editions/"))

    assert f'href="{volume.get_absolute_url()}"' in page
    assert "2026年合訂本" in page
    assert "未公開的書" not in page
    assert "PDF，13" in page


def test_one_that_was_never_made_has_no_size(client, volume):
    Volume.objects.update(is_public=True)

    assert 'class="dateline">PDF</span>' in read(client.get("/editions/"))


def test_without_volumes_nothing_is_said_of_them(client, volume):
    assert "合訂本" not in read(client.get("/editions/"))


def test_the_page_of_one_year_has_none(client, volume):
    Volume.objects.update(is_public=True)

    assert "合訂本" not in read(client.get("/editions/?year=2026"))


def test_a_volume_that_is_not_public_is_not_there(client, volume):
    build(make_order(volume))

    assert client.get(volume.get_absolute_url()).status_code == 404


def test_an_empty_volume_is_not_there_either(client):
    assert client.get(make_volume(is_public=True).get_absolute_url()).status_code == 404


def test_the_first_reader_waits_and_then_has_it(client, volume, woken):
    Volume.objects.update(is_public=True)

    waiting = client.get(volume.get_absolute_url())
    build(make_order(volume))
    given = client.get(volume.get_absolute_url())

    assert (waiting.status_code, waiting["Retry-After"]) == (202, "3")
    assert "2026年合訂本的 PDF 正在製作" in read(waiting)
    assert woken == [volume]
    assert b"".join(given) == b"%PDF-1.7 book"
    assert given["Cache-Control"] == "no-cache"


def test_a_waiting_reader_is_told_how_far_it_is(client, volume, woken):
    Volume.objects.update(is_public=True)
    client.get(volume.get_absolute_url())
    Printout.objects.update(state=PrintoutState.BUILDING, pages=12, expected_pages=40)

    assert "已排12頁，共約40頁" in read(client.get(volume.get_absolute_url()))


def test_saving_over_what_somebody_else_saved_asks_first(publisher, volume):
    page = f"{LIST}{volume.pk}/change/"
    opened = publisher.get(page).context["updated_at"]
    Volume.objects.get(pk=volume.pk).save()
    mine = fill_in(title="我的書名", slug=volume.slug, _updated_at=opened)

    first = publisher.post(page, mine)

    assert "你的修改未有儲存" in first.content.decode()
    assert "我的書名" in first.content.decode()
    volume.refresh_from_db()
    assert volume.title != "我的書名"
    publisher.post(page, mine | {"_updated_at": first.context["updated_at"]})
    volume.refresh_from_db()
    assert volume.title == "我的書名"


def test_looking_on_does_not_keep_a_login_alive(editor, volume):
    printing.ask_for(make_order(volume))

    answer = editor.get(f"{LIST}{volume.pk}/progress/")

    assert answer.status_code == 200
    assert "sessionid" not in answer.cookies


def test_editors_are_told_that_no_worker_came(editor, volume):
    printout = printing.ask_for(make_order(volume))
    long_ago = printout.waiting_since - printing.NOBODY_CAME * 2
    Printout.objects.update(waiting_since=long_ago)

    answer = editor.get(f"{LIST}{volume.pk}/progress/")

    assert answer.json()["summary"] == "等了很久仍未開始，請通知系統管理員。"
