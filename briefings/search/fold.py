"""Folding: texts that a reader takes for the same become the same string.

Width, case, Latin accents, Simplified and Traditional, and the variants of Hong Kong, Taiwan and
Japan. Some characters that differ fold together (發 and 髮 are both 发): a search may find a
little too much, never too little.
"""

from pathlib import Path


def load_table(lines: list[str]) -> dict[int, str]:
    """From `fold_table.txt`: each character that changes, by code point, with what it becomes.

    No character stands on two lines, which is why folding twice changes nothing more.
    """
    classes = (line for line in lines if line and not line.startswith("#"))
    return {ord(other): line[0] for line in classes for other in line[1:]}


# Split at "\n" only: splitlines() would also cut at rarer characters, should one be in the table.
_TABLE = load_table(Path(__file__).with_name("fold_table.txt").read_text("utf-8").split("\n"))


def fold(text: str) -> str:
    """As many characters as `text`, so that a place found in one is the place in the other."""
    return text.translate(_TABLE)
