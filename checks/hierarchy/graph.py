"""The graph of a model, read once: what depends on what, and what is linear in what."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .operations import SHAPES, depends_on_values, is_copy, is_linear_in, sets_shape

if TYPE_CHECKING:
    import pymc as pm


@dataclass(frozen=True, slots=True)
class Use:
    """A place where something that is linear in a variable is no longer so.

    Attributes
    ----------
    variable : TensorVariable
        Linear in what was followed.
    node : Apply or None
        What uses it: a distribution, a bent operation, or None for the end of a potential.
    """

    variable: Any
    node: Any


class ModelGraph:
    """Who uses what on the way to data, potentials and free variables.

    Attributes
    ----------
    model : pymc.Model
    ends : list of TensorVariable
        Outcomes, potentials and free variables, in this order.
    """

    def __init__(self, model: pm.Model) -> None:
        from pytensor.graph.traversal import io_toposort

        self.model = model
        self.named = set(model.basic_RVs)
        self.free = set(model.free_RVs)
        self.ends = [*model.observed_RVs, *model.potentials, *model.free_RVs]
        nodes = io_toposort([], [*self.ends, *model.deterministics])
        self._order = {node: k for k, node in enumerate(nodes)}
        self._clients: dict[Any, list[Any]] = {}
        for node in nodes:
            for variable in dict.fromkeys(node.inputs):
                self._clients.setdefault(variable, []).append(node)
        self._copies: dict[Any, Any] = {}
        for named in model.deterministics:
            variable = named
            self._copies[variable] = named
            while variable.owner is not None and is_copy(variable.owner):
                variable = variable.owner.inputs[0]
                self._copies.setdefault(variable, named)
        self._depending: dict[Any, set[Any]] = {}
        self._bits = {rv: 1 << k for k, rv in enumerate(model.free_RVs)}
        self._above: dict[Any, int] = {}
        self._parents: dict[Any, int] = {}
        for node in nodes:
            self._note(node)
        self._reached = self._read_ends(nodes)

    def clients(self, variable: Any) -> list[Any]:
        """Return the nodes that use a variable and lead to an end of the model."""
        return [n for n in self._clients.get(variable, ()) if self._leads_on(n)]

    def above(self, *expressions: Any) -> set[Any]:
        """Return the free variables that expressions depend on, directly or not."""
        return self._named_in(self._mask(expressions, self._above))

    def parents(self, *expressions: Any) -> set[Any]:
        """Return the free variables that expressions depend on directly."""
        return self._named_in(self._mask(expressions, self._parents))

    def deterministic(self, variable: Any) -> Any | None:
        """Return the Deterministic that holds the same values as a variable."""
        return self._copies.get(variable)

    def depends(self, expression: Any, variable: Any) -> bool:
        """Whether an expression depends on the value of a variable, up to random variables."""
        return expression in self.depending_on(variable)

    def is_random(self, expression: Any) -> bool:
        """Whether an expression depends on a free variable."""
        return bool(self._mask([expression], self._above))

    def ends_of(self, variable: Any) -> list[Any]:
        """Return the ends that a variable reaches without passing through another free variable."""
        mask = self._reached.get(variable, 0)
        return [end for k, end in enumerate(self.ends) if mask >> k & 1]

    def depending_on(self, variable: Any) -> set[Any]:
        """Return what depends on the value of a variable, up to the next random variables."""
        if variable in self._depending:
            return self._depending[variable]
        found, todo = {variable}, [variable]
        while todo:
            current = todo.pop()
            for node in self.clients(current):
                if not depends_on_values(
                    node, [k for k, v in enumerate(node.inputs) if v is current]
                ):
                    continue
                for output in node.outputs:
                    if output not in found and output not in self.named:
                        found.add(output)
                        todo.append(output)
        self._depending[variable] = found
        return found

    def uses(self, variable: Any) -> list[Use]:
        """Follow a variable up to where what depends on it is no longer linear in it."""
        linear = {variable}
        found: list[Use] = []
        waiting = [(self._order[n], n) for n in self.clients(variable)]
        heapq.heapify(waiting)
        seen = {node for _, node in waiting}
        potentials = set(self.model.potentials)
        while waiting:
            _, node = heapq.heappop(waiting)
            dependent = [k for k, v in enumerate(node.inputs) if v in linear]
            if not depends_on_values(node, dependent):
                continue
            if not is_linear_in(node, dependent):
                found += [Use(node.inputs[k], node) for k in dependent if not sets_shape(node, k)]
                continue
            for output in node.outputs:
                linear.add(output)
                if output in potentials:
                    found.append(Use(output, None))
                for client in self.clients(output):
                    if client not in seen:
                        seen.add(client)
                        heapq.heappush(waiting, (self._order[client], client))
        return list(dict.fromkeys(found))

    def passes(self, variable: Any, gate: Any) -> bool:
        """Whether all that depends on a variable, up to the ends, does so through a gate."""
        todo, seen = [variable], {variable, gate}
        ends = set(self.ends) - {variable}
        while todo:
            for node in self.clients(todo.pop()):
                for output in node.outputs:
                    if output in ends:
                        return False
                    if output not in seen:
                        seen.add(output)
                        todo.append(output)
        return True

    def _leads_on(self, node: Any) -> bool:
        return any(self._reached.get(v, 0) for v in node.outputs) or any(
            v in self.named for v in node.outputs
        )

    def _read_ends(self, nodes: Sequence[Any]) -> dict[Any, int]:
        bit = {end: 1 << k for k, end in enumerate(self.ends)}
        reached: dict[Any, int] = {end: bit[end] for end in self.model.potentials}
        for node in reversed(nodes):
            mask = 0
            for output in node.outputs:
                mask |= bit[output] if output in self.named else reached.get(output, 0)
            if mask:
                for k, variable in enumerate(node.inputs):
                    if not sets_shape(node, k):
                        reached[variable] = reached.get(variable, 0) | mask
        return reached

    def _note(self, node: Any) -> None:
        """Note which free variables the outputs of a node depend on."""
        above = parents = 0
        if type(node.op).__name__ not in SHAPES:
            for k, variable in enumerate(node.inputs):
                if not sets_shape(node, k):
                    above |= self._above.get(variable, 0)
                    parents |= self._parents.get(variable, 0)
        for output in node.outputs:
            own = self._bits.get(output, 0)
            self._above[output] = above | own
            self._parents[output] = own if output in self.named else parents

    def _mask(self, expressions: Iterable[Any], known: dict[Any, int]) -> int:
        mask = 0
        for expression in expressions:
            if expression not in known:
                for node in _new_nodes(expression, known):
                    self._note(node)
            mask |= known.get(expression, 0)
        return mask

    def _named_in(self, mask: int) -> set[Any]:
        return {rv for rv, bit in self._bits.items() if mask & bit}


def _new_nodes(variable: Any, known: Mapping[Any, int]) -> list[Any]:
    """Return the nodes that compute a variable from known ones, inputs first."""
    found: dict[Any, None] = {}
    todo = [variable.owner] if variable.owner is not None else []
    while todo:
        node = todo[-1]
        needed = [
            v.owner
            for v in node.inputs
            if v not in known and v.owner is not None and v.owner not in found
        ]
        if needed:
            todo += needed
        else:
            found[todo.pop()] = None
    return list(found)
