"""Who reads, and getting it to them once. Everybody imports from here."""

from subscribers.digest_rules import Frequency
from subscribers.models.address_changes import CHANGE_GOOD_FOR, AddressChange
from subscribers.models.attachments import AttachedPDF
from subscribers.models.chunks import Chunk, Claim, ClaimedDelivery, is_unfinished, mark_sent
from subscribers.models.consent import (
    ConsentAct,
    ConsentRecord,
    ConsentWay,
    ConsentWording,
    RecordsStand,
)
from subscribers.models.corrections import (
    CorrectionMail,
    find_corrections_due,
    find_undecided,
    list_errata,
    match_errata,
)
from subscribers.models.deliveries import Delivery, DeliveryQuerySet, SendingPace
from subscribers.models.imports import (
    ImportedRow,
    MemberImport,
    SavedFilter,
)
from subscribers.models.joining import JoiningRequest
from subscribers.models.logins import LOGIN_LINK_GOOD_FOR, LoginLink, MemberSession
from subscribers.models.mail_drafts import MailDraft, MailRecord
from subscribers.models.mailings import (
    Digest,
    DigestCorrection,
    DigestDay,
    DigestItem,
    DigestSchedule,
    Mailing,
)
from subscribers.models.members import (
    ASK_AGAIN_AFTER,
    CONFIRMATION_GIVEN_UP,
    CONFIRMATION_WAIT,
    ChosenTheme,
    Member,
    MemberQuerySet,
    MemberState,
    word_consent,
)
from subscribers.models.searches import (
    MOST_SEARCHES,
    SearchSubscription,
    add_search,
)
from subscribers.models.states import (
    AttachmentState,
    CorrectionWay,
    DeliveryState,
    DigestDayState,
    DigestKind,
    ImportStep,
    JoinsAs,
    MailAct,
    MailDraftState,
    MailingKind,
    MailingState,
    RowKind,
    SteeringAct,
)
from subscribers.models.steering import REPORTED_WITHIN, ClosingReport, SteeringRecord
from subscribers.models.suppressions import (
    MailReport,
    RecordedKind,
    ReportWay,
    Suppression,
    SuppressionReason,
)
from subscribers.variants import NoticeLanguage, Script, Variant

__all__ = [
    "ASK_AGAIN_AFTER",
    "CHANGE_GOOD_FOR",
    "CONFIRMATION_GIVEN_UP",
    "CONFIRMATION_WAIT",
    "LOGIN_LINK_GOOD_FOR",
    "MOST_SEARCHES",
    "REPORTED_WITHIN",
    "AddressChange",
    "AttachedPDF",
    "AttachmentState",
    "ChosenTheme",
    "Chunk",
    "Claim",
    "ClaimedDelivery",
    "ClosingReport",
    "ConsentAct",
    "ConsentRecord",
    "ConsentWay",
    "ConsentWording",
    "CorrectionMail",
    "CorrectionWay",
    "Delivery",
    "DeliveryQuerySet",
    "DeliveryState",
    "Digest",
    "DigestCorrection",
    "DigestDay",
    "DigestDayState",
    "DigestItem",
    "DigestKind",
    "DigestSchedule",
    "Frequency",
    "ImportStep",
    "ImportedRow",
    "JoiningRequest",
    "JoinsAs",
    "LoginLink",
    "MailAct",
    "MailDraft",
    "MailDraftState",
    "MailRecord",
    "MailReport",
    "Mailing",
    "MailingKind",
    "MailingState",
    "Member",
    "MemberImport",
    "MemberQuerySet",
    "MemberSession",
    "MemberState",
    "NoticeLanguage",
    "RecordedKind",
    "RecordsStand",
    "ReportWay",
    "RowKind",
    "SavedFilter",
    "Script",
    "SearchSubscription",
    "SendingPace",
    "SteeringAct",
    "SteeringRecord",
    "Suppression",
    "SuppressionReason",
    "Variant",
    "add_search",
    "find_corrections_due",
    "find_undecided",
    "is_unfinished",
    "list_errata",
    "mark_sent",
    "match_errata",
    "word_consent",
]
