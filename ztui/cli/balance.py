"""`balance [SERVICE]`: how connections spread over a service's backends; without SERVICE one row per service seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ztui.cli.filters import flow_filter, say_forgotten, say_without_labels, without_labels
from ztui.cli.headless import watching
from ztui.cli.output import context_of, form_of, has_color, print_lines, print_rows
from ztui.clock import SystemClock
from ztui.errors import UsageError
from ztui.model.streams import StreamKind
from ztui.store.choices import Choices, Span
from ztui.store.heldservices import names_of
from ztui.store.history import Bounds
from ztui.store.mesh import Mesh, Topic
from ztui.tables.balance import BALANCE, SERVICES_SEEN, backend_rows, balance_document
from ztui.tables.render import choose_columns, json_text, lines, sort_rows, yaml_text

if TYPE_CHECKING:
    from ztui.analysis.draws import BalanceResult
    from ztui.cli.headless import Watch
    from ztui.cli.parser import Invocation
    from ztui.settings import Settings
    from ztui.tables.columns import Table

_TICK_S = 2.0
_POLL_S = 0.25
_PATIENCE_S = 20.0
_MOST_SHAPES = 4_000_000
"""A command that reads saved logs to their end folds none of their shapes: memory is bounded by their variety."""
_MOST_NAMED = 8
_KINDS = ("svc/", "service/", "services/")


def run(invocation: Invocation) -> int:
    """Print the balance: once, or with -w again whenever it changed."""
    settings = invocation.settings
    question = _Question(settings, invocation.arguments[0] if invocation.arguments else None)
    with watching(settings, question.mesh) as watch:
        watch.settle()
        _await_dumps(watch, settings)
        question.print(watch)
        seen = question.version
        for _ in watch.ticks(_TICK_S) if settings.is_watching and not watch.progress.is_exhausted else ():
            if question.version != seen:
                seen = question.version
                question.print(watch)
        return watch.finish()


def _await_dumps(watch: Watch, settings: Settings) -> None:
    """Wait for the dumps too: they have the weights and the open connections, and come after the first log lines."""
    progress = watch.progress
    if watch.is_finite or settings.is_without_dumps or progress.ztunnels is None:
        return
    keys = {ztunnel.key for ztunnel in progress.ztunnels.ztunnels}
    rounds = (settings.request_timeout_s + _PATIENCE_S) / _POLL_S

    def has_all() -> bool:
        return all(key in progress.dumps or progress.is_lost(StreamKind.CONFIG_DUMP, key) for key in keys)

    if has_all():
        return
    for waited, _ in enumerate(watch.ticks(_POLL_S)):
        if has_all() or waited > rounds:
            return


class _Question:
    """Which balance is asked for, with the memory that answers."""

    def __init__(self, settings: Settings, service: str | None) -> None:
        self._settings = settings
        self._asked = service
        self._namespaces = () if settings.is_all_namespaces else settings.namespaces
        # -n says where the service is; the connections to it may come from anywhere.
        self._where = flow_filter(replace(settings, namespaces=()))
        self._form = form_of(settings, "balance")
        table: Table[Any] = SERVICES_SEEN if service is None else BALANCE
        choose_columns(table, keys=settings.columns)  # what does not exist is refused before anything is read
        sort_rows(table, (), settings.sort)
        self._clock = SystemClock()
        needs_entries = self._where is not None and self._where.needs_entry
        self.mesh = Mesh(
            clock=self._clock,
            max_rows=settings.max_rows if needs_entries or not settings.files else 1,
            max_bytes=settings.max_bytes,
            bounds=Bounds(max_shapes=_MOST_SHAPES, joined_cells=_MOST_SHAPES, max_cells=_MOST_SHAPES),
        )
        self._choices = Choices(self.mesh, is_saved=bool(settings.files))

    @property
    def version(self) -> int:
        """Grows when the answer may have changed."""
        return self.mesh.version_of(Topic.EDGES, Topic.DUMPS)

    def print(self, watch: Watch) -> None:
        """Print the answer as it is now. Raises UsageError for a service nobody knows, or more than one."""
        if self._where is not None and self._where.needs_entry:
            say_forgotten(self.mesh)
        if self._settings.selector:
            say_without_labels(without_labels(self.mesh.edges.rates.shapes(), self.mesh.inventory))
        if self._asked is None:
            self._print_all(watch)
        else:
            self._print_one(self._choices.balance(self._find(self._asked), self._span(), self._where), watch)

    def _print_all(self, watch: Watch) -> None:
        found = [
            one
            for one in self._choices.balances(self._span(), self._where)
            if not self._namespaces or one.namespace in self._namespaces
        ]
        context = context_of(self._settings, self._clock.now())
        print_rows(SERVICES_SEEN, found, self._settings, context, observed=watch.observed())

    def _print_one(self, result: BalanceResult, watch: Watch) -> None:
        """Print one service: as JSON and YAML one object, else a row per backend and below what can be said of them."""
        settings = self._settings
        document = balance_document(result)
        if settings.is_with_observed:
            document["observed"] = watch.observed()
        match self._form:
            case "json" | "jsonl":
                print_lines([json_text(document)])
            case "yaml":
                print_lines([yaml_text(document)])
            case _:
                context = context_of(settings, self._clock.now())
                with_all = self._form in ("wide", "csv")
                rows = sort_rows(BALANCE, backend_rows(result, with_all=with_all), settings.sort)
                print_lines(
                    lines(
                        BALANCE,
                        rows,
                        self._form,
                        context,
                        columns=settings.columns,
                        headers=not settings.is_without_headers,
                        color=has_color(settings),
                    )
                )
                if self._form in ("table", "wide") and not settings.is_without_headers:
                    print_lines(["", *(sentence.text for sentence in result.sentences)])

    # -- which service ------------------------------------------------------------------------------------------------

    def _find(self, asked: str) -> str:
        """Find the hostname of the service that is meant."""
        wanted = next((asked.removeprefix(kind) for kind in _KINDS if asked.startswith(kind)), asked)
        known = self._known()
        places = tuple(f"{namespace}/" for namespace in self._namespaces)
        found = [
            hostname
            for hostname, names in known.items()
            if wanted in names and (not places or any(name.startswith(places) for name in names))
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"{wanted!r} is the name of {len(found)} services.", f"Name one: {_listed(known, found)}.")
        if not known:
            raise UsageError(
                f"There is no service {wanted!r}: no connection to any service was read, and no config dump.",
                "Give ztunnel's logs and config dumps with --file."
                if self._settings.files
                else "Look with `ztui edges` what was read.",
            )
        place = f" in {', '.join(self._namespaces)}" if places else ""
        raise UsageError(f"There is no service {wanted!r}{place}.", f"There is {_listed(known, list(known))}.")

    def _known(self) -> dict[str, tuple[str, ...]]:
        """Every service of the dumps and the logs, with all its names, the busiest first."""
        seen = [row.keys.get("dst.service") for row in self.mesh.edges.rows(("dst.service",))]
        held = {row.item.hostname: row.item for row in self.mesh.inventory.services}
        hostnames = dict.fromkeys([*filter(None, seen), *held])
        return {hostname: names_of(hostname, held.get(hostname)) for hostname in hostnames}

    # -- which connections --------------------------------------------------------------------------------------------

    def _span(self) -> Span:
        """Give the bounds of time asked for; a length counts back from now, in saved logs from their end."""
        settings = self._settings
        newest = self.mesh.now_logged
        end = settings.until or (newest if settings.files else self._clock.now())
        bounds = [at for at in (settings.since_time,) if at is not None]
        if settings.since_s is not None and end is not None:
            bounds.append(end - settings.since_s)
        is_length = settings.since_s is not None and len(bounds) == 1
        return Span(
            since=max(bounds, default=None), until=settings.until, length_s=settings.since_s if is_length else None
        )


def _listed(known: dict[str, tuple[str, ...]], hostnames: list[str]) -> str:
    """Name services as short as is unambiguous, the first few."""
    names = [next((name for name in known[one][1:] if "." in name and "/" not in name), one) for one in hostnames]
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (
        f" and {more} more (`ztui balance` lists those with traffic)" if more > 0 else ""
    )
