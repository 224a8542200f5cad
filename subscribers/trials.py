"""To whom an editor sends a mail to be looked at before members get it."""

import re

from django import forms
from django.core.exceptions import ValidationError

from subscribers.addresses import normalise_email, validate_address

MOST = 5

_ADDRESS = forms.EmailField(validators=[validate_address])
_BETWEEN = re.compile(r"[\s,;，；、]+")


class TrialForm(forms.Form):
    to = forms.CharField(
        label="試寄給",
        max_length=MOST * 256,
        help_text=(
            f"最多 {MOST} 個電郵地址，用逗號或空格分開。"
            "主旨前會加「【測試】」，信中的連結不會通往任何會員的資料。"
        ),
        error_messages={"required": "請填寫試寄的電郵地址。"},
        widget=forms.TextInput(attrs={"autocomplete": "email", "size": 60}),
    )

    def clean_to(self) -> list[str]:
        """The addresses, each once."""
        addresses = [one for one in _BETWEEN.split(self.cleaned_data["to"]) if one]
        if len(addresses) > MOST:
            raise ValidationError(f"一次最多試寄給 {MOST} 個地址。")
        for address in addresses:
            try:
                _ADDRESS.clean(address)
            except ValidationError as error:
                raise ValidationError(f"「{address}」不是正確的電郵地址。") from error
        return list(dict.fromkeys(map(normalise_email, addresses)))
