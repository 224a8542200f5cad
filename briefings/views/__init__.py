"""The archive. A page takes what it shows from `visible_to()` the audience that it is read by."""
