"""Objects in S3, below an address such as s3://bucket/prefix: sent and brought, with their digests."""

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from duet.model import DuetError
from duet.platform import aws
from duet.records.manifest import PublishedFile

ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([^\x00-\x20\x7f]*))?")
WHOLE_BYTES = 16 << 20
"""Up to this size a file is sent in one request, from memory."""
_DIGEST = "sha256"
"""Metadata of each object that is sent."""


@dataclass(frozen=True)
class Place:
    """A bucket and a prefix, which ends with / unless it is empty."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, address: str) -> Self:
        match = ADDRESS.fullmatch(address)
        if match is None:
            raise DuetError(f"{address}: no address of S3", "s3://bucket/prefix")
        prefix = (match[2] or "").strip("/")
        return cls(match[1], f"{prefix}/" if prefix else "")

    def below(self, name: str) -> Self:
        return type(self)(self.bucket, f"{self.prefix}{name}/")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True)
class Storage:
    """What can be done at a place. Everything raises PlatformError."""

    place: Place
    client: Any

    @classmethod
    def at(cls, address: str, attempts: int = aws.ATTEMPTS) -> Self:
        return cls(Place.of(address), aws.client("s3", attempts=attempts))

    def below(self, name: str) -> Self:
        return type(self)(self.place.below(name), self.client)

    def check(self) -> None:
        """That objects can be listed and sent there; nothing is left there by this."""
        bucket, key = self.place.bucket, f"{self.place.prefix}.duetbench"
        with aws.told(str(self.place)):
            self.client.list_objects_v2(Bucket=bucket, Prefix=self.place.prefix, MaxKeys=1)
            upload = self.client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
            self.client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)

    def sizes(self) -> dict[str, int]:
        """Name below the place -> bytes, of all objects there."""
        pages = self.client.get_paginator("list_objects_v2")
        with aws.told(str(self.place)):
            found = pages.paginate(Bucket=self.place.bucket, Prefix=self.place.prefix)
            return {
                each["Key"].removeprefix(self.place.prefix): each["Size"]
                for page in found
                for each in page.get("Contents", ())
            }

    def folders(self) -> list[str]:
        """What comes next below the place, without the /."""
        pages = self.client.get_paginator("list_objects_v2")
        with aws.told(str(self.place)):
            found = pages.paginate(Bucket=self.place.bucket, Prefix=self.place.prefix, Delimiter="/")
            prefixes = [each["Prefix"] for page in found for each in page.get("CommonPrefixes", ())]
        return [prefix.removeprefix(self.place.prefix).rstrip("/") for prefix in prefixes]

    def abort_halves(self) -> None:
        """Remove parts of uploads that a killed process left: they cost, and nobody sees them."""
        bucket = self.place.bucket
        with aws.told(str(self.place)):
            found = self.client.list_multipart_uploads(Bucket=bucket, Prefix=self.place.prefix)
            for each in found.get("Uploads", ()):
                self.client.abort_multipart_upload(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])

    def has(self, file: PublishedFile) -> bool:
        """Whether the object is there with this size and digest."""
        with aws.told(self._name(file.name)):
            try:
                head = self.client.head_object(Bucket=self.place.bucket, Key=self._key(file.name))
            except self.client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] in aws.ABSENT:
                    return False
                raise
        return head["ContentLength"] == file.size_bytes and head["Metadata"].get(_DIGEST) == file.sha256

    def send(self, path: Path, file: PublishedFile) -> None:
        """Send a file as that. DuetError where it is another one by now."""
        where = {"Bucket": self.place.bucket, "Key": self._key(file.name), "Metadata": {_DIGEST: file.sha256}}
        if file.size_bytes <= WHOLE_BYTES:
            body = path.read_bytes()
            if hashlib.sha256(body).hexdigest() != file.sha256:
                raise _changed(path)
            self._put(body, file.name, where)
            return
        with aws.told(self._name(file.name)):
            extra = {"Metadata": where["Metadata"], "ChecksumAlgorithm": "SHA256"}
            self.client.upload_file(str(path), where["Bucket"], where["Key"], ExtraArgs=extra)
        if sha256(path) != file.sha256:
            raise _changed(path)

    def write(self, name: str, content: bytes) -> None:
        where = {"Bucket": self.place.bucket, "Key": self._key(name)}
        self._put(content, name, where)

    def _put(self, body: bytes, name: str, where: dict[str, Any]) -> None:
        # The server compares it with what came.
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        with aws.told(self._name(name)):
            self.client.put_object(**where, Body=body, ChecksumSHA256=digest)

    def read(self, name: str) -> bytes | None:
        """None where there is no such object."""
        with aws.told(self._name(name)):
            try:
                found = self.client.get_object(Bucket=self.place.bucket, Key=self._key(name))
            except self.client.exceptions.NoSuchKey:
                return None
            return found["Body"].read()

    def bring(self, file: PublishedFile, path: Path) -> None:
        """Bring an object to a file that is there afterwards, whole and with its digest, or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name[:200]}.{os.getpid()}")
        try:
            with aws.told(self._name(file.name)):
                self.client.download_file(self.place.bucket, self._key(file.name), str(beside))
            if (found := sha256(beside)) != file.sha256:
                what = f"{self._name(file.name)}: its SHA-256 is {found}, the manifest has {file.sha256}"
                raise DuetError(f"{what}; it is not used", "publish the campaign again")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    def _key(self, name: str) -> str:
        return f"{self.place.prefix}{name}"

    def _name(self, name: str) -> str:
        return f"s3://{self.place.bucket}/{self._key(name)}"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _changed(path: Path) -> DuetError:
    return DuetError(f"{path}: changed while it was published", "publish again when nothing works on it")
