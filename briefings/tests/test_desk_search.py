"""Looking for entries at the desk, by the archive's own search."""

import re

import pytest

from briefings.models import GlossaryTerm
from briefings.tests.makers import make_draft, make_entry, make_published, make_reviewer, make_staff

pytestmark = pytest.mark.django_db

ENTRIES = "/admin/briefings/entry/"


@pytest.fixture(autouse=True)
def at_the_desk(client) -> None:
    client.force_login(make_reviewer())


def find(client, typed: str, **parameters) -> list[str]:
    page = client.get(ENTRIES, {"q": typed} | parameters)
    assert page.status_code == 200
    return [entry.headline for entry in page.context["cl"].result_list]


def test_an_entry_is_found_whatever_its_state(client):
    make_entry(headline="關稅草稿")
    make_draft({"headline": "關稅已編"})
    make_published({"headline": "關稅已出"})

    assert sorted(find(client, "关税")) == ["關稅已出", "關稅已編", "關稅草稿"]


def test_it_is_found_by_a_phrase_of_its_body_and_by_other_wordings(client):
    make_entry(headline="甲", body="<p>強積金的安排</p>")
    term = GlossaryTerm.objects.create(name="強制性公積金計劃")
    for text in ("強積金", "MPF"):
        term.wordings.create(text=text)

    assert find(client, "MPF") == find(client, "積金的安") == ["甲"]
    assert find(client, '"MPF"') == find(client, "積安") == []


def test_the_best_comes_first_unless_a_column_is_sorted_by(client):
    make_entry(headline="關稅")
    make_entry(headline="甲", body="<p>關稅</p>")

    assert find(client, "關稅") == ["關稅", "甲"]
    assert find(client, "關稅", o="1") == ["甲", "關稅"]
    assert find(client, "關稅", o="-1") == ["關稅", "甲"]


@pytest.mark.parametrize("typed", ["", " "])
def test_nothing_typed_is_the_whole_list(typed, client):
    make_entry(headline="甲")

    assert find(client, typed) == ["甲"]


@pytest.mark.parametrize("typed", ["——", "「」", "\0", "'\"%_"])
def test_what_can_not_be_searched_for_is_no_error(typed, client):
    make_entry(headline="甲")

    assert find(client, typed) in ([], ["甲"])


def test_a_filter_narrows_a_search(client):
    make_entry(headline="關稅甲")
    make_published({"headline": "關稅乙"})

    assert find(client, "關稅", state__exact="draft") == ["關稅甲"]


@pytest.mark.parametrize("address", ["/admin/", ENTRIES, "/admin/password_change/"])
def test_the_search_box_is_on_every_page_of_the_desk(address, client):
    page = client.get(address).content.decode()

    assert re.search(rf'<form id="desk-search" role="search" action="{ENTRIES}">', page)


def test_who_may_see_no_entries_has_no_search_box(client):
    client.force_login(make_staff("view_edition"))

    assert "desk-search" not in client.get("/admin/").content.decode()
