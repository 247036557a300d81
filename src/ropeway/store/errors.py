"""What can go wrong with stored bytes.

Damaged ├── ObjectMissing (ObjectErased, ObjectNotBrought: 409) · ObjectDamaged · NotATree · SegmentDamaged
        └── CannotErase · DepotDamaged · DepotLacks
Invalid ├── BadDigest · CannotKeep · BadBlobName · BadRange · BadBackend · BackendMissing
Conflict └── InTheWay · BytesErased · StoreElsewhere · StoreTaken      NotFound └── BlobMissing
RopewayError └── OutOfSpace · DiskFailing
Unavailable └── CodingUnavailable · BackendUnavailable · DepotNewer · StoreEmptied
"""

from collections.abc import Sequence

from ropeway.core.errors import Conflict, Damaged, Invalid, NotFound, RopewayError, Unavailable
from ropeway.core.hashing import short

LOCAL = "local"
"""The word for a store in the workspace's own folder."""


class ObjectMissing(Damaged):
    """An object that something refers to is not in the store."""

    code = "object-missing"

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"The object {short(digest)}… is not in the store.",
            expected=f"a file .ropeway/objects/{digest[:2]}/{digest[2:]}",
            next_step="ropeway fsck",
            digest=digest,
        )


class ObjectErased(ObjectMissing):
    """An object that something refers to was erased on purpose, and a certificate says so."""

    code = "object-erased"

    def __init__(self, digest: str, certificate: str) -> None:
        Damaged.__init__(
            self,
            f"The object {short(digest)}… was erased under {certificate}.",
            expected="what is not there any more, on purpose",
            next_step=f"ropeway erase show {certificate}",
            digest=digest,
            certificate=certificate,
        )


class BytesErased(Conflict):
    """Somebody brings bytes again that were erased."""

    code = "bytes-erased"

    def __init__(self, digest: str, certificate: str) -> None:
        super().__init__(
            f"These bytes ({short(digest)}…) were erased under {certificate} and are not kept again.",
            expected="the same data without what was erased",
            next_step=f"ropeway erase show {certificate}",
            digest=digest,
            certificate=certificate,
        )


class CannotErase(Damaged):
    """What lies in a damaged pack is not known whole, so nobody can say that it is gone."""

    code = "cannot-erase"

    def __init__(self, where: str) -> None:
        super().__init__(
            f"Nothing more was erased: '{where}' is damaged, and what lies in it is not known whole.",
            expected="packs that can be read",
            next_step="ropeway fsck --repair --from FOLDER; then ropeway erase finish",
            where=where,
        )


class ObjectNotBrought(ObjectMissing):
    """An object that is referred to for the first time, and whose bytes were not brought before."""

    code = "object-not-brought"
    http_status = 409
    exit_code = 3


class ObjectDamaged(Damaged):
    """An object's bytes do not have its digest. They are never handed out."""

    code = "object-damaged"

    def __init__(self, digest: str, found: str) -> None:
        super().__init__(
            f"The object {short(digest)}… is damaged"
            + (
                f": its bytes have the digest {short(found)}…."
                if found
                else ": its bytes cannot be put together."
            ),
            expected=f"bytes with the digest {digest}",
            next_step="ropeway fsck; then bring the same file again, or restore .ropeway/objects from a copy",
            digest=digest,
            found=found,
        )


class NotATree(Damaged):
    """An object that should be a tree is none, or names a place outside."""

    code = "not-a-tree"

    def __init__(self, digest: str, reason: str) -> None:
        super().__init__(
            f"The object {short(digest)}… cannot be read as a folder: {reason}.",
            expected="a tree with relative names",
            next_step="ropeway fsck",
            digest=digest,
        )


class BadDigest(Invalid):
    """Something that is not a digest was given where one is needed."""

    code = "bad-digest"

    def __init__(self, given: str) -> None:
        super().__init__(
            f"'{given[:80]}' is not a digest.", expected="64 hexadecimal digits, lower case", given=given[:80]
        )


class SegmentDamaged(Damaged):
    """A segment does not begin as one should."""

    code = "segment-damaged"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"The segment '{path}' has no sound header.",
            expected="a file written by Ropeway",
            next_step="ropeway fsck",
        )


class OutOfSpace(RopewayError):
    """No space was left to write an object; nothing that was stored is lost."""

    code = "out-of-space"
    http_status = 507
    exit_code = 6

    def __init__(self, where: str) -> None:
        super().__init__(
            f"No space is left on the disk that holds '{where}'; nothing was changed.",
            expected="some free space",
            next_step="free some space, then repeat the command",
        )


class DiskFailing(RopewayError):
    """The disk refused to read or write; nothing that was not synced is acknowledged."""

    code = "disk-failing"
    exit_code = 6

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"The disk that holds '{where}' failed: {reason}. This was not done.",
            expected="a disk that writes what it is given",
            next_step="look at the disk (dmesg, smartctl); then ropeway fsck, and repeat the command",
            reason=reason,
        )


class CannotKeep(Invalid):
    """Something in a folder that is to be kept is no plain file with a portable name."""

    code = "cannot-keep"

    def __init__(self, path: str, what: str) -> None:
        super().__init__(
            f"'{path}' cannot be kept: it is a {what}."
            if not what.startswith("name")
            else f"'{path}' cannot be kept: it has a {what}.",
            expected="files and folders with names in UTF-8, without backslash or drive letter",
            next_step="replace it by the file that is meant, or move it out of the folder",
            path=path,
        )
        self.path = path


class InTheWay(Conflict):
    """Where a file is to be restored stands something that is not to be replaced."""

    code = "in-the-way"

    def __init__(self, path: str, what: str) -> None:
        super().__init__(
            f"'{path}' cannot be written: a {what} stands in the way.",
            expected="a folder of plain files and folders",
            next_step="move it away, or restore into another folder",
            path=path,
        )


class CodingUnavailable(Unavailable):
    """Stored bytes are compressed, and the library that reads them is missing."""

    code = "coding-unavailable"

    def __init__(self) -> None:
        super().__init__(
            "The stored bytes are compressed with zstd, and the package backports.zstd is not installed.",
            expected="the package backports.zstd, or Python 3.14",
            next_step="pip install backports.zstd",
        )


class BadBlobName(Invalid):
    """Something that is no name of a blob was given where one is needed."""

    code = "bad-blob-name"

    def __init__(self, given: str) -> None:
        super().__init__(
            f"'{given[:80]}' is not the name of a blob.",
            expected="lower-case letters, digits, '.', '_' and '-', in parts between '/'",
            given=given[:80],
        )


class BadRange(Invalid):
    """Bytes were asked for that a blob does not have."""

    code = "bad-range"

    def __init__(self, name: str, start: int, length: int) -> None:
        super().__init__(
            f"The blob '{name}' does not have {length} bytes from {start} on.",
            expected="a range within the blob, of one byte or more",
            name=name,
        )


class BadBackend(Invalid):
    """An address that no backend answers to."""

    code = "bad-backend"

    def __init__(self, address: str, reason: str = "is no place for blobs") -> None:
        # A password in an address is not repeated.
        shown = address[:80] if "@" not in address else "the address"
        super().__init__(
            f"'{shown}' {reason}.",
            expected="s3://BUCKET/PREFIX, file:///FOLDER, or the path of a folder",
        )


class BackendMissing(Invalid):
    """What speaks to a kind of backend is not installed."""

    code = "backend-missing"

    def __init__(self, extra: str) -> None:
        super().__init__(
            f"The packages for '{extra}' are not installed.",
            expected=f"the extra '{extra}'",
            next_step=f"pip install 'ropeway[{extra}]'",
        )


class BlobMissing(NotFound):
    """A backend has no blob of that name."""

    code = "blob-missing"

    def __init__(self, name: str) -> None:
        super().__init__("blob", name)


class BackendUnavailable(Unavailable):
    """A backend cannot be reached, or refuses."""

    code = "backend-unavailable"

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"'{where}' cannot be used: {reason}.",
            expected="a place that can be read and written",
            next_step="see that it is there and that the keys are right, then repeat the command",
            where=where,
        )


class DepotDamaged(Damaged):
    """What lies at a remote is not what was brought there. It is never taken for what it should be."""

    code = "remote-damaged"

    def __init__(self, where: str, digests: Sequence[str], packs: Sequence[str] = ()) -> None:
        self.digests = list(digests)
        named = ", ".join(f"{short(digest)}…" for digest in digests[:3])
        super().__init__(
            f"At '{where}' {len(digests):,} object{'s are' if len(digests) != 1 else ' is'} damaged: {named}"
            + (f" and {len(digests) - 3:,} more." if len(digests) > 3 else ".")
            + " What is sound was brought.",
            expected="bytes with the digests under which they were brought there",
            next_step="ropeway push --verify   from a workspace that has them",
            where=where,
            digests=list(digests),
            packs=list(packs),
        )


class DepotLacks(Damaged):
    """A remote does not have an object that one of its versions needs."""

    code = "remote-lacks"

    def __init__(self, where: str, digests: Sequence[str]) -> None:
        self.digests = list(digests)
        lacking = "an object" if len(digests) == 1 else f"{len(digests):,} objects"
        super().__init__(
            f"'{where}' lacks {lacking} of what it should have: {short(digests[0])}….",
            expected="all that its versions need",
            next_step="ropeway push   from a workspace that has them",
            where=where,
            digests=list(digests),
        )


class DepotNewer(Unavailable):
    """A remote was written by a newer Ropeway, in a way that this one does not read."""

    code = "remote-newer"

    def __init__(self, where: str, found: object) -> None:
        super().__init__(
            f"'{where}' has the format {found}, which this version does not read.",
            expected="format 1",
            next_step="pip install --upgrade ropeway",
            where=where,
        )


class StoreElsewhere(Conflict):
    """The settings name another place for the objects than the one where they are."""

    code = "store-elsewhere"

    def __init__(self, there: str, said: str) -> None:
        there, said = there or LOCAL, said or LOCAL
        super().__init__(
            f"The objects of this workspace are in '{there}', and its settings say '{said}'.",
            expected=f'store = "{there}" under [workspace] in ropeway.toml, or in $ROPEWAY_STORE',
            next_step=f"ropeway store move --to {said}   brings them there; or change the setting",
            there=there,
            said=said,
        )


class StoreTaken(Conflict):
    """A place for objects belongs to somebody else, who would throw away what is brought there."""

    code = "store-taken"

    def __init__(self, where: str, what: str) -> None:
        super().__init__(
            f"'{where}' holds {what}.",
            expected="a bucket, a prefix or a folder for this workspace alone",
            next_step="give `store` under [workspace] in ropeway.toml a prefix of its own",
            where=where,
        )


class StoreEmptied(Unavailable):
    """Nothing lies any more where this workspace has brought its objects."""

    code = "store-emptied"

    def __init__(self, where: str) -> None:
        super().__init__(
            f"'{where}' has none of the objects that this workspace brought there.",
            expected="the bucket, or the mounted disk, as it was",
            next_step="see that the address is right and the disk mounted; if all is lost, remove "
            ".ropeway/store.json, then: ropeway store move   brings there what is here",
            where=where,
        )
