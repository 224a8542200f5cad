"""Who may do what at the desk; every page, button and action asks here.

The roles themselves are groups of these permissions, made by `cma_site/migrations`.
"""

from django.contrib.auth.models import AnonymousUser, User

from briefings.models import CAME_OUT, Entry, State

WRITE = "briefings.write_entry"
CHANGE = "briefings.change_entry"
APPROVE = "briefings.approve_entry"
CORRECT = "briefings.correct_entry"
PUBLISH = "briefings.publish_edition"

Person = User | AnonymousUser


def is_own(user: Person, entry: Entry) -> bool:
    """Whether a writer may call the entry theirs: they began it, and may still write."""
    return entry.created_by_id is not None and entry.created_by_id == user.pk and may_write(user)


def may_write(user: Person) -> bool:
    return user.has_perm(WRITE)


def may_add_entries(user: Person) -> bool:
    return user.has_perm("briefings.add_entry") or may_write(user)


def may_change_some_entries(user: Person) -> bool:
    return user.has_perm(CHANGE) or may_write(user)


def may_change_entry(user: Person, entry: Entry) -> bool:
    """In the ordinary way. What was approved stays what its approvers read."""
    if entry.state == State.SCHEDULED:
        return False
    if entry.state in CAME_OUT:
        return user.has_perm(CORRECT)
    if entry.state == State.APPROVED and not user.has_perm(APPROVE):
        return False
    return user.has_perm(CHANGE) or (entry.state == State.DRAFT and is_own(user, entry))


def may_delete_entry(user: Person, entry: Entry) -> bool:
    if entry.state == State.SCHEDULED or entry.state in CAME_OUT:
        return False
    is_own_draft = entry.state == State.DRAFT and is_own(user, entry)
    return user.has_perm("briefings.delete_entry") or is_own_draft


def may_submit(user: Person, entry: Entry) -> bool:
    return entry.state == State.DRAFT and may_change_entry(user, entry)


def may_take_back(user: Person, entry: Entry) -> bool:
    """An editor returns it instead, and says why."""
    return entry.state == State.IN_REVIEW and is_own(user, entry)


def may_approve(user: Person, entry: Entry) -> bool:
    """A draft too: an editor's own work need not be handed to somebody else first."""
    return entry.state in (State.DRAFT, State.IN_REVIEW) and user.has_perm(APPROVE)


def may_return(user: Person, entry: Entry) -> bool:
    return entry.state in (State.IN_REVIEW, State.APPROVED) and user.has_perm(APPROVE)


def may_review(user: Person, entry: Entry) -> bool:
    """Write notes beside the text, and settle them."""
    return user.has_perm(CHANGE) or user.has_perm(APPROVE) or is_own(user, entry)
