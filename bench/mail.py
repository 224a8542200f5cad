"""A member's message from a frozen digest against rendering it anew for each member."""

from collections.abc import Iterator

from bench.__main__ import compare
from bench.rows import make_archive, make_mailing
from briefings.contexts import describe_edition
from briefings.models import Edition
from subscribers.digests import freeze_edition
from subscribers.messages import build_message

MEMBERS = 100


def run() -> Iterator[dict[str, object]]:
    make_archive(20)
    mailing = make_mailing(MEMBERS)
    edition = Edition.objects.get(mailing=mailing)
    deliveries = list(mailing.deliveries.select_related("digest"))

    def from_frozen() -> None:
        for delivery in deliveries:
            build_message(delivery, delivery.digest, mailing).message().as_bytes()

    def rendered_anew() -> None:
        for delivery in deliveries:
            digest = freeze_edition(describe_edition(edition), is_public=True)
            build_message(delivery, digest, mailing).message().as_bytes()

    ratio = compare(from_frozen, rendered_anew, rounds=3)
    yield {"members": MEMBERS, "rendering for each / ours": round(ratio, 1)}
