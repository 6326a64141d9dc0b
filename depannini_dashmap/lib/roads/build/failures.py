"""How a build may end badly: as a whole, or without one of its parts."""


class BuildFailed(Exception):
    """No build was made; the text is a sentence for people, and the earlier build stays in use."""


class Unavailable(Exception):
    """This machine cannot make one part; the build goes on without it, and the text says why."""
