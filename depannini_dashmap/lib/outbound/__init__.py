"""Outgoing messages: mails and SMS, each sent by one function."""
