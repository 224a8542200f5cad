"""What is filled in for an edition's mail before it goes out: its words, and its time."""

from datetime import datetime
from typing import Any

from django import forms

from briefings.contexts import EditionContext, describe_edition
from briefings.models import Edition, State
from subscribers.digest_days import load_timetable
from subscribers.digests import make_subject, propose_preheader
from subscribers.models import MailDraft


class MailDraftForm(forms.ModelForm):
    """Proposes in grey what is taken where nothing is written."""

    class Meta:
        model = MailDraft
        fields = ["subject", "preheader"]
        help_texts = {
            "subject": (
                "不填即用建議的主旨。收件匣通常只顯示首三十字左右；只收部分短評的會員亦用這個主旨。"
            ),
            "preheader": "收件匣在主旨之後顯示的一行；不填即列出各篇標題。",
        }
        widgets = {
            "subject": forms.TextInput(attrs={"size": 70}),
            "preheader": forms.TextInput(attrs={"size": 70}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, words in propose(describe_edition(self.instance.edition)).items():
            self.fields[name].widget.attrs["placeholder"] = words

    def lock(self) -> None:
        """To be read, while somebody else decides."""
        for field in self.fields.values():
            field.widget.attrs["readonly"] = True


class MailTimeForm(forms.Form):
    at = forms.DateTimeField(
        label="寄出時間",
        help_text="香港時間。系統每半分鐘檢查一次，到時自動寄出。",
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"required": "請填寫何時寄出。"},
    )


def propose_time(edition: Edition, now: datetime) -> datetime:
    """As soon as it is published; of one that is, at the hour and on a day when digests go out."""
    if edition.state == State.SCHEDULED and edition.scheduled_for and edition.scheduled_for > now:
        return edition.scheduled_for
    return load_timetable().next_moment(now)


def propose(edition: EditionContext) -> dict[str, str]:
    """The words of each field, of an edition that has entries; else none."""
    if not edition.entries:
        return {}
    headlines = [entry.headline for entry in edition.entries]
    return {"subject": make_subject(edition), "preheader": propose_preheader(headlines)}
