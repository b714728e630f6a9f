"""The random numbers of gensweep, from the documentation in src/ground/rng.h and src/nn/tensors.h alone."""
import math

import numpy
import torch

STREAM_WEIGHTS, STREAM_DATA, STREAM_NOISE, STREAM_EVALUATION, STREAM_COMPARISON = 1, 2, 3, 4, 7


def philox(seed, stream, step, indices):
    """Philox4x32-10 (Salmon et al. 2011): one row of four 32-bit words for each block index."""
    low = numpy.uint64(0xFFFFFFFF)
    shift = numpy.uint64(32)
    x = [numpy.asarray(indices, dtype=numpy.uint64) & low]
    x += [numpy.full_like(x[0], word) for word in (stream, step & 0xFFFFFFFF, step >> 32)]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        first = x[0] * numpy.uint64(0xD2511F53)
        second = x[2] * numpy.uint64(0xCD9E8D57)
        x = [(second >> shift) ^ x[1] ^ numpy.uint64(key[0]), second & low,
             (first >> shift) ^ x[3] ^ numpy.uint64(key[1]), first & low]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return numpy.stack(x, axis=-1)


def uniform(words):
    return ((words >> numpy.uint64(9)).astype(numpy.float64) + 0.5) / 2.0**23


def box_muller(blocks):
    """Four normal numbers from each row of four words."""
    u = uniform(blocks)
    radius = numpy.sqrt(-2 * numpy.log(u[:, 0::2]))
    turn = 2 * math.pi * u[:, 1::2]
    return numpy.stack([radius * numpy.cos(turn), radius * numpy.sin(turn)], axis=-1).reshape(len(blocks), 4)


def normal(seed, stream, step, shape, first_block=0):
    count = math.prod(shape)
    blocks = range(first_block, first_block + (count + 3) // 4)
    numbers = box_muller(philox(seed, stream, step, blocks)).reshape(-1)
    return torch.tensor(numbers[:count].reshape(shape))


def truncated_normal(seed, step, count):
    """Element i: the first of block i's four normal numbers inside (-2, 2); if there is none, further blocks are tried
    from block `count` on, in the order in which the elements need them."""
    deviation = 0.87962566103423978
    numbers = box_muller(philox(seed, STREAM_WEIGHTS, step, range(count)))
    inside = numpy.abs(numbers) < 2
    values = numpy.take_along_axis(numbers, inside.argmax(axis=1)[:, None], axis=1)[:, 0]
    further = count
    for i in numpy.flatnonzero(~inside.any(axis=1)):
        while True:
            tried = box_muller(philox(seed, STREAM_WEIGHTS, step, [further]))[0]
            further += 1
            if (numpy.abs(tried) < 2).any():
                values[i] = tried[(numpy.abs(tried) < 2).argmax()]
                break
    return values / deviation


def hash_name(name):
    """FNV-1a, 64 bits."""
    value = 14695981039346656037
    for byte in name.encode():
        value = (value ^ byte) * 1099511628211 % 2**64
    return value


def check_random_numbers():
    """The published answers of Random123 (kat_vectors)."""
    ones = 2**64 - 1
    answers = [
        (0, 0, 0, 0, "6627e8d5e169c58dbc57ac4c9b00dbd8"),
        (ones, 2**32 - 1, ones, 2**32 - 1, "408f276d41c83b0ea20bc7c66d5451fd"),
        (0x299F31D0A4093822, 0x85A308D3, 0x0370734413198A2E, 0x243F6A88, "d16cfe0994fdcceb5001e42024126ea1"),
    ]
    for seed, stream, step, index, expected in answers:
        assert "".join(f"{word:08x}" for word in philox(seed, stream, step, [index])[0]) == expected
    assert hash_name("foobar") == 0x85944171F73967E8
