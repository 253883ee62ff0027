"""The table of `audits.dip`: quantiles of √n times the dip of uniform samples. ``python -m benchmarks._dip_table`` prints it (some minutes; needs cc).

J. A. Hartigan, P. M. Hartigan (1985), The Dip Test of Unimodality, Annals of Statistics 13(1), 70-84: the uniform law is the null. Up to a million samples
for each size, seeded. The dip here is `audits.dip.dip` for samples without equal values, written again in C for speed; `main` compares the two first.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from audits.dip import PROBABILITIES, dip

SIZES = (10, 20, 50, 100, 200, 500, 1000, 5000)
VALUES, SEED = 1_000_000_000, 1985  # values of all samples of a size together; at most a million samples

SOURCE = r"""
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* Lower convex hull of (x[i], sign * i + shift), i from a to b: the corners before a step, or mirrored those after it. */
static int hull(const double *x, int a, int b, double sign, int *out) {
    int m = 0;
    for (int i = a; i <= b; i++) {
        while (m > 1) {
            int p = out[m - 2], q = out[m - 1];
            if (sign * (q - p) * (x[i] - x[p]) < sign * (i - p) * (x[q] - x[p])) break;
            m--;
        }
        out[m++] = i;
    }
    return m;
}

double dip(const double *x, int n, int *convex, int *concave) {
    int low = 0, high = n - 1;
    double distance = 1.0;
    while (low < high) {
        int nx = hull(x, low, high, 1.0, convex), nc = hull(x, low, high, -1.0, concave);
        double gap = 0.0;
        int left = low, right = low;
        for (int k = 0, j = 0; k < nx; k++) { /* at the corners of the convex one */
            int i = convex[k];
            while (j < nc - 1 && concave[j] < i) j++;
            double over = concave[j] + 1.0;
            if (concave[j] > i) {
                int p = concave[j - 1], q = concave[j];
                over = p + 1.0 + (q - p) * (x[i] - x[p]) / (x[q] - x[p]);
            }
            if (over - i > gap) { gap = over - i; left = i; right = concave[j]; }
        }
        for (int k = 0, j = 0; k < nc; k++) {
            int i = concave[k];
            while (j < nx - 1 && convex[j + 1] <= i) j++;
            double under = convex[j];
            if (convex[j] < i) {
                int p = convex[j], q = convex[j + 1];
                under = p + (q - p) * (x[i] - x[p]) / (x[q] - x[p]);
            }
            if (i + 1.0 - under > gap) { gap = i + 1.0 - under; right = i; left = convex[j]; }
        }
        if (gap <= distance) break;
        for (int k = 0; k + 1 < nx && convex[k] < left; k++)
            for (int i = convex[k]; i < convex[k + 1] && i < left; i++) {
                int p = convex[k], q = convex[k + 1];
                double d = i + 1.0 - (p + (q - p) * (x[i] - x[p]) / (x[q] - x[p]));
                if (d > distance) distance = d;
            }
        for (int k = nc - 1; k > 0 && concave[k] > right; k--)
            for (int i = concave[k]; i > concave[k - 1] && i > right; i--) {
                int p = concave[k - 1], q = concave[k];
                double d = p + 1.0 + (q - p) * (x[i] - x[p]) / (x[q] - x[p]) - i;
                if (d > distance) distance = d;
            }
        low = left;
        high = right;
    }
    return distance / (2.0 * n);
}

static uint64_t state;
static double uniform(void) { /* splitmix64 */
    uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return ((z ^ (z >> 31)) >> 11) * 0x1.0p-53 + 0x1.0p-54;
}

/* Sorted uniform values are sums of exponential ones; their scale does not matter to the dip. */
void simulate(uint64_t seed, int n, int samples, double *out) {
    double *x = malloc(n * sizeof *x);
    int *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    state = seed;
    for (int k = 0; k < samples; k++) {
        double sum = 0.0;
        for (int i = 0; i < n; i++) x[i] = sum -= log(uniform());
        out[k] = dip(x, n, a, b);
    }
    free(x); free(a); free(b);
}
"""


def main() -> None:
    """Compare, simulate, print."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "dip.c", Path(folder) / "dip.so"
        source.write_text(SOURCE)
        subprocess.run(["cc", "-O3", "-shared", "-fPIC", "-o", library, source, "-lm"], check=True)
        code = ctypes.CDLL(str(library))
    code.dip.restype = ctypes.c_double
    doubles, whole = ctypes.POINTER(ctypes.c_double), ctypes.POINTER(ctypes.c_int)
    rng = np.random.default_rng(SEED)
    for n in (2, 3, 5, 10, 100, 1000):
        for x in (rng.random(n), np.concatenate([rng.normal(0, 1, n), rng.normal(6, 1, n)])):
            x.sort()
            a, b = (np.zeros(x.size, dtype=np.int32) for _ in range(2))
            args = (x.ctypes.data_as(doubles), x.size, a.ctypes.data_as(whole), b.ctypes.data_as(whole))
            assert abs(code.dip(*args) - dip(x)) < 1e-12, n
    before = np.empty(0)
    for n in SIZES:
        samples = min(1_000_000, VALUES // n)
        out = np.empty(samples)
        code.simulate(ctypes.c_uint64(SEED + n), n, samples, out.ctypes.data_as(doubles))
        row = np.sqrt(n) * np.quantile(out, PROBABILITIES)
        if (
            samples < 1_000_000
        ):  # the ends are those of a million: as far from the next quantile as in the size before
            row[[0, -1]] = before[[0, -1]] * row[[1, -2]] / before[[1, -2]]
        before = row
        print(f"    {n}: ({', '.join(f'{q:.5f}' for q in row)}),", flush=True)
    print("done", file=sys.stderr)


if __name__ == "__main__":
    main()
