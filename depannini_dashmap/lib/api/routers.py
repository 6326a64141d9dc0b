"""Ids and routes in paths, alike for every resource."""

from rest_framework.routers import SimpleRouter

from depannini_dashmap.lib.errors import NotFound


def path_id(text: str, model: str) -> int:
    """Read the id in a path. Raises: NotFound when it can be no row's id."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFound(model)
    return int(text)


class SlashlessRouter(SimpleRouter):
    """Serves each path with and without its trailing slash."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"
