"""Near-copies: crops that show the same picture, by a perceptual hash of 256 bits."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 16
APART = 30  # bits: nearly all copies at 0.7 of the size differ in fewer, other photos in 60
FLAT = 3.0  # contrast, as a standard deviation of 0..255, below which there is nothing to compare
REACH = 64  # of crops that share 16 bits each is compared with so many next ones: bounded cost


def fingerprint(grey: Image.Image) -> NDArray[np.uint64]:
    """(4,) words: whether each of 16 x 16 places is lighter than its left neighbour (dHash).

    Two files of one photo, of another size or quality, differ in a few bits.
    """
    pixels = np.asarray(grey.resize((SIDE + 1, SIDE), Image.Resampling.BILINEAR), np.int16)
    return np.packbits(pixels[:, 1:] > pixels[:, :-1]).view(np.uint64)


def clusters(prints: NDArray[np.uint64], contrast: NDArray) -> NDArray[np.int64]:
    """A number per crop, (n,): equal for near-copies, and for copies of copies.

    `prints` are (n, 4) fingerprints. Two that differ in at most APART bits nearly always
    share one of their sixteen parts of 16 bits; those that share one are compared, REACH of them
    each, so that the cost grows with n.
    """
    telling = np.flatnonzero(contrast >= FLAT)
    words = np.ascontiguousarray(prints[telling])
    parts = words.view(np.uint16)
    cluster, pairs = np.arange(len(words)), []
    for part in parts.T:
        order = np.lexsort((*words.T, part))
        for shift in range(1, min(REACH, max(len(order) - 1, 0)) + 1):
            one, other = order[:-shift], order[shift:]
            shared = part[one] == part[other]
            if not shared.any():
                break
            new = shared & (cluster[one] != cluster[other])
            one, other = one[new], other[new]
            near = np.bitwise_count(words[one] ^ words[other]).sum(1) <= APART
            pairs.append(np.stack([one[near], other[near]]))
            if sum(pair.shape[1] for pair in pairs) > len(words):  # or many copies fill the memory
                cluster, pairs = _merged(cluster, pairs), []
    numbers = np.arange(len(prints))
    numbers[telling] = telling[_merged(cluster, pairs)]
    return numbers


def _merged(cluster: NDArray, pairs: list[NDArray]) -> NDArray[np.int64]:
    """The clusters, (n,), where those that pairs of crops (2, pairs) join are one: its first."""
    n = len(cluster)
    one, other = cluster[np.concatenate([np.empty((2, 0), np.int64), *pairs], axis=1)]
    joined_by = _linked(one, other, n)[cluster]
    _, first, number = np.unique(joined_by, return_index=True, return_inverse=True)
    return first[number]


def joined(groups: NDArray, copies: NDArray) -> NDArray:
    """The groups, (n,) strings, where those that share a near-copy bear one name, the first."""
    names, group = np.unique(groups, return_inverse=True)
    _, copy = np.unique(copies, return_inverse=True)
    nodes = len(names) + copy.max(initial=-1) + 1
    number = _linked(group, len(names) + copy, nodes)[: len(names)]
    _, first = np.unique(number, return_index=True)
    return names[first][number][group]


def _linked(one: NDArray, other: NDArray, n: int) -> NDArray:
    """A number for each of `n` things, equal where pairs of `one` and `other` link them."""
    from scipy.sparse import coo_array  # here, since most that imports this module links nothing
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(n, n))
    return connected_components(graph, directed=False)[1]
