"""What members chose, when editors change the themes that there are to choose."""

from collections.abc import Collection

from briefings.hooks import ThemeChoosers
from subscribers.models import ChosenTheme, Member


def count_members(theme_ids: Collection[int]) -> int:
    chosen = Member.objects.active().filter(chosen_themes__theme__in=theme_ids)
    return chosen.distinct().count()


def move_choices(merged: Collection[int], into: int) -> None:
    """Who chose any of the merged themes chose `into`; nobody ends with none, which means all."""
    for theme_id in merged:
        rows = ChosenTheme.objects.filter(theme=theme_id)
        have_it = ChosenTheme.objects.filter(theme=into).values("member")
        rows.exclude(member__in=have_it).update(theme=into)
        rows.delete()


MEMBERS = ThemeChoosers("會員", count_members, move_choices, "subscribers.view_mailing")
