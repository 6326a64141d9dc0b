"""The base of serializers that only the schema reads: the answer itself is built by an app's `representation.py`."""

from typing import Any, NoReturn

from rest_framework import serializers


class AnswerSerializer(serializers.Serializer):
    """The keys and types of an answer, for docs/openapi.yaml alone; it neither reads nor writes one."""

    def to_representation(self, instance: Any) -> NoReturn:
        """Refuse to write. Raises: TypeError."""
        raise TypeError(f"{type(self).__name__} stands in the schema alone; representation.py builds the answer")

    def to_internal_value(self, data: Any) -> NoReturn:
        """Refuse to read. Raises: TypeError."""
        raise TypeError(f"{type(self).__name__} stands in the schema alone; it reads no body")
