"""What an editor does to a reading that went wrong. Nothing here loses a character."""

from dataclasses import replace

from briefings.html import clean_html, split_blocks
from briefings.importer.blocks import Block, paragraph_block, split_elements
from briefings.importer.legacy import LegacyEdition, LegacyEntry


def join_to_previous(edition: LegacyEdition, place: int) -> LegacyEdition:
    """What was no entry after all becomes the end of the one before: headline, lead and body."""
    if not 0 < place < len(edition.entries):
        return edition
    previous, entry = edition.entries[place - 1 : place + 1]
    texts = [entry.headline, *filter(None, entry.lead.split("\n"))]
    moved = [paragraph_block(entry.line, text) for text in texts]
    joined = replace(previous, blocks=(*previous.blocks, *moved, *entry.blocks))
    entries = (*edition.entries[: place - 1], joined, *edition.entries[place + 1 :])
    return replace(edition, entries=entries)


def split_at(edition: LegacyEdition, place: int, block: int) -> LegacyEdition:
    """From this block on there is another entry: it is the headline, the next block the lead."""
    if not 0 <= place < len(edition.entries):
        return edition
    entry = edition.entries[place]
    if not 0 <= block < len(entry.blocks):
        return edition
    head, lead, *rest = (*entry.blocks[block:], Block(entry.line, ""))
    if not lead.html:
        rest = []
    new = LegacyEntry(
        headline=" ".join(split_blocks(head.html)),
        lead="\n".join(split_blocks(lead.html)),
        blocks=tuple(piece for piece in rest if piece.html),
        line=head.line,
    )
    kept = replace(entry, blocks=entry.blocks[:block])
    entries = (*edition.entries[:place], kept, new, *edition.entries[place + 1 :])
    return replace(edition, entries=entries)


def leave_out(edition: LegacyEdition, place: int) -> LegacyEdition:
    """Without this entry; the last one stays, for an edition has at least one."""
    if not 0 <= place < len(edition.entries) or len(edition.entries) == 1:
        return edition
    return replace(edition, entries=edition.entries[:place] + edition.entries[place + 1 :])


def rewrite_body(entry: LegacyEntry, html: str) -> tuple[Block, ...]:
    """The blocks of `html`, each with the line of the old block it was, or of its neighbour."""
    lines = {_squeeze(block.html): block.line for block in reversed(entry.blocks)}
    blocks: list[Block] = []
    for element in split_elements(clean_html(html)):
        before = blocks[-1].line if blocks else entry.line
        blocks.append(Block(lines.get(_squeeze(element), before), element))
    return tuple(blocks)


def _squeeze(html: str) -> str:
    return "".join("".join(split_blocks(html)).split())
