"""What was written; a module for each subject. Everybody imports from here."""

from briefings.models.bylines import Author, Byline, Source
from briefings.models.changes import ChangeMark
from briefings.models.editions import Edition, EditionQuerySet
from briefings.models.entries import Entry, EntryQuerySet
from briefings.models.entry_links import EntryLink
from briefings.models.glossary import GlossaryTerm, Wording
from briefings.models.imports import ImportBatch, ImportedFile, ImportState
from briefings.models.phrases import PinnedPhrase
from briefings.models.pictures import Picture
from briefings.models.printouts import Printout, PrintoutState
from briefings.models.publication import Imprint, Publication
from briefings.models.reviews import Correction, ReviewNote
from briefings.models.search_index import IndexedText, Segment, SegmentPosting
from briefings.models.searches import SearchMiss
from briefings.models.shared_drafts import SharedDraft
from briefings.models.states import (
    CAME_OUT,
    Audience,
    Publishable,
    State,
    find_free_slug,
    is_open_to,
)
from briefings.models.themes import (
    FormerThemeAddress,
    Theme,
    ThemeAlias,
    ThemedEntry,
    ThemeQuerySet,
    fold_name,
)
from briefings.models.volumes import Volume
from briefings.models.web_links import WebLink
from briefings.models.writing_desks import Autosave, Presence

__all__ = [
    "CAME_OUT",
    "Audience",
    "Author",
    "Autosave",
    "Byline",
    "ChangeMark",
    "Correction",
    "Edition",
    "EditionQuerySet",
    "Entry",
    "EntryLink",
    "EntryQuerySet",
    "FormerThemeAddress",
    "GlossaryTerm",
    "ImportBatch",
    "ImportState",
    "ImportedFile",
    "Imprint",
    "IndexedText",
    "Picture",
    "PinnedPhrase",
    "Presence",
    "Printout",
    "PrintoutState",
    "Publication",
    "Publishable",
    "ReviewNote",
    "SearchMiss",
    "Segment",
    "SegmentPosting",
    "SharedDraft",
    "Source",
    "State",
    "Theme",
    "ThemeAlias",
    "ThemeQuerySet",
    "ThemedEntry",
    "Volume",
    "WebLink",
    "Wording",
    "find_free_slug",
    "fold_name",
    "is_open_to",
]
