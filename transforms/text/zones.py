"""Names of time zones, as minutes east of Greenwich.

A name that two zones share is in `AMBIGUOUS_ZONES` with the one that it is read as, and what else it may mean. What is
in neither table is unknown: military letters (RFC 822 gave them with the wrong sign), names whose meanings are equally
likely (`AMT`, `SST`, `BDT`), names that mean another offset in summer (`ET`), and names of the tz database, whose
offsets would change with the machine's copy of it.
"""

from typing import Final

ZONE_MINUTES: Final[dict[str, int]] = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "cet": 60, "cest": 120, "met": 60, "mest": 120,
    "mez": 60, "mesz": 120, "eet": 120, "eest": 180, "wat": 60, "sast": 120, "cat": 120, "eat": 180, "msk": 180,
    "msd": 240, "trt": 180, "idt": 180, "irst": 210, "uzt": 300, "yekt": 300, "pkt": 300, "npt": 345, "ict": 420,
    "wib": 420, "wita": 480, "wit": 540, "hkt": 480, "sgt": 480, "myt": 480, "pht": 480, "awst": 480, "jst": 540,
    "kst": 540, "acst": 570, "acdt": 630, "aest": 600, "aedt": 660, "chst": 600, "nzst": 720, "nzdt": 780,
    "brt": -180, "art": -180, "uyt": -180, "clt": -240, "clst": -180, "vet": -240, "cot": -300, "pet": -300,
    "nst": -210, "ndt": -150, "adt": -180, "edt": -240, "mdt": -360, "pdt": -420, "akst": -540, "akdt": -480,
    "hst": -600, "hdt": -540,
}  # fmt: skip
"""Names of one meaning."""

AMBIGUOUS_ZONES: Final[dict[str, tuple[int, str]]] = {
    "est": (-300, "Eastern Australia"),
    "cst": (-360, "China, Cuba"),
    "cdt": (-300, "Cuba"),
    "mst": (-420, "Malaysia, Myanmar"),
    "pst": (-480, "the Philippines"),
    "ast": (-240, "Arabia"),
    "bst": (60, "Bangladesh, Bougainville"),
    "ist": (330, "Ireland, Israel"),
    "gst": (240, "South Georgia"),
}
"""Names of several meanings: what each is read as, and what it is not. The American ones are those of RFC 822; BST is
British, IST Indian and GST of the Gulf, as the most speakers mean them."""


def zone_minutes(name: str) -> int | None:
    """Minutes east of Greenwich of a zone's name in lower case; None where it is unknown."""
    ambiguous = AMBIGUOUS_ZONES.get(name)
    return ZONE_MINUTES.get(name) if ambiguous is None else ambiguous[0]
