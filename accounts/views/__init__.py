"""REST views of accounts: read a body, call one service, answer."""
