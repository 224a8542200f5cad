"""Stored files in object storage, where every machine finds them (`MEDIA_STORAGE_URL`)."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.config import Config
from django.core.exceptions import ImproperlyConfigured

SCHEMES = {"s3": "https", "s3+http": "http"}
MOST_IN_MEMORY = 8 * 2**20  # bytes of a file that is read; a larger one goes to disk


def describe_storage(url: str) -> dict[str, Any]:
    """What Django's STORAGES wants, for `s3://KEY:SECRET@host/bucket/folder?region=…`.

    Without KEY and SECRET boto3 looks for them in its own places, such as the machine's role.
    """
    parts = urlsplit(url)
    bucket, _, folder = unquote(parts.path).strip("/").partition("/")
    if parts.scheme not in SCHEMES or not parts.hostname or not bucket:
        # Without what was read: it may hold the secret.
        raise ImproperlyConfigured(
            "MEDIA_STORAGE_URL must be like s3://KEY:SECRET@host/bucket?region=ap-east-1"
        )
    port = f":{parts.port}" if parts.port else ""
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "endpoint_url": f"{SCHEMES[parts.scheme]}://{parts.hostname}{port}",
            "access_key": unquote(parts.username or "") or None,
            "secret_key": unquote(parts.password or "") or None,
            "region_name": parse_qs(parts.query).get("region", ["us-east-1"])[0],
            "bucket_name": bucket,
            "location": folder,
            # Two uploads of one name are two files, as on disk.
            "file_overwrite": False,
            "max_memory_size": MOST_IN_MEMORY,
            "client_config": Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                # Checksums of Amazon's newer kind, which others refuse.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                # A reader waits for it: better an error than a web process that hangs.
                connect_timeout=5,
                read_timeout=10,
                retries={"mode": "standard", "total_max_attempts": 2},
            ),
        },
    }
