"""Which option of one file is which of another, where the files call them differently.

Names are held together without case, accents, punctuation and the prefixes that files put before votes (``votos_``, ``v2_``);
what is short for what is in `SAME`. A name is taken for another only if both are then alone; whatever else is left to
``--same``. What was joined is always said.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from ocr.errors import CotejoError

SAME: Mapping[str, str] = {"fp": "fuerzapopular", "pl": "perulibre", "masipsp": "mas"}
"""Short form -> long form, as `bare` writes them; from ONPE's scrapes of 2021 and the OEP's exports."""
_PREFIX = re.compile(r"^(votos?|v[12])[ _]+", re.IGNORECASE)


def bare(name: str) -> str:
    """The name as it is compared."""
    letters = unicodedata.normalize("NFKD", _PREFIX.sub("", name)).casefold()
    plain = "".join(c for c in letters if c.isalnum())
    return SAME.get(plain, plain)


def joined(left: Sequence[str], right: Sequence[str], told: Iterable[str] = ()) -> dict[str, str]:
    """Right option -> left option, of those that bear different names.

    Parameters
    ----------
    told
        ``LEFT=RIGHT``, as a person says.

    Raises
    ------
    CotejoError
        If `told` names an option that is not there.
    """
    found: dict[str, str] = {}
    for pair in told:
        ours, _, theirs = pair.partition("=")
        if ours not in left or theirs not in right:
            raise CotejoError(
                f"--same {pair!r} does not name an option of each side, as LEFT=RIGHT; left has {', '.join(left)}, "
                f"right has {', '.join(right)}"
            )
        found[theirs] = ours
    ours_left = [o for o in left if o not in right and o not in found.values()]
    theirs_left = [o for o in right if o not in left and o not in found]
    for theirs in theirs_left:
        alike = [o for o in ours_left if bare(o) == bare(theirs)]
        if len(alike) == 1 and sum(bare(o) == bare(theirs) for o in theirs_left) == 1:
            found[theirs] = alike[0]
    return found
