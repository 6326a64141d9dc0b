"""The REST door of accounts: reads a body, calls one service, answers."""
