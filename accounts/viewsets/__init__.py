"""REST viewsets of accounts: read a body, call one service, answer."""
