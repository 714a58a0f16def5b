"""Alerts of what is new: to a webhook, by e-mail, Telegram or Matrix, once for each change."""
