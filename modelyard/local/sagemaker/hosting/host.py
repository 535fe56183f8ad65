"""Which fleets serve which endpoint, in this process."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from modelyard.local.metrics.utilization import InstanceProcess
from modelyard.local.sagemaker.context import Context, Record, SageMaker
from modelyard.local.sagemaker.hosting.capacity import Capacity
from modelyard.local.sagemaker.hosting.deployments import resume
from modelyard.local.sagemaker.hosting.fleet import Fleet
from modelyard.local.sagemaker.hosting.instance import VariantLauncher
from modelyard.local.sagemaker.hosting.plans import VariantPlan
from modelyard.local.sagemaker.hosting.route import Route, Share

__all__ = ["EndpointHost"]

Key = tuple[str, str, str]


class EndpointHost:
    """Holds the fleets of all endpoints and ends them all when the local AWS ends."""

    def __init__(self, service: SageMaker) -> None:
        self.capacity = Capacity(service.state_dir / "capacity.json")
        self.before_update: list[Callable[[Context, Record, list[VariantPlan]], None]] = []
        """What may refuse to update an endpoint to a plan, by an exception."""
        self._service = service
        self._folder = service.state_dir / "endpoints"
        self._lock = threading.Lock()
        self._routes: dict[Key, Route] = {}
        self._fleets: set[Fleet] = set()
        # What a killed server left behind.
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_fleet(self, context: Context, endpoint_name: str, plans: list[VariantPlan]) -> Fleet:
        """A fleet for the endpoint, not started and without traffic."""
        launchers = [VariantLauncher(context, endpoint_name, plan, self._folder, self.capacity) for plan in plans]
        fleet = Fleet(launchers)
        with self._lock:
            self._fleets.add(fleet)
        return fleet

    def route(self, context: Context, endpoint_name: str) -> Route | None:
        """The fleets that share the endpoint's requests; None while it has none."""
        with self._lock:
            return self._routes.get(_key(context, endpoint_name))

    def split(self, context: Context, endpoint_name: str, shares: list[Share]) -> None:
        """Split all further requests by ``shares``; without any the endpoint takes no more requests."""
        key = _key(context, endpoint_name)
        with self._lock:
            if not shares:
                self._routes.pop(key, None)
            elif key in self._routes:
                self._routes[key].shift(shares)
            else:
                self._routes[key] = Route(shares)

    def processes(self) -> list[InstanceProcess]:
        """The server processes of every fleet, with traffic or without."""
        with self._lock:
            fleets = list(self._fleets)
        return [process for fleet in fleets for process in fleet.processes()]

    def retire(self, fleet: Fleet) -> None:
        """End ``fleet`` after the requests that it is answering."""
        fleet.retire()
        self.forget(fleet)

    def forget(self, fleet: Fleet) -> None:
        """Drop a fleet that has ended."""
        with self._lock:
            self._fleets.discard(fleet)

    def restored(self) -> None:
        """Start the processes of the endpoints that the restored state has, and go on with what was under way."""
        for context in self._service.contexts():
            resume(context)

    def close(self) -> None:
        """End every process at once."""
        with self._lock:
            fleets, self._fleets = self._fleets, set()
            self._routes.clear()
        if fleets:
            with ThreadPoolExecutor(max_workers=len(fleets)) as pool:
                for fleet in fleets:
                    pool.submit(fleet.stop)
        shutil.rmtree(self._folder, ignore_errors=True)


def _key(context: Context, endpoint_name: str) -> Key:
    return context.account, context.region, endpoint_name
