"""Old editions, from the bytes of a file to draft rows: readers, then parser, then loader."""
