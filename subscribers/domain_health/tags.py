"""Lists of tag=value, as DKIM keys and DMARC policies are written (RFC 6376, 3.2)."""


class BadTags(ValueError):
    """Not such a list; the argument is the part that is to blame."""


def parse_tags(text: str) -> dict[str, str]:
    """In the order written, names as they stand, values without white space round them."""
    tags: dict[str, str] = {}
    parts = [part.strip() for part in text.split(";")]
    for number, part in enumerate(parts, 1):
        if not part and number == len(parts):
            continue
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not name.replace("_", "a").isalnum() or name in tags:
            raise BadTags(part)
        tags[name] = value.strip()
    return tags
