"""A workspace's own store at a backend: a bucket, or a folder that several machines see.

The depot there is the truth about what may be referred to; the local store is a copy of what was put or read
here. What is said besides packs and indexes lies among the indexes, so that one listing tells all:

    NAME.going    marks of a collection: what is to go, and since when
    NAME.erased   which objects were erased, and under which certificate
    NAME.owner    whose ledger it is that refers to what is here
    NAME.moved    where the store was moved to

Not here: when an object is needed (`keeping`), and where a workspace's store is (`workspace.stores`).
"""

from ropeway.store.bucket.bucket import Bucket
from ropeway.store.bucket.bucket_store import BucketStore
from ropeway.store.bucket.collect import Swept

__all__ = ["Bucket", "BucketStore", "Swept"]
