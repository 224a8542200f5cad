"""The pages for a forgotten password: Django's own way, but they tell nobody who has an account.

Whatever address is typed, the page queues it and says the same; only the worker looks it up. So
neither the words nor the time they take differ.
"""

from django.contrib.auth import views
from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import redirect
from kombu.exceptions import OperationalError

from cma_site.accounts import log_about
from cma_site.lockouts import unlock
from cma_site.tasks import send_reset_mails


class AskView(views.PasswordResetView):
    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        try:
            send_reset_mails.delay(form.cleaned_data["email"])
        except OperationalError:
            form.add_error(None, "現時未能寄出郵件，請過幾分鐘再試。")
            return self.form_invalid(form)
        return redirect(self.get_success_url())


class SetPasswordView(views.PasswordResetConfirmView):
    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        """Every session ends, as the password is part of it; earlier guesses count no more."""
        answer = super().form_valid(form)
        unlock(form.user)
        log_about(form.user, by=form.user, said="以郵件連結重設了密碼")
        return answer
