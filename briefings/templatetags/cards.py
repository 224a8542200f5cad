from typing import Any

from django import template

from briefings.cards import general_card_url

register = template.Library()


@register.simple_tag(takes_context=True)
def general_card(context: dict[str, Any]) -> str:
    """The address of the publication's own share card."""
    return general_card_url(context["publication"])
