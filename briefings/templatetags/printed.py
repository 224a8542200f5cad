from base64 import b64encode
from collections.abc import Mapping
from io import BytesIO

import qrcode
from django import template
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def of_entry(articles: Mapping[int, SafeString], entry_id: int) -> SafeString:
    return articles[entry_id]


@register.filter
def as_code(address: str) -> str:
    """A QR code that leads there, as the source of an image: some 600 bytes."""
    drawn = BytesIO()
    qrcode.make(address, border=0, box_size=4).save(drawn, "PNG")
    return f"data:image/png;base64,{b64encode(drawn.getvalue()).decode()}"
