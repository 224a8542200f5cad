"""The public archive. Every page takes what it shows from `visible_to(Audience.PUBLIC)`."""
