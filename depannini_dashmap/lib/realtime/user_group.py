"""The group that every signed-in socket joins: its events are for the socket itself, not for its client."""


def user_group(user_id: int) -> str:
    """Name the group of all sockets of a user."""
    return f"user.{user_id}"
