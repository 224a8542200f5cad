"""House style: what of an entry's text deserves a second look, and what could stand there instead.

Takes values and gives values; nothing here changes a text.
"""

from briefings.house_style.check import check_style
from briefings.house_style.findings import Field, Finding, Severity
from briefings.house_style.glossary import Glossary, Term

__all__ = ["Field", "Finding", "Glossary", "Severity", "Term", "check_style"]
