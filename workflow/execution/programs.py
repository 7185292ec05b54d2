"""A model with what is read off it, as one thing that travels; compiled once per process."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from ...checks.hierarchy.plain import plain_model, remember_plain
from ..engine import Engine
from ..runs.fingerprint import key_of, model_key
from .shipping import pack, unpack

if TYPE_CHECKING:
    import pymc as pm

    from ...checks.hierarchy import Hierarchy, Roles
    from ..specs.spec import ModelSpec

#: Programs that a worker keeps: each holds a compiled model.
_KEPT = 4

_LOCK = threading.RLock()
_OURS: WeakValueDictionary[str, Program] = WeakValueDictionary()
_RECEIVED: OrderedDict[str, Program] = OrderedDict()
#: Of received programs, so that another session with the same model compiles nothing.
_ENGINES: OrderedDict[str, Engine] = OrderedDict()


class Program:
    """A model, sampled on a program that is compiled once in every process it is sent to.

    Sent to another process, it takes model, spec and hierarchy along, so that a job can summarise
    there what it has sampled. A process that gets it twice has it once.

    Parameters
    ----------
    model : pymc.Model
    top_level : sequence of str
        Variables whose priors are to be switched.
    spec, hierarchy, roles : optional
        What is followed: quantities, decisions and levels are read off these.

    Attributes
    ----------
    model, top_level, spec, hierarchy, roles
    key : str
        Hash of the model and of ``top_level``.
    """

    def __init__(
        self,
        model: pm.Model,
        top_level: Sequence[str],
        *,
        spec: ModelSpec | None = None,
        hierarchy: Hierarchy | None = None,
        roles: Roles | None = None,
    ) -> None:
        self.model = model
        self.top_level = list(top_level)
        self.spec, self.hierarchy, self.roles = spec, hierarchy, roles
        self._engine: Engine | None = None
        self._received = False
        self._packed: tuple[str, bytes] | None = None

    @property
    def key(self) -> str:
        """Hash of the model and of what is switched in it."""
        return key_of(model_key(self.model), self.top_level)

    @property
    def engine(self) -> Engine:
        """The program; compiled by its first sampling, not by asking.

        Raises
        ------
        NotSwitchable
            If the model cannot be rewritten.
        """
        with _LOCK:
            if self._engine is None:
                # What a session samples itself is its own; a worker shares among sessions.
                self._engine = (
                    _kept(_ENGINES, self.key, self._make) if self._received else self._make()
                )
            return self._engine

    def _make(self) -> Engine:
        return Engine(self.model, self.top_level)

    def shipped(self) -> dict[str, Any]:
        """Return what is sent to other processes."""
        return {
            "model": self.model,
            # The hierarchy is written in the variables of this one.
            "plain": plain_model(self.model),
            "top_level": self.top_level,
            "spec": self.spec,
            "hierarchy": self.hierarchy,
            "roles": self.roles,
        }

    def __reduce__(self) -> tuple[Callable[..., Program], tuple[str, bytes]]:
        with _LOCK:
            if self._packed is None:
                packed = pack(self.shipped())
                self._packed = hashlib.sha256(packed).hexdigest(), packed
                _OURS[self._packed[0]] = self
            return receive, self._packed


def receive(key: str, packed: bytes) -> Program:
    """Return a program that was sent: the one that this process already has, where it has it."""
    with _LOCK:
        own = _OURS.get(key)
        return own if own is not None else _kept(_RECEIVED, key, lambda: _unpacked(packed))


def _unpacked(packed: bytes) -> Program:
    (parts,) = unpack(packed)
    remember_plain(parts["model"], parts.pop("plain"))
    program = Program(**parts)
    program._received = True
    return program


def _kept[T](cache: OrderedDict[str, T], key: str, make: Callable[[], T]) -> T:
    """Return what a cache has, or make it; the least recently used is forgotten."""
    with _LOCK:
        if key not in cache:
            cache[key] = make()
        cache.move_to_end(key)
        while len(cache) > _KEPT:
            cache.popitem(last=False)
        return cache[key]
