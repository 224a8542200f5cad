"""The archive for programs: read-only JSON under `/api/v1/`, and the page that explains it."""
