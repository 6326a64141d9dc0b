"""PDF documents: text of every language that people write here, laid out from the side on which it begins."""

from depannini_dashmap.lib.pdf.document import Document

__all__ = ["Document"]
