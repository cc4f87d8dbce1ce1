"""The vertices of the couplings between two uniform measures of few points."""

import itertools
import math
from functools import cache

import torch
from torch import Tensor

Row = tuple[int, ...]
Plan = tuple[Row, ...]


@cache
def vertices(n: int, m: int) -> Tensor:
    """Every vertex of Π(uniform on n, uniform on m), for n <= m, up to the order of its rows: (V, n, m) float32.

    One for n = m (all are permutations), 125 for 4x5, 1296 for 5x6: not far beyond, more than memory holds.
    """
    if n == 1:
        return torch.full((1, 1, m), 1 / m)
    unit = math.gcd(n, m)
    plans = _plans((m // unit,) * n, (n // unit,) * m)
    return torch.tensor(sorted(plans), dtype=torch.float32) * unit / (n * m)


@cache
def pushes(n: int, m: int) -> Tensor:
    """Of every vertex π, the linear map of a matrix F to π F πᵀ, both flattened: (V, n², m²) float32."""
    plans = vertices(n, m)
    return torch.einsum("vik,vjl->vijkl", plans, plans).flatten(3, 4).flatten(1, 2)


@cache
def row_orders(n: int) -> Tensor:
    """Every permutation of n rows: (n!, n) int64."""
    return torch.tensor(list(itertools.permutations(range(n))))


@cache
def _plans(supplies: Row, demands: Row) -> frozenset[Plan]:
    """Vertices as sorted tuples of rows, for sorted supplies above zero.

    The support of a vertex is a forest. A forest has a leaf, a cell that alone meets its row or its column; without it
    a smaller vertex is left. So every vertex comes of filling one cell after another as far as it goes.
    """
    if not supplies:
        return frozenset([()])
    found = set()
    for supply, (column, demand) in itertools.product(set(supplies), enumerate(demands)):
        if not demand:
            continue
        amount = min(supply, demand)
        left = list(supplies)
        left.remove(supply)
        if supply > amount:
            left.append(supply - amount)
        rest_of_demands = (*demands[:column], demand - amount, *demands[column + 1 :])
        for rest in _plans(tuple(sorted(left)), rest_of_demands):
            found.update(_with_cell(rest, supply - amount, column, amount, len(demands)))
    return frozenset(found)


def _with_cell(rest: Plan, remainder: int, column: int, amount: int, columns: int) -> set[Plan]:
    """The vertices that are `rest` plus one cell, in a row of its own or in any that supplies the remainder."""
    if not remainder:
        cell = tuple(amount if k == column else 0 for k in range(columns))
        return {tuple(sorted((*rest, cell)))}
    grown = set()
    for row in set(rest):
        if sum(row) == remainder:
            others = list(rest)
            others.remove(row)
            grown.add(tuple(sorted((*others, (*row[:column], row[column] + amount, *row[column + 1 :])))))
    return grown
