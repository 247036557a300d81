"""Objects of a store at a backend, for others to fetch: packs, their indexes, and what travels between.

What lies there is what lies here: objects, chunks and recipes in packs of the same layout, so that only
missing chunks travel and thousands of small files are a few requests. A pack is named by the digest of its
bytes. `index/NAME.idx` says what is in it and is written after it; what no index names is not there.

Not here: what the bytes mean, and which versions there are (`remotes`).
"""

from ropeway.store.depot.depot import Depot
from ropeway.store.depot.transfer import Brought, Checked, Purged, Sent

__all__ = ["Brought", "Checked", "Depot", "Purged", "Sent"]
