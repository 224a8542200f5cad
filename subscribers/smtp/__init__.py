"""Speaking SMTP to a relay over several connections at once, so that a kill leaves little unknown.

Knows neither Django nor the ledger: copies go in, fates come out, and a journal beside says what
was under way. `docs/decisions/0017-the-sender.md` has the why and the figures.
"""
