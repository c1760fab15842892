"""RFI 中文, complete, clean and at hand."""

__version__ = "0.1.0"
