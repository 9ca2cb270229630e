"""Messaging channels: what customers send comes in by webhook, replies go out as durable work.

`twilio` is the webhook (`signature` and `incoming` read it), `delivery` sends, `provider` speaks Twilio's
REST, `texts` makes a reply fit for SMS and WhatsApp. Numbers and words are never logged.
"""
