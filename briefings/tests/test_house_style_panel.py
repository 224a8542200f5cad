"""The house style check at the desk, and the glossary it goes by."""

import json

import pytest
from django.contrib.auth.models import User

from briefings.admin.house_style import MOST_SHOWN
from briefings.html import LONGEST
from briefings.models import GlossaryTerm, Wording
from briefings.tests.makers import make_entry, make_reviewer, make_staff, make_writer

pytestmark = pytest.mark.django_db

CHECK = "/admin/briefings/entry/style/"
TERMS = "/admin/briefings/glossaryterm/"
TEXTS = {"headline": "看視頻", "lead": "", "body": "<p>甲</p><p>路綫,</p>"}


@pytest.fixture
def writer(client) -> User:
    user = make_writer()
    client.force_login(user)
    return user


@pytest.fixture
def keeper(client) -> User:
    """Somebody who keeps the glossary."""
    terms = ("view_glossaryterm", "add_glossaryterm", "change_glossaryterm")
    user = make_staff(*terms, "view_wording", "add_wording", "change_wording", "delete_wording")
    client.force_login(user)
    return user


def check(client, texts: object):
    return client.post(CHECK, json.dumps(texts), content_type="application/json")


def test_what_the_form_holds_is_checked_without_being_saved(client, writer):
    answer = check(client, TEXTS).json()

    assert answer["total"] == 3
    assert [(one["field"], one["block"], one["quote"]) for one in answer["findings"]] == [
        ("headline", 0, "視頻"),
        ("body", 1, "綫"),
        ("body", 1, ","),
    ]
    assert answer["findings"][1]["suggestions"] == ["線"]


def test_the_check_goes_by_the_glossary(client, writer):
    term = GlossaryTerm.objects.create(name="香港特別行政區政府")
    term.wordings.create(text="港府", is_discouraged=True)

    [finding] = check(client, TEXTS | {"headline": "港府", "body": ""}).json()["findings"]

    assert finding["suggestions"] == ["香港特別行政區政府"]


@pytest.mark.parametrize(
    "texts",
    [
        *([], "甲", None, {}, TEXTS | {"lead": None}, TEXTS | {"body": ["<p>"]}),
        *(TEXTS | {"lead": "\ud800"}, TEXTS | {"body": "字" * LONGEST}),
    ],
)
def test_what_is_not_three_texts_is_refused_in_chinese(texts, client, writer):
    answer = check(client, texts)

    assert answer.status_code == 400
    assert "未能檢查" in answer.json()["error"]


def test_what_is_no_json_is_refused(client, writer):
    assert client.post(CHECK, "{", content_type="application/json").status_code == 400


def test_a_text_full_of_faults_is_cut_and_says_so(client, writer):
    answer = check(client, TEXTS | {"body": "<p>看視頻</p>" * (MOST_SHOWN + 1)}).json()

    assert len(answer["findings"]) == MOST_SHOWN
    assert answer["total"] == MOST_SHOWN + 2


def test_who_may_see_no_entries_may_not_have_texts_checked(client):
    client.force_login(make_staff("view_edition"))

    assert check(client, TEXTS).status_code == 403


def test_the_check_changes_nothing_and_takes_no_get(client, writer):
    assert client.get(CHECK).status_code == 405


def test_the_panel_stands_beside_a_form_that_may_be_changed_only(client):
    entry = make_entry()
    address = f"/admin/briefings/entry/{entry.pk}/change/"

    client.force_login(make_reviewer())
    assert "data-house-style" in client.get(address).content.decode()
    client.force_login(make_staff("view_entry"))
    assert "data-house-style" not in client.get(address).content.decode()


# ---------------------------------------------------------------------------------- the glossary
def write_term(client, name: str, *wordings: str, address: str = f"{TERMS}add/"):
    rows = {f"wordings-{number}-text": text for number, text in enumerate(wordings)}
    management = {"wordings-TOTAL_FORMS": len(wordings), "wordings-INITIAL_FORMS": 0}
    return client.post(address, {"name": name, "kind": "body", "note": ""} | rows | management)


def test_a_term_is_kept_with_its_wordings(client, keeper):
    response = write_term(client, "香港金融管理局", "金管局", "HKMA")

    assert response.status_code == 302
    assert set(Wording.objects.values_list("text", flat=True)) == {"金管局", "HKMA"}


@pytest.mark.parametrize(
    ("name", "wordings"),
    [
        ("金管局", []),
        ("甲機構", ["金管局"]),
        ("甲機構", ["hkma"]),
        ("甲機構", ["ＨＫＭＡ"]),
        ("甲機構", ["《香港金融管理局》"]),
        ("香港金融管理局（香港）", ["香港金融管理局"]),
    ],
)
def test_what_another_term_is_called_already_is_refused_and_says_by_which(
    name, wordings, client, keeper
):
    write_term(client, "香港金融管理局", "金管局", "HKMA")

    page = write_term(client, name, *wordings).content.decode()

    assert "與詞彙「香港金融管理局」的寫法相同" in page
    assert GlossaryTerm.objects.count() == 1


@pytest.mark.parametrize("wordings", [["金管局", "金管局"], ["甲機構"], ["HKMA", "hkma"]])
def test_a_term_has_each_wording_once(wordings, client, keeper):
    page = write_term(client, "甲機構", *wordings).content.decode()

    assert "毋須重複" in page
    assert GlossaryTerm.objects.count() == 0


@pytest.mark.parametrize(("name", "wordings"), [("——", []), ("甲機構", ["……"])])
def test_what_a_search_could_never_find_is_refused(name, wordings, client, keeper):
    page = write_term(client, name, *wordings).content.decode()

    assert "須有文字或數字" in page


def test_a_term_may_be_saved_again_as_it_is(client, keeper):
    write_term(client, "香港金融管理局", "金管局")
    term, wording = GlossaryTerm.objects.get(), Wording.objects.get()
    rows = {"TOTAL_FORMS": 1, "INITIAL_FORMS": 1}
    rows |= {"0-id": wording.pk, "0-term": term.pk, "0-text": wording.text}
    saved = {"name": term.name, "kind": "body", "note": "央行"}
    saved |= {f"wordings-{name}": value for name, value in rows.items()}

    response = client.post(f"{TERMS}{term.pk}/change/", saved)

    assert response.status_code == 302
    assert GlossaryTerm.objects.get().note == "央行"


@pytest.mark.parametrize("typed", ["金管", "hkma", "金融管理", "HKMA"])
def test_the_list_is_searched_by_name_and_wording(typed, client, keeper):
    write_term(client, "香港金融管理局", "金管局", "HKMA")
    write_term(client, "立法會")

    page = client.get(TERMS, {"q": typed})

    assert [term.name for term in page.context["cl"].result_list] == ["香港金融管理局"]


def test_the_list_costs_no_query_for_each_term(client, keeper, django_assert_max_num_queries):
    for number in range(5):
        write_term(client, f"第{number}號機構", f"寫法{number}")

    with django_assert_max_num_queries(12):
        client.get(TERMS)


def test_a_text_too_long_once_its_signs_are_escaped_is_refused_with_the_reason(client, writer):
    answer = check(client, TEXTS | {"body": "&" * (LONGEST - 100)})

    assert answer.status_code == 400
    assert "內容太長" in answer.json()["error"]
