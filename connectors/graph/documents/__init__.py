"""What documents say, and where in them: .docx, .pdf, .xlsx, .txt, .md. Pure; no outside system is known here."""

from connectors.graph.documents.passage import Extent, Found, Passage
from connectors.graph.documents.reader import KINDS, LARGEST_BYTES, read

__all__ = ["KINDS", "LARGEST_BYTES", "Extent", "Found", "Passage", "read"]
