"""Computes ``src/math_tables.h``: ``python -m emuload.libc.math_tables > emuload/libc/src/math_tables.h``.

The elementary functions of the emulated C library look values up that are kept as unevaluated sums of two
doubles (about 107 bits). They come from integer and decimal arithmetic here, so anybody can check them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 80
PI_BITS = 1500


def pi_fixed(bits: int) -> int:
    """floor(pi * 2**bits), by Machin's formula pi = 16 atan(1/5) - 4 atan(1/239)."""
    guard = 64

    def arctangent(inverse: int) -> int:
        term = (1 << (bits + guard)) // inverse
        total, n, sign = term, 1, 1
        while term:
            term //= inverse * inverse
            n += 2
            sign = -sign
            total += sign * (term // n)
        return total

    return (16 * arctangent(5) - 4 * arctangent(239)) >> guard


def sine_cosine(x: Fraction) -> tuple[Fraction, Fraction]:
    """sin x and cos x by Taylor's series, for |x| < 1, with an error below 2**-200."""
    term, sine, cosine, n = Fraction(1), Fraction(0), Fraction(0), 0
    while term and abs(term) > Fraction(1, 1 << 220):
        if n % 2:
            sine += term if n % 4 == 1 else -term
        else:
            cosine += term if n % 4 == 0 else -term
        n += 1
        term = term * x / n
    return sine, cosine


def arctangent(x: Fraction) -> Fraction:
    """atan x by its series after halving the angle, for 0 <= x <= 1."""
    if x > Fraction(1, 8):
        # tan(a/2) = t / (1 + sqrt(1 + t*t)), the root to 240 bits
        scale = 1 << 240
        square = 1 + x * x
        root = Fraction(_integer_root(square.numerator * scale * scale // square.denominator), scale)
        half = x / (1 + root)
        return 2 * arctangent(Fraction(half.numerator * scale // half.denominator, scale))
    total, power, n = Fraction(0), x, 1
    while abs(power) > Fraction(1, 1 << 220):
        total += power / n if n % 4 == 1 else -power / n
        power *= x * x
        n += 2
    return total


def _integer_root(n: int) -> int:
    root = 1 << ((n.bit_length() + 1) // 2)
    while True:
        better = (root + n // root) // 2
        if better >= root:
            return root
        root = better


def fraction(value: Decimal) -> Fraction:
    """The exact value of a decimal number."""
    return Fraction(value)


def pair(value: Fraction) -> str:
    """The two doubles whose sum is nearest to the value, as a C initialiser."""
    high = value.numerator / value.denominator
    rest = value - Fraction(high)
    return f"{{{high.hex()}, {(rest.numerator / rest.denominator).hex()}}}"


def rounded(value: Fraction, bits: int) -> Fraction:
    """A value between 1/2 and 2, rounded to `bits` bits after the point."""
    return Fraction(round(value * (1 << bits)), 1 << bits)


def lines() -> Iterator[str]:
    """The header's text."""
    ln2, ln10 = Decimal(2).ln(), Decimal(10).ln()
    pi = Fraction(pi_fixed(PI_BITS), 1 << PI_BITS)
    yield "/* Made by emuload/libc/math_tables.py. Pairs are unevaluated sums of two doubles. */"
    yield "#ifndef EMU_MATH_TABLES_H"
    yield "#define EMU_MATH_TABLES_H"
    yield ""
    yield f"static const dd ln2_pair = {pair(fraction(ln2))};"
    yield f"static const dd ln10_pair = {pair(fraction(ln10))};"
    yield f"static const dd log2_e = {pair(fraction(1 / ln2))};"
    yield f"static const dd log10_e = {pair(fraction(1 / ln10))};"
    yield f"static const dd half_pi = {pair(pi / 2)};"
    yield f"static const dd full_pi = {pair(pi)};"
    root_pi = Fraction(_integer_root(pi.numerator << 500), 1 << (PI_BITS + 500) // 2)
    yield f"static const dd root_pi = {pair(root_pi)};"
    half_log_2pi = (Decimal(2 * pi.numerator) / Decimal(pi.denominator)).ln() / 2
    yield f"static const dd half_log_2pi = {pair(fraction(half_log_2pi))};"
    yield ""
    step = fraction(ln2) / 64
    head = rounded(step * 64, 32) / 64
    yield "/* ln 2 / 64: a head of 32 bits, which small integers multiply exactly, and the rest. */"
    yield f"static const double exp_step_head = {float(head).hex()};"
    yield f"static const dd exp_step_rest = {pair(step - head)};"
    head = rounded(fraction(ln2), 40)
    yield "/* ln 2: a head of 40 bits, and the rest. */"
    yield f"static const double ln2_head = {float(head).hex()};"
    yield f"static const dd ln2_rest = {pair(fraction(ln2) - head)};"
    yield ""
    yield "/* 2^(i/64) */"
    yield "static const dd exp_table[64] = {"
    for i in range(64):
        yield f"    {pair(fraction((ln2 * i / 64).exp()))},"
    yield "};"
    yield ""
    yield "/* For i/128, i from 90 on: 1/c near 128/i, and -ln(1/c). */"
    yield "enum { LOG_FIRST = 90, LOG_LAST = 182 };"
    yield "static const struct { double inverse; dd log; } log_table[LOG_LAST - LOG_FIRST + 1] = {"
    for i in range(90, 183):
        inverse = rounded(Fraction(128, i), 24)
        log = -(Decimal(inverse.numerator) / Decimal(inverse.denominator)).ln()
        yield f"    {{{float(inverse).hex()}, {pair(fraction(log))}}},"
    yield "};"
    yield ""
    yield "/* sin and cos of i/32 */"
    yield "static const struct { dd sine, cosine; } sine_table[27] = {"
    for i in range(27):
        sine, cosine = sine_cosine(Fraction(i, 32))
        yield f"    {{{pair(sine)}, {pair(cosine)}}},"
    yield "};"
    yield ""
    yield "/* atan(i/64) */"
    yield "static const dd atan_table[65] = {"
    for i in range(65):
        yield f"    {pair(arctangent(Fraction(i, 64)))},"
    yield "};"
    yield ""
    words = 43
    two_over_pi = (2 << (32 * words + PI_BITS)) // pi_fixed(PI_BITS)
    yield "/* The bits of 2/pi after the point, in words, the highest first, behind 64 zero bits. */"
    yield f"static const uint32_t two_over_pi[{words + 2}] = {{"
    digits = [0, 0] + [two_over_pi >> (32 * (words - 1 - i)) & 0xFFFFFFFF for i in range(words)]
    for i in range(0, len(digits), 8):
        yield "    " + ", ".join(f"{digit:#010x}" for digit in digits[i : i + 8]) + ","
    yield "};"
    yield ""
    yield "#endif"


if __name__ == "__main__":
    print("\n".join(lines()))
