"""Synthetic data, bit for bit those of dev.tandem.benchmarks.workload.SplitMix64, which says how they are made."""

import torch

GAMMA = 0x9E3779B97F4A7C15
MULTIPLIERS = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
# Of stream 1; SplitMix64Test has the same.
FIRST_BITS = 0x910A2DEC89025CC1, 0xBEEB8DA1658EEC67, 0xF893A2EEFB32555E
FIRST_FLOATS = 0x910A2D / 2**24, 0xBEEB8D / 2**24, 0xF893A2 / 2**24
FIRST_INTEGERS = 86, 48, 87  # below 96


def signed(n):
    """The int64 with the same bits."""
    return n - (1 << 64) if n >= 1 << 63 else n


def shifted(z, bits):
    """z >>> bits: zeros come in from the left."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def bits(stream, count):
    # Products and sums of int64 wrap around in PyTorch as they do in Java.
    z = torch.arange(1, count + 1, dtype=torch.int64) * signed(GAMMA) + stream
    z = (z ^ shifted(z, 30)) * signed(MULTIPLIERS[0])
    z = (z ^ shifted(z, 27)) * signed(MULTIPLIERS[1])
    return z ^ shifted(z, 31)


def floats(stream, *shape):
    """float32, uniform in [0, 1)."""
    return (shifted(bits(stream, torch.Size(shape).numel()), 40).to(torch.float32) * 2.0**-24).reshape(shape)


def integers(stream, bound, *shape):
    """int64, from 0 to bound - 1."""
    return (shifted(bits(stream, torch.Size(shape).numel()), 33) % bound).reshape(shape)


def check():
    """Fails where this PyTorch makes other numbers than Java."""
    found = [n % (1 << 64) for n in bits(1, 3).tolist()], floats(1, 3).tolist(), integers(1, 96, 3).tolist()
    wanted = list(FIRST_BITS), list(FIRST_FLOATS), list(FIRST_INTEGERS)
    if found != wanted:
        raise SystemExit(f"the generator gives {found} instead of {wanted}")
