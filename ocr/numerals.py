"""Numbers from 0 to 999 in words, as people write them on tally sheets: in full, or digit by digit, without accents.

Common other spellings stand beside the dictionary's, divided by a bar.
"""

from __future__ import annotations

from functools import cache
from itertools import product

LANGUAGE = dict.fromkeys(("BO", "CL", "CO", "EC", "HN", "MX", "PE", "VE", "XX"), "es") | {
    "BR": "pt",
    "ID": "id",
}
"""The language of each country's sheets; the invented country writes Spanish."""

DIGITS = {
    "es": ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"],
    "pt": ["zero", "um", "dois", "tres", "quatro", "cinco", "seis", "sete", "oito", "nove"],
    "id": ["nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan"],
}
_TEENS = {
    "es": [
        "diez",
        "once",
        "doce",
        "trece",
        "catorce",
        "quince",
        "dieciseis",
        "diecisiete",
        "dieciocho",
        "diecinueve",
    ],
    "pt": [
        "dez",
        "onze",
        "doze",
        "treze",
        "catorze|quatorze",
        "quinze",
        "dezesseis",
        "dezessete",
        "dezoito",
        "dezenove",
    ],
}
_TENS = {
    "es": [
        "veinte",
        "treinta",
        "cuarenta",
        "cincuenta|sincuenta",
        "sesenta",
        "setenta",
        "ochenta",
        "noventa",
    ],
    "pt": ["vinte", "trinta", "quarenta", "cinquenta", "sessenta", "setenta", "oitenta", "noventa"],
}
_HUNDREDS = {
    "es": [
        "ciento",
        "doscientos|docientos",
        "trescientos|trecientos",
        "cuatrocientos",
        "quinientos",
        "seiscientos",
        "setecientos",
        "ochocientos",
        "novecientos",
    ],
    "pt": [
        "cento",
        "duzentos",
        "trezentos",
        "quatrocentos",
        "quinhentos",
        "seiscentos",
        "setecentos",
        "oitocentos",
        "novecentos",
    ],
}
_AND = {"es": " y ", "pt": " e "}


@cache
def spellings(language: str, digits: int) -> tuple[tuple[str, int], ...]:
    """Every way to write the numbers of so many digits (up to three), with the number; lower case, words apart.

    Examples
    --------
    >>> [text for text, value in spellings("es", 3) if value == 22]
    ['veintidos', 'cero dos dos']
    """
    digits = min(digits, 3)
    out: dict[str, int] = {}
    for n in range(10**digits):
        out |= dict.fromkeys(_in_full(n, language), n)
        if digits > 1:
            out[" ".join(DIGITS[language][int(c)] for c in f"{n:0{digits}d}")] = n
    return tuple(out.items())


def _in_full(n: int, language: str) -> list[str]:
    hundreds, rest = divmod(n, 100)
    if not hundreds:
        return _below_hundred(rest, language)
    if language == "id":
        heads = ["seratus" if hundreds == 1 else f"{DIGITS['id'][hundreds]} ratus"]
    elif n == 100:
        return ["cien" if language == "es" else "cem"]
    else:
        heads = _HUNDREDS[language][hundreds - 1].split("|")
        heads += [h[:-2] + "as" for h in heads if h.endswith("os")]  # votes and ballots may be feminine
    if not rest:
        return heads
    link = " e " if language == "pt" else " "
    return [head + link + tail for head, tail in product(heads, _below_hundred(rest, language))]


def _below_hundred(n: int, language: str) -> list[str]:
    digit = DIGITS[language]
    tens, units = divmod(n, 10)
    if n < 10:
        return [digit[n]]
    if language == "id":
        if tens == 1:
            return ["sepuluh", "sebelas"][units : units + 1] or [f"{digit[units]} belas"]
        return [f"{digit[tens]} puluh {digit[units]}" if units else f"{digit[tens]} puluh"]
    if tens == 1:
        return _TEENS[language][units].split("|")
    if tens == 2 and units and language == "es":
        return [f"veinti{digit[units]}"]
    names = _TENS[language][tens - 2].split("|")
    return [f"{name}{_AND[language]}{digit[units]}" if units else name for name in names]
