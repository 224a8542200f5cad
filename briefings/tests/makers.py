"""The least valid rows, for tests that name what matters to them."""

from datetime import date, timedelta
from itertools import count

from django.contrib.auth.models import Permission, User
from django.utils import timezone

from briefings.models import Audience, Edition, Entry, Picture, State, Volume
from briefings.pictures import draw_anew, keep_picture
from briefings.printing import build, make_order
from briefings.publishing import publish_edition, schedule_edition
from briefings.tests.images import make_image

_numbers = count(1)


def make_entry(edition: Edition | None = None, **fields) -> Entry:
    themes = fields.pop("themes", [])
    number = next(_numbers)
    defaults = {"headline": f"短評{number}", "lead": "導言。", "body": "<p>正文。</p>"}
    entry = Entry.objects.create(edition=edition, **defaults | fields)
    entry.themes.set(themes)
    return entry


def make_staff(*codenames: str, name: str = "") -> User:
    """Somebody at the desk with these permissions of briefings."""
    user = User.objects.create_user(name or f"staff{next(_numbers)}", is_staff=True)
    own = Permission.objects.filter(content_type__app_label="briefings", codename__in=codenames)
    assert own.count() == len(codenames), codenames
    user.user_permissions.set(own)
    return user


def make_writer(name: str = "") -> User:
    return make_staff("view_entry", "view_edition", "view_theme", "write_entry", name=name)


def make_reviewer(name: str = "") -> User:
    """An editor, as far as entries go."""
    entries = ("view_entry", "add_entry", "change_entry", "delete_entry", "approve_entry")
    return make_staff(*entries, "view_edition", "change_edition", "view_theme", name=name)


def make_publisher(name: str = "") -> User:
    return make_staff("view_edition", "change_edition", "publish_edition", name=name)


def make_draft(*entries: dict, **fields) -> Edition:
    """A draft edition with the given entries, or with one if none are given; all approved."""
    edition = Edition.objects.create(**{"date": date(2026, 11, 20)} | fields)
    for position, entry in enumerate(entries or ({},), start=1):
        make_entry(edition, **{"position": position, "state": State.APPROVED} | entry)
    return edition


def make_published(*entries: dict, audience=Audience.PUBLIC, public_from=None, **fields) -> Edition:
    edition = make_draft(*entries, **fields)
    publish_edition(edition, audience=audience, public_from=public_from)
    return edition


def make_scheduled(
    *entries: dict, at=None, by=None, audience=Audience.PUBLIC, options=(), **fields
) -> Edition:
    """For tomorrow, unless it says when."""
    edition = make_draft(*entries, **fields)
    schedule_edition(
        edition,
        at=at or timezone.now() + timedelta(days=1),
        audience=audience,
        options=options,
        by=by or make_publisher(),
    )
    return edition


def make_picture(content: bytes = b"", **words) -> Picture:
    """Stored where MEDIA_ROOT says: tests point it at a folder of their own."""
    return keep_picture(draw_anew(content or make_image()), **words)


def make_figure(picture: Picture, alternative: str = "一張圖", caption: str = "") -> str:
    shown = f"<figcaption>{caption}</figcaption>" if caption else ""
    return (
        f'<figure><img src="{picture.get_absolute_url()}" alt="{alternative}" '
        f'width="{picture.width}" height="{picture.height}">{shown}</figure>'
    )


def store_edition_pdf(edition: Edition) -> str:
    """The name of its PDF, built as a worker builds it."""
    name = build(make_order(edition))
    assert name
    return name


def make_volume(**fields) -> Volume:
    """Of 2026, as are the editions made here."""
    defaults = {"title": "2026年合訂本", "slug": "2026", "first_year": 2026, "last_year": 2026}
    return Volume.objects.create(**defaults | fields)
