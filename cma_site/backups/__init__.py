"""All that can't be made again, in one file that either database can be filled from.

`rows.py` knows the tables, `archive.py` the file; `making.py` and `restoring.py` go between.
"""
