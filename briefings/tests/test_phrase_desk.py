import pytest

from briefings.models import PinnedPhrase
from briefings.tests.makers import make_published

pytestmark = pytest.mark.django_db


def pin(text: str, **fields) -> PinnedPhrase:
    return PinnedPhrase.objects.create(text=text, **fields)


def test_an_editor_pins_orders_and_sees_how_many_entries_have_it(admin_client):
    make_published({"lead": "關稅。"})
    admin_client.post(
        "/admin/briefings/pinnedphrase/add/", {"text": " 關稅 ", "note": "", "position": "3"}
    )
    phrase = PinnedPhrase.objects.get()

    page = admin_client.get("/admin/briefings/pinnedphrase/").content.decode()

    assert (phrase.text, phrase.folded, phrase.position) == ("關稅", "关税", 3)
    assert '<td class="field-show_entries">1篇</td>' in page


def test_an_editor_is_told_of_a_phrase_pinned_before(admin_client):
    pin("關稅")

    answer = admin_client.post(
        "/admin/briefings/pinnedphrase/add/", {"text": "关税", "position": "0"}
    )

    assert "已有「關稅」" in answer.content.decode()


def test_the_order_is_changed_in_the_list(admin_client):
    one, other = pin("甲", position=1), pin("乙", position=2)

    admin_client.post(
        "/admin/briefings/pinnedphrase/",
        {
            "form-TOTAL_FORMS": "2",
            "form-INITIAL_FORMS": "2",
            "form-0-id": one.pk,
            "form-0-position": "5",
            "form-1-id": other.pk,
            "form-1-position": "2",
            "_save": "儲存",
        },
    )

    assert [phrase.text for phrase in PinnedPhrase.objects.all()] == ["乙", "甲"]


def test_each_place_in_the_list_is_named(admin_client):
    pin("關稅")

    page = admin_client.get("/admin/briefings/pinnedphrase/").content.decode()

    assert 'aria-label="「關稅」的次序"' in page


def test_the_list_at_the_desk_costs_the_same_for_many(admin_client, django_assert_max_num_queries):
    for number in range(12):
        pin(f"提法{number}")
    admin_client.get("/admin/briefings/pinnedphrase/")  # what is kept in memory is read once

    with django_assert_max_num_queries(12):
        admin_client.get("/admin/briefings/pinnedphrase/")
