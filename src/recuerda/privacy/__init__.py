"""A customer's rights over their data.

owned: which rows are a customer's. export: all of it, as JSON or a page. erasure: all of it gone, with a
receipt. retention: what is old goes by itself. requests: what customers asked by law; clock: by when.
"""

from recuerda.privacy.erasure import Eraser, get_erasure, request_erasure
from recuerda.privacy.export import export
from recuerda.privacy.retention import NIGHTLY, Purger

__all__ = ["NIGHTLY", "Eraser", "Purger", "export", "get_erasure", "request_erasure"]
