"""An entry's ways between states, at the desk and below it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from briefings.models import Author, Edition, Entry, ReviewNote, State, Theme
from briefings.publishing import (
    TransitionRefused,
    approve_entries,
    approve_entry,
    find_obstacles,
    publish_edition,
    return_entry,
    submit_entry,
    take_back_entry,
)
from briefings.tests.makers import (
    make_draft,
    make_entry,
    make_published,
    make_reviewer,
    make_scheduled,
    make_staff,
    make_writer,
)

pytestmark = pytest.mark.django_db


def form(**fields) -> dict:
    return {
        "headline": "標題",
        "lead": "導言。",
        "body": "<p>正文。</p>",
        "themes": [],
        **dict.fromkeys(("sources-TOTAL_FORMS", "sources-INITIAL_FORMS"), 0),
        **dict.fromkeys(("bylines-TOTAL_FORMS", "bylines-INITIAL_FORMS"), 0),
    } | fields


def desk_of(entry: Entry, page: str = "change") -> str:
    return f"/admin/briefings/entry/{entry.pk}/{page}/"


def messages_of(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def state_of(entry: Entry) -> str:
    return Entry.objects.get(pk=entry.pk).state


# ---------------------------------------------------------------------------------- transitions
def return_with_note(entry: Entry) -> None:
    return_entry(entry, note="數字有誤。", by=None)


@pytest.mark.parametrize(
    ("since", "move", "to"),
    [
        (State.DRAFT, submit_entry, State.IN_REVIEW),
        (State.IN_REVIEW, take_back_entry, State.DRAFT),
        (State.IN_REVIEW, approve_entry, State.APPROVED),
        (State.DRAFT, approve_entry, State.APPROVED),
        (State.IN_REVIEW, return_with_note, State.DRAFT),
        (State.APPROVED, return_with_note, State.DRAFT),
    ],
)
def test_an_entry_goes_its_way(since, move, to):
    entry = make_entry(state=since)

    move(entry)

    assert entry.state == state_of(entry) == to


@pytest.mark.parametrize(
    ("move", "refused"),
    [
        (submit_entry, set(State) - {State.DRAFT}),
        (take_back_entry, set(State) - {State.IN_REVIEW}),
        (approve_entry, set(State) - {State.DRAFT, State.IN_REVIEW}),
        (return_with_note, set(State) - {State.IN_REVIEW, State.APPROVED}),
    ],
)
def test_an_entry_goes_no_other_way(move, refused):
    for state in refused:
        entry = make_entry(state=state)

        with pytest.raises(TransitionRefused, match=f"現為「{state.label}」"):
            move(entry)

        assert state_of(entry) == state
    assert not ReviewNote.objects.exists()


def test_an_entry_without_lead_or_body_is_not_submitted():
    entry = make_entry(headline="缺文", lead=" ", body="")

    with pytest.raises(TransitionRefused) as refused:
        submit_entry(entry)

    assert refused.value.reasons == ("「缺文」未有導言。", "「缺文」未有正文。")


def test_returning_says_why():
    entry, reviewer = make_entry(state=State.IN_REVIEW), make_reviewer()

    return_entry(entry, note=" 數字有誤。 ", by=reviewer)

    note = entry.review_notes.get()
    assert (note.text, note.written_by) == ("數字有誤。", reviewer)


def test_returning_without_saying_why_is_refused():
    entry = make_entry(state=State.IN_REVIEW)

    with pytest.raises(TransitionRefused, match="為何退回"):
        return_entry(entry, note=" ", by=None)

    assert state_of(entry) == State.IN_REVIEW


def test_an_older_copy_of_an_entry_goes_by_its_row():
    entry = make_entry(state=State.IN_REVIEW)
    older = Entry.objects.get(pk=entry.pk)
    approve_entry(entry)

    with pytest.raises(TransitionRefused, match="已審批"):
        take_back_entry(older)

    assert state_of(entry) == State.APPROVED


def test_moving_an_entry_leaves_its_text_and_version():
    entry = make_entry()
    form_opened_on = Entry.objects.get(pk=entry.pk).version

    submit_entry(entry)

    assert Entry.objects.get(pk=entry.pk).version == form_opened_on


def test_a_deleted_entry_is_not_moved():
    entry = make_entry()
    Entry.objects.filter(pk=entry.pk).delete()

    with pytest.raises(TransitionRefused, match="已被刪除"):
        submit_entry(entry)


def test_an_editions_entries_are_approved_together():
    edition = make_draft({"state": State.DRAFT}, {"state": State.IN_REVIEW}, {})

    approve_entries(edition)

    assert set(edition.entries.values_list("state", flat=True)) == {State.APPROVED}


def test_if_one_cannot_be_approved_none_is():
    edition = make_draft({"state": State.DRAFT}, {"state": State.DRAFT, "lead": ""})

    with pytest.raises(TransitionRefused):
        approve_entries(edition)

    assert set(edition.entries.values_list("state", flat=True)) == {State.DRAFT}


@pytest.mark.parametrize("state", [State.DRAFT, State.IN_REVIEW])
def test_an_edition_waits_for_the_approval_of_each_entry(state):
    edition = make_draft({}, {"headline": "新的", "state": state})

    assert find_obstacles(edition) == [f"「新的」未經審批（{state.label}）。"]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("other", [approve_entry, take_back_entry, return_with_note])
def test_of_two_who_decide_at_once_one_wins(other):
    entry, start = make_entry(state=State.IN_REVIEW), Barrier(2, timeout=10)

    def decide(move):
        older = Entry.objects.get(pk=entry.pk)
        start.wait()
        try:
            move(older)
        except TransitionRefused:
            return None
        finally:
            connection.close()
        return older.state

    with ThreadPoolExecutor(2) as deciders:
        winners = list(filter(None, deciders.map(decide, [approve_entry, other])))

    assert winners == [state_of(entry)]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_an_entry_returned_while_its_edition_is_published_goes_one_way_only():
    edition = make_draft()
    entry, start = edition.entries.get(), Barrier(2, timeout=10)

    def publish():
        publish_edition(edition, audience="public")

    def give_back():
        return_with_note(entry)

    def act(move):
        start.wait()
        try:
            move()
        except TransitionRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as people:
        outcome = list(people.map(act, [publish, give_back]))

    expected = [State.PUBLISHED] * 2 if outcome[0] else [State.DRAFT] * 2
    assert sum(outcome) == 1
    assert [Edition.objects.get().state, state_of(entry)] == expected


# ------------------------------------------------------------------------------ the entry's form
def test_a_writer_saves_and_submits_in_one_go(client):
    client.force_login(writer := make_writer())
    entry = make_entry(created_by=writer)

    client.post(desk_of(entry), form(headline="改好了", _step="submit"))

    row = Entry.objects.get()
    assert (row.headline, row.state) == ("改好了", State.IN_REVIEW)


def test_a_new_entry_can_be_submitted_at_once(client):
    client.force_login(writer := make_writer())

    client.post("/admin/briefings/entry/add/", form(headline="新篇", _step="submit"))

    row = Entry.objects.get()
    assert (row.headline, row.state, row.created_by) == ("新篇", State.IN_REVIEW, writer)


def test_what_cannot_be_submitted_is_saved_all_the_same(client):
    client.force_login(writer := make_writer())
    entry = make_entry(created_by=writer)

    response = client.post(
        desk_of(entry), form(headline="寫了一半", lead="", _step="submit"), follow=True
    )

    row = Entry.objects.get()
    assert (row.headline, row.state) == ("寫了一半", State.DRAFT)
    assert "未能送審：「寫了一半」未有導言。" in messages_of(response)


def test_an_editor_saves_and_approves_in_one_go(client):
    client.force_login(make_reviewer())
    entry = make_entry(state=State.IN_REVIEW)

    client.post(desk_of(entry), form(headline="改好了", _step="approve"))

    row = Entry.objects.get()
    assert (row.headline, row.state) == ("改好了", State.APPROVED)


def test_an_editor_returns_an_entry_with_the_reason(client):
    client.force_login(make_reviewer())
    entry = make_entry(state=State.IN_REVIEW)

    client.post(desk_of(entry), form(_step="return", _note="數字有誤。"))

    assert state_of(entry) == State.DRAFT
    assert entry.review_notes.get().text == "數字有誤。"


def test_an_approved_entry_stays_approved_when_an_editor_changes_it(client):
    client.force_login(make_reviewer())
    entry = make_entry(state=State.APPROVED)

    client.post(desk_of(entry), form(headline="改了一字"))

    row = Entry.objects.get()
    assert (row.headline, row.state) == ("改了一字", State.APPROVED)


def test_a_writer_takes_back_what_is_in_review(client):
    client.force_login(writer := make_writer())
    entry = make_entry(created_by=writer, state=State.IN_REVIEW)

    response = client.post(desk_of(entry, "step"), {"_step": "take_back"}, follow=True)

    assert state_of(entry) == State.DRAFT
    assert "已收回" in messages_of(response)


def test_who_can_only_read_an_entry_is_shown_its_text_without_tags(client):
    client.force_login(writer := make_writer())
    themes = [Theme.objects.create(name=name) for name in ("航運", "貿易")]
    entry = make_entry(
        created_by=writer, state=State.IN_REVIEW, body="<p>第一段。</p>", themes=themes
    )

    page = client.get(desk_of(entry)).content.decode()

    assert "航運、貿易" in page
    assert "<p>第一段。</p>" in page
    assert "&lt;p&gt;第一段" not in page


def test_the_name_of_a_colleague_is_written_family_first(client):
    client.force_login(make_reviewer())
    writer = make_writer()
    writer.last_name, writer.first_name = "陳", "大文"
    writer.save()
    make_entry(created_by=writer, state=State.IN_REVIEW)

    page = client.get("/admin/").content.decode()

    assert "陳大文" in page


def test_who_is_too_late_to_take_back_is_told(client):
    client.force_login(writer := make_writer())
    entry = make_entry(created_by=writer, state=State.APPROVED)

    response = client.post(desk_of(entry, "step"), {"_step": "take_back"}, follow=True)

    assert "現為「已審批」，不能收回" in messages_of(response)


@pytest.mark.parametrize("step", ["submit", "take_back", "approve", "return"])
def test_a_writer_moves_nothing_of_others(step, client):
    client.force_login(make_writer())
    state = {"submit": State.DRAFT, "return": State.APPROVED}.get(step, State.IN_REVIEW)
    entry = make_entry(created_by=make_writer(), state=state)

    response = client.post(desk_of(entry, "step"), {"_step": step, "_note": "不好。"})

    assert response.status_code == 403
    assert state_of(entry) == state


@pytest.mark.parametrize("state", [State.DRAFT, State.IN_REVIEW])
def test_a_writer_does_not_approve_their_own(state, client):
    client.force_login(writer := make_writer())
    entry = make_entry(created_by=writer, state=state)

    by_step = client.post(desk_of(entry, "step"), {"_step": "approve"})
    client.post(desk_of(entry), form(_step="approve"))

    assert by_step.status_code == 403
    assert state_of(entry) == state


def test_a_page_that_claims_another_state_gives_a_writer_no_step(client):
    client.force_login(writer := make_writer())
    entry = make_entry(created_by=writer, state=State.APPROVED)

    response = client.post(desk_of(entry, "step"), {"_step": "approve", "_since": State.DRAFT})

    assert response.status_code == 403


def test_what_was_taken_back_meanwhile_is_not_approved(client):
    client.force_login(make_reviewer())
    entry = make_entry(state=State.DRAFT)

    response = client.post(
        desk_of(entry), form(_step="approve", _since=State.IN_REVIEW), follow=True
    )

    assert state_of(entry) == State.DRAFT
    assert "剛被改為「草稿」，請看過再審批" in messages_of(response)


def test_an_unknown_step_is_not_found(client):
    client.force_login(make_reviewer())

    response = client.post(desk_of(make_entry(), "step"), {"_step": "fly"})

    assert response.status_code == 404


def test_a_step_is_not_taken_by_looking(client):
    client.force_login(make_reviewer())

    response = client.get(desk_of(make_entry(), "step"), {"_step": "approve"})

    assert response.status_code == 405


@pytest.mark.parametrize("state", [State.IN_REVIEW, State.APPROVED])
def test_what_comes_too_late_to_be_saved_is_given_back(state, client):
    client.force_login(writer := make_writer())
    entry = make_entry(created_by=writer, state=state)

    typed = form(lead="打了很久的導言", body="<p>打了<b>更久</b>的正文</p><script>1</script>")
    response = client.post(desk_of(entry), typed)

    page = response.content.decode()
    assert response.status_code == 409
    assert "<p>打了<b>更久</b>的正文</p></div>" in page
    assert f"現為「{state.label}」，你的修改未有儲存" in page
    assert "打了很久的導言" in page
    assert Entry.objects.get().lead == "導言。"


def test_all_that_was_typed_is_given_back(admin_client):
    entry = make_scheduled().entries.get()
    author = Author.objects.create(name="陳大文", post="研究員")
    typed = form(
        headline="新題",
        body="<p>第一段。</p><ul><li>要點</li></ul><script>alert(1)</script>",
        themes=[Theme.objects.create(name="稅務").pk],
        edition=make_draft(number=77).pk,
        correction_note="更正了數字。",
        _note="數字有誤，請再核對。",
        **{"bylines-TOTAL_FORMS": 1, "bylines-0-author": author.pk, "bylines-0-position": 1},
        **{"sources-TOTAL_FORMS": 1, "sources-0-title": "施政報告", "sources-0-position": 1},
    )

    response = admin_client.post(desk_of(entry), typed)

    page = response.content.decode()
    assert response.status_code == 409
    for text in (
        "新題",
        "稅務",
        "第77期",
        "陳大文",
        "施政報告",
        "更正了數字。",
        "數字有誤，請再核對。",
    ):
        assert text in page
    assert "<p>第一段。</p><ul><li>要點</li></ul>" in page
    assert "alert(1)" not in page


def test_of_what_came_too_late_what_was_left_empty_is_not_shown(admin_client):
    entry = make_scheduled().entries.get()

    response = admin_client.post(desk_of(entry), form(lead=""))

    assert [value.label for value in response.context["typed"]] == ["標題", "短評"]


def test_a_theme_that_is_no_more_is_given_back_by_what_was_sent(admin_client):
    entry = make_scheduled().entries.get()

    response = admin_client.post(desk_of(entry), form(themes=["99999", "新主題"]))

    assert "99999" in response.content.decode()
    assert "新主題" in response.content.decode()


@pytest.mark.parametrize(
    ("make_user", "state", "is_own", "offered"),
    [
        (make_writer, State.DRAFT, True, ["submit"]),
        (make_writer, State.IN_REVIEW, True, ["take_back"]),
        (make_writer, State.APPROVED, True, []),
        (make_writer, State.DRAFT, False, []),
        (make_reviewer, State.DRAFT, False, ["submit", "approve"]),
        (make_reviewer, State.IN_REVIEW, False, ["approve", "return"]),
        (make_reviewer, State.APPROVED, False, ["return"]),
        (make_reviewer, State.SCHEDULED, False, []),
    ],
)
def test_the_form_offers_the_steps_that_are_open(make_user, state, is_own, offered, client):
    client.force_login(user := make_user())
    entry = make_entry(created_by=user if is_own else None, state=state)

    response = client.get(desk_of(entry))

    assert [step.name for step in response.context["steps"]] == offered


# ------------------------------------------------------------------------- whose entry it is
def test_a_writer_changes_and_deletes_their_own_draft(client):
    client.force_login(writer := make_writer())
    entry = make_entry(created_by=writer)

    client.post(desk_of(entry), form(headline="改了"))
    assert Entry.objects.get().headline == "改了"
    client.post(desk_of(entry, "delete"), {"post": "yes"})
    assert not Entry.objects.exists()


@pytest.mark.parametrize("state", [state for state in State if state != State.DRAFT])
def test_a_writer_does_not_delete_what_is_no_draft(state, client):
    client.force_login(writer := make_writer())
    entry = make_entry(created_by=writer, state=state)

    response = client.post(desk_of(entry, "delete"), {"post": "yes"})

    assert response.status_code == 403
    assert Entry.objects.exists()


def test_a_writer_reads_others_entries_and_changes_none(client):
    client.force_login(make_writer())
    entry = make_entry(headline="別人的", created_by=make_writer())

    page = client.get(desk_of(entry)).content.decode()
    change = client.post(desk_of(entry), form(headline="改了"))
    delete = client.post(desk_of(entry, "delete"), {"post": "yes"})

    assert "別人的" in page
    assert 'name="headline"' not in page
    assert (change.status_code, delete.status_code) == (403, 403)
    assert Entry.objects.get().headline == "別人的"


def test_a_writer_puts_no_entry_in_an_edition(client):
    client.force_login(writer := make_writer())
    entry, edition = make_entry(created_by=writer), make_draft()

    client.post(desk_of(entry), form(edition=edition.pk))

    assert Entry.objects.get(pk=entry.pk).edition is None


def test_an_editor_does_not_change_what_is_published(client):
    client.force_login(make_reviewer())
    entry = make_published().entries.get()

    client.post(desk_of(entry), form(headline="改了"))

    assert Entry.objects.get().headline != "改了"


def test_who_may_not_approve_does_not_change_what_was_approved(client):
    client.force_login(make_staff("view_entry", "change_entry"))
    entry = make_entry(state=State.APPROVED)

    client.post(desk_of(entry), form(headline="改了"))

    assert Entry.objects.get().headline != "改了"


# ------------------------------------------------------------------------- scheduled is locked
def test_a_scheduled_entry_is_locked(admin_client):
    entry = make_scheduled().entries.get()

    response = admin_client.post(desk_of(entry), form(headline="改了"))
    deleted = admin_client.post(desk_of(entry, "delete"), {"post": "yes"})

    assert (response.status_code, deleted.status_code) == (409, 403)
    assert Entry.objects.get().headline != "改了"


def test_a_scheduled_edition_takes_no_more_entries(admin_client):
    edition = make_scheduled(number=7)
    entry = make_entry()

    response = admin_client.post(desk_of(entry), form(edition=edition.pk))

    assert "edition" in response.context["adminform"].form.errors
    assert Entry.objects.get(pk=entry.pk).edition is None


def test_a_new_entry_is_not_put_in_a_scheduled_edition(admin_client):
    edition = make_scheduled()

    admin_client.post("/admin/briefings/entry/add/", form(edition=edition.pk))

    assert Entry.objects.count() == 1


# ------------------------------------------------------------------------------------- the list
def act(client, action: str, *entries: Entry):
    chosen = {"action": action, "_selected_action": [entry.pk for entry in entries]}
    return client.post("/admin/briefings/entry/", chosen, follow=True)


def test_many_are_approved_at_once_and_the_others_are_named(client):
    client.force_login(make_reviewer())
    ready, unready = make_entry(state=State.IN_REVIEW), make_entry(headline="缺文", lead="")

    response = act(client, "approve_entries", ready, unready)

    assert (state_of(ready), state_of(unready)) == (State.APPROVED, State.DRAFT)
    assert "已審批1篇短評。" in messages_of(response)
    assert "「缺文」未有導言。" in messages_of(response)


def test_a_writer_submits_many_of_their_own_and_none_of_others(client):
    client.force_login(writer := make_writer())
    own, others = make_entry(created_by=writer), make_entry(headline="別人的")

    response = act(client, "submit_entries", own, others)

    assert (state_of(own), state_of(others)) == (State.IN_REVIEW, State.DRAFT)
    assert "「別人的」不能由你送審。" in messages_of(response)


def test_a_writer_approves_none_by_action_either(client):
    client.force_login(writer := make_writer())
    entry = make_entry(created_by=writer, state=State.IN_REVIEW)

    response = act(client, "approve_entries", entry)

    assert state_of(entry) == State.IN_REVIEW
    assert 'value="approve_entries"' not in response.content.decode()


def test_the_list_shows_what_is_mine(client):
    client.force_login(writer := make_writer())
    make_entry(headline="我的一篇", created_by=writer)
    make_entry(headline="別人的一篇")

    page = client.get("/admin/briefings/entry/?mine=1").content.decode()

    assert "我的一篇" in page
    assert "別人的一篇" not in page
