"""Where a mailing and each copy of it stand."""

from django.db import models

from subscribers.digest_rules import Frequency


class DigestKind(models.TextChoices):
    """The frequencies that digests go by."""

    WEEKLY = Frequency.WEEKLY.value, "每週摘要"
    MONTHLY = Frequency.MONTHLY.value, "每月摘要"


class MailingKind(models.TextChoices):
    EDITION = "edition", "每期"
    WEEKLY = Frequency.WEEKLY.value, "每週摘要"
    MONTHLY = Frequency.MONTHLY.value, "每月摘要"
    CORRECTION = "correction", "更正"


class CorrectionWay(models.TextChoices):
    """How those who received the original are told."""

    AT_ONCE = "at_once", "立即寄出"
    WITH_NEXT = "with_next", "隨下一封郵件"
    NEVER = "never", "不通知"


class DigestDayState(models.TextChoices):
    """What came of a day; it never changes."""

    SENT = "sent", "已寄送"
    NOTHING = "nothing", "沒有新內容"
    SKIPPED = "skipped", "由編輯略過"


class MailDraftState(models.TextChoices):
    """How far an edition's mail is until it is opened.

    draft → in review → scheduled, and back; who may approve needs no review. scheduled → refused
    when its time came and it could not be opened; from there as from a draft.
    """

    DRAFT = "draft", "草稿"
    IN_REVIEW = "in_review", "待審"
    SCHEDULED = "scheduled", "已排程"
    REFUSED = "refused", "未能寄出"


class MailAct(models.TextChoices):
    """What is done with an edition's mail; its opening, the mailing itself records."""

    SUBMITTED = "submitted", "郵件送審"
    TAKEN_BACK = "taken_back", "收回送審的郵件"
    RETURNED = "returned", "郵件退回修改"
    SCHEDULED = "scheduled", "郵件審批並排程"
    CANCELLED = "cancelled", "取消郵件的排程"
    REWORDED = "reworded", "改動郵件的主旨或預覽文字"
    REFUSED = "refused", "郵件未能按排程寄出"


class MailingState(models.TextChoices):
    """sending → done, and back when something is to be sent again;
    sending ↔ paused; sending | paused → cancelled, for good.
    """

    SENDING = "sending", "寄送中"
    PAUSED = "paused", "已暫停"
    CANCELLED = "cancelled", "已取消"
    DONE = "done", "完成"


class SteeringAct(models.TextChoices):
    """What is done with a mailing after its opening."""

    PAUSED = "paused", "暫停發送"
    RESUMED = "resumed", "恢復發送"
    CANCELLED = "cancelled", "取消發送"
    SENT_AGAIN = "sent_again", "再寄一次"
    TAKEN_AS_SENT = "taken_as_sent", "結果不明的當作已寄出"
    CAUGHT_UP = "caught_up", "補寄"
    TAKEN_AS_UNSENT = "taken_as_unsent", "結果不明的當作未寄出"


class DeliveryState(models.TextChoices):
    """What may be done to a delivery.

    queued → sending (claimed) → sent | failed | skipped, or back to queued;
    sending → unknown, held for a person, when nobody can know whether it was accepted;
    queued → unknown, when that is so and its mailing is cancelled before it is tried again.
    A person may decide: unknown → sent; unknown | failed → queued; of a cancelled mailing, where
    nothing is queued any more, unknown → skipped.
    """

    QUEUED = "queued", "等候"
    SENDING = "sending", "寄出中"
    SENT = "sent", "已寄出"
    FAILED = "failed", "失敗"
    SKIPPED = "skipped", "略過"
    UNKNOWN = "unknown", "結果不明"


class AttachmentState(models.TextChoices):
    """waiting → attached, or a link in its place: too_big | failed. Never back, since a copy that
    is sent again is the same.
    """

    WAITING = "waiting", "等候製作"
    ATTACHED = "attached", "已附上"
    TOO_BIG = "too_big", "太大，只附連結"
    FAILED = "failed", "未能製成，只附連結"


class ImportStep(models.TextChoices):
    """How far a list of people is.

    waiting → reading → previewed → accepted → writing → done, or rejected once it is previewed;
    failed, when it can't be read.
    """

    WAITING = "waiting", "輪候讀取"
    READING = "reading", "讀取中"
    PREVIEWED = "previewed", "待決定"
    ACCEPTED = "accepted", "輪候匯入"
    WRITING = "writing", "匯入中"
    DONE = "done", "已匯入"
    REJECTED = "rejected", "已放棄"
    FAILED = "failed", "未能匯入"


class JoinsAs(models.TextChoices):
    """The state that new members of a list begin in."""

    PENDING = "pending", "先寄確認信，按了確認才開始收取（建議）"
    ACTIVE = "active", "即時生效：本會存有這些人同意的紀錄，可以出示"


class RowKind(models.TextChoices):
    """What becomes of one row of a list. All but the first two are left out."""

    NEW = "new", "新會員"
    UPDATED = "updated", "更新會員"
    KNOWN = "known", "已是會員"
    UNSUBSCRIBED = "unsubscribed", "曾取消訂閱"
    DUPLICATE = "duplicate", "檔內重複"
    NO_ADDRESS = "no_address", "沒有電郵"
    BAD_ADDRESS = "bad_address", "電郵無效"
    UNKNOWN_THEME = "unknown_theme", "沒有這個政策主題"
    UNKNOWN_FREQUENCY = "unknown_frequency", "沒有這個頻率"
    TOO_LONG = "too_long", "太長"
    FORMULA = "formula", "像試算表公式"
    CONTROL = "control", "含控制字元"
    BROKEN = "broken", "編碼損壞"
    SHORT = "short", "欄數不足"
    LONG = "long", "欄數過多"
    BAD_QUOTES = "bad_quotes", "引號不完整"


# What a member has, or may have, or is about to have; not what failed or was skipped.
RECEIVED = (
    DeliveryState.QUEUED,
    DeliveryState.SENDING,
    DeliveryState.SENT,
    DeliveryState.UNKNOWN,
)
RETURNED = (DeliveryState.FAILED, DeliveryState.SKIPPED)

# Of such a mailing nothing more is claimed.
HALTED = (MailingState.PAUSED, MailingState.CANCELLED)
