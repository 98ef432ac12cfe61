"""The built-in rule pack: one file a rule, named for its code; the listing of this folder is the catalogue."""
