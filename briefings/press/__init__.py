"""HTML onto paper: fonts, Chinese typesetting, and a child process that does nothing else.

Knows no database, no request and no settings: what is printed is handed in, bytes come out.
"""
