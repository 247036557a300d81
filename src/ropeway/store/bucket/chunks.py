"""Which chunks the large objects at a backend are made of."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ropeway.core.ids import Digest
from ropeway.store.depot.bring import read_place
from ropeway.store.depot.index import AT_ONCE, Place
from ropeway.store.pack_format import RECIPE
from ropeway.store.recipes import Recipe, recipe_of
from ropeway.store.threads import threads

if TYPE_CHECKING:
    from ropeway.store.depot import Depot
    from ropeway.store.objects import Store


class Chunks:
    """The chunks that some recipes name; all there are, where a recipe cannot be read."""

    def __init__(self, known: set[bytes], *, are_all_read: bool) -> None:
        self._known = known
        self._are_all_read = are_all_read

    def __contains__(self, digest: bytes) -> bool:
        return not self._are_all_read or digest in self._known


def chunks_of(recipes: Mapping[bytes, Recipe | None], *, but: set[bytes]) -> Chunks:
    """The chunks of all recipes but some."""
    staying = [recipe for digest, recipe in recipes.items() if digest not in but]
    known = {part.digest for recipe in staying if recipe is not None for part in recipe.parts}
    return Chunks(known, are_all_read=None not in staying)


def recipes_of(depot: "Depot", here: "Store") -> dict[bytes, Recipe | None]:
    """Every recipe there, from here where it is here too; None where none can be read."""

    def read(digest: bytes, places: list[Place]) -> Recipe | None:
        known = here.packed.recipe(Digest(digest.hex()))
        if known is not None:
            return known
        found = (recipe_of(data) for place in places if (data := read_place(depot, place)) is not None)
        return next((recipe for recipe in found if recipe is not None), None)

    every = [(digest, list(places)) for digest, places in depot.index.all_of(RECIPE)]
    with threads(AT_ONCE, "bucket-recipes") as pool:
        found = pool.map(lambda each: read(*each), every)
        return {digest: recipe for (digest, _), recipe in zip(every, found, strict=True)}
