"""lintloss: finds and proves the bugs that make a reported loss or perplexity wrong."""

__version__ = "0.1.0"
