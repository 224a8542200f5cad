"""The whole archive as plain files that need no software of ours: HTML, JSON and PDF in a folder.

`places` says where each thing is and leads links there, `documents` writes the JSON, `pages` the
HTML, `folder` the files; `exporting` does it all. `docs/operations.md` describes the folder.
"""
