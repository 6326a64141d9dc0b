"""Phone numbers of fleet contacts: free text that looks like a telephone number."""

from django.core.validators import RegexValidator

validate_loose_phone = RegexValidator(
    r"\A[0-9A-Za-z +\-().]*\Z", "Use digits, spaces, + - ( ) . and letters for an extension.", "invalid_phone"
)
