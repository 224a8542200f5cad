"""Review notes beside an entry's text."""

import pytest

from briefings.models import ReviewNote
from briefings.tests.makers import make_entry, make_reviewer, make_staff, make_writer

pytestmark = pytest.mark.django_db

AS_SCRIPT = {"accept": "application/json"}


def notes_of(entry, note=None) -> str:
    return f"/admin/briefings/entry/{entry.pk}/notes/{f'{note.pk}/' if note else ''}"


def make_note(entry, **fields) -> ReviewNote:
    return ReviewNote.objects.create(entry=entry, **{"text": "數字有誤。"} | fields)


def test_a_note_is_written_beside_the_text(client):
    client.force_login(reviewer := make_reviewer())
    entry = make_entry()

    answer = client.post(
        notes_of(entry), {"quote": "五成", "text": "應為四成。"}, headers=AS_SCRIPT
    )

    note = ReviewNote.objects.get()
    assert (note.entry, note.quote, note.text, note.written_by) == (
        entry,
        "五成",
        "應為四成。",
        reviewer,
    )
    assert "應為四成。" in answer.json()["notes"]
    assert answer.json()["waiting"] == 1


def test_without_javascript_the_form_comes_back(client):
    client.force_login(make_reviewer())
    entry = make_entry()

    response = client.post(notes_of(entry), {"text": "應為四成。"}, headers={"accept": "text/html"})

    assert response.url == f"/admin/briefings/entry/{entry.pk}/change/"
    assert ReviewNote.objects.exists()


@pytest.mark.parametrize("wrong", [{"text": " "}, {"text": "好", "quote": "長" * 201}])
def test_a_note_that_says_nothing_or_quotes_too_much_is_refused_in_words(wrong, client):
    client.force_login(make_reviewer())
    entry = make_entry()

    answer = client.post(notes_of(entry), wrong, headers=AS_SCRIPT)

    assert answer.status_code == 400
    assert answer.json()["errors"][0] in ("請寫下意見。", "所引文字不可超過200字。")
    assert not ReviewNote.objects.exists()


def test_a_note_is_settled_by_the_first_who_does(client):
    entry = make_entry()
    note = make_note(entry)
    first = make_reviewer()
    for user in (first, make_reviewer()):
        client.force_login(user)
        answer = client.post(notes_of(entry, note), headers=AS_SCRIPT)

    note.refresh_from_db()
    assert note.settled_by == first
    assert note.settled_at
    assert answer.json()["waiting"] == 0


def test_a_settled_note_can_wait_again(client):
    client.force_login(reviewer := make_reviewer())
    entry = make_entry()
    note = make_note(entry, settled_by=reviewer, settled_at="2026-11-20T01:00Z")

    client.post(notes_of(entry, note), {"again": "1"})

    note.refresh_from_db()
    assert (note.settled_at, note.settled_by) == (None, None)


def test_the_panel_counts_what_waits(client):
    client.force_login(make_reviewer())
    entry = make_entry()
    make_note(entry)
    make_note(entry, settled_at="2026-11-20T01:00Z")

    response = client.get(f"/admin/briefings/entry/{entry.pk}/change/")

    badges = {panel.name: panel.badge for panel in response.context["panels"]}
    assert badges["reviews"] == 1


def test_a_note_is_shown_as_text(client):
    client.force_login(make_reviewer())
    entry = make_entry()
    make_note(entry, text="<script>x</script>", quote='"><img>')

    page = client.get(f"/admin/briefings/entry/{entry.pk}/change/").content.decode()

    assert "<script>x" not in page
    assert "><img>" not in page


def test_a_writer_answers_beside_their_own_text(client):
    client.force_login(writer := make_writer())
    entry = make_entry(created_by=writer)

    client.post(notes_of(entry), {"text": "已改。"})

    assert ReviewNote.objects.get().written_by == writer


@pytest.mark.parametrize("make_user", [make_writer, lambda: make_staff("view_entry")])
def test_others_only_read_notes(make_user, client):
    client.force_login(make_user())
    entry = make_entry()
    note = make_note(entry)

    page = client.get(f"/admin/briefings/entry/{entry.pk}/change/").content.decode()
    add = client.post(notes_of(entry), {"text": "我也說。"})
    settle = client.post(notes_of(entry, note))

    assert "數字有誤。" in page
    assert (add.status_code, settle.status_code) == (403, 403)
    assert ReviewNote.objects.filter(settled_at=None).count() == 1


def test_a_note_of_another_entry_is_not_found(client):
    client.force_login(make_reviewer())
    note = make_note(make_entry())

    assert client.post(notes_of(make_entry(), note)).status_code == 404
