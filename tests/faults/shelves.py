"""What lies in a bucket, seen past everything of ours: names, bytes, and uploads that nobody finished."""

import re
from typing import Any

import blake3
from tests.store.backends.servers import KEYS

NAME = "trial"
ENDPOINT = "AWS_ENDPOINT_URL"
_NAMED = re.compile(r"\w+/(packs|index|manifests)/([0-9a-f]{64})\.(pack|idx|json)")
INDEX, PACK = "idx", "pack"


class Shelves:
    """A bucket, by the usual library.

    Args:
        address: of the server.
    """

    def __init__(self, address: str) -> None:
        import boto3

        self._client: Any = boto3.client(
            "s3",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        self._sound: set[str] = set()

    def problems(self) -> list[str]:
        """What nobody should find: a part under a whole's name, an index of nothing, an upload in parts."""
        names = self._names()
        problems = [f"{name} is not what its name says" for name in names if not self._is_sound(name)]
        problems += [
            f"{name} is the index of no pack"
            for name in names
            if name.endswith(f".{INDEX}") and self._partner(name, "packs", PACK) not in names
        ]
        uploads = self._client.list_multipart_uploads(Bucket=NAME).get("Uploads", [])
        return problems + [f"an upload of {each['Key']} was left" for each in uploads]

    def strays(self) -> list[str]:
        """The packs of the store that no index names."""
        names = self._names()
        packs = [name for name in names if name.startswith("store/") and name.endswith(f".{PACK}")]
        return [name for name in packs if self._partner(name, "index", INDEX) not in names]

    def _names(self) -> set[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=NAME)
        return {each["Key"] for page in pages for each in page.get("Contents", [])}

    def _is_sound(self, name: str) -> bool:
        found = _NAMED.fullmatch(name)
        if found is None or found[3] == INDEX or name in self._sound:
            return True
        data = self._client.get_object(Bucket=NAME, Key=name)["Body"].read()
        if blake3.blake3(data).hexdigest() != found[2]:
            return False
        self._sound.add(name)
        return True

    @staticmethod
    def _partner(name: str, folder: str, suffix: str) -> str:
        found = _NAMED.fullmatch(name)
        return "" if found is None else f"{name.partition('/')[0]}/{folder}/{found[2]}.{suffix}"
