"""Who may do what with an edition's mail; every page, button and step asks here."""

from briefings.permissions import Person

OPEN_MAILING = "subscribers.add_mailing"
VIEW_MAILING = "subscribers.view_mailing"
VIEW_DELIVERIES = "subscribers.view_delivery"
SETTLE = "subscribers.change_delivery"
EDIT = "briefings.change_edition"


def may_write_mail(user: Person) -> bool:
    """Its subject and preheader, and ask for approval."""
    return user.has_perm(EDIT) or user.has_perm(OPEN_MAILING)


def may_approve_mail(user: Person) -> bool:
    """Send it, or say when it is sent."""
    return user.has_perm(OPEN_MAILING)


def may_steer(user: Person) -> bool:
    """Pause, resume or cancel what was opened, and send again what failed."""
    return user.has_perm(OPEN_MAILING)


def may_see_whose(user: Person) -> bool:
    """Whose copies they are, and what was answered to them."""
    return user.has_perm(VIEW_DELIVERIES)


def may_settle(user: Person) -> bool:
    """Decide on single copies that the machine gave up."""
    return user.has_perm(SETTLE)


def may_count_members(user: Person) -> bool:
    return user.has_perm(VIEW_MAILING) or user.has_perm(OPEN_MAILING)
