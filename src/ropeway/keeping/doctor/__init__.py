"""`ropeway doctor`: what could go wrong here, one look at everything. Nothing is changed."""

from ropeway.keeping.doctor.examine import examine
from ropeway.keeping.doctor.signs import Diagnosis, Sign

__all__ = ["Diagnosis", "Sign", "examine"]
