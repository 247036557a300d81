"""Whether a path is on a network file system, where SQLite's locks and shared memory cannot be relied on."""

from pathlib import Path, PurePosixPath

NETWORK = frozenset(
    (
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "fuse.beegfs",
        "fuse.ceph",
        "fuse.davfs",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.juicefs",
        "fuse.mount-s3",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.seaweedfs",
        "fuse.sshfs",
        "gfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "pvfs2",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
        "vmhgfs",
        "fuse.vmhgfs-fuse",
    )
)
"""File systems that another machine holds, or a virtual one's host: several kernels may write to them."""
MOUNTS = Path("/proc/self/mountinfo")


def network_type(path: Path) -> str | None:
    """The network file system that a path is on; None where it is on none, or this cannot be known."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    kind = type_of(PurePosixPath(path.resolve()), mounts)
    return kind if kind in NETWORK else None


def type_of(path: PurePosixPath, mounts: str) -> str | None:
    """The type of the file system that an absolute path is on.

    Args:
        path: absolute, without links.
        mounts: the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).

    Example:
        >>> type_of(PurePosixPath("/srv/a"), "36 35 98:0 / /srv rw - nfs4 host:/share rw")
        'nfs4'
    """
    found, depth = None, 0
    for line in mounts.splitlines():
        place, _, source = line.partition(" - ")
        fields, kinds = place.split(" "), source.split(" ")
        if len(fields) < 5 or not kinds[0]:
            continue
        mount = PurePosixPath(_plain(fields[4]))
        # The deepest mount point holds the path; of two on one point, the later lies above the earlier.
        if (path == mount or mount in path.parents) and len(mount.parts) >= depth:
            found, depth = kinds[0], len(mount.parts)
    return found


def _plain(text: str) -> str:
    """Without the octal escapes by which the kernel writes blanks."""
    for octal, plain in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(octal, plain)
    return text
