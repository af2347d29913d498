"""Add a Stash as a source, or change how it is reached, mapped and synced."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentry,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_API_KEY, CONF_URL, CONF_VERIFY_SSL, UnitOfTime
from homeassistant.helpers.selector import (
    BooleanSelector,
    ObjectSelector,
    ObjectSelectorConfig,
    ObjectSelectorField,
    TextSelector,
)
import probatio
from yarl import URL

from ..const import (
    CONF_FIELDS,
    CONF_LIBRARIES,
    CONF_MARKS,
    CONF_PATH_MAPPINGS,
    CONF_POLL_SLOWEST,
    CONF_START,
    SUBENTRY_STASH,
)
from ..coordinator import PlexSyncCoordinator, loaded
from ..errors import InvalidInputError
from ..plex.paths import Pair, is_windows, normal
from ..sources.rhythm import SLOWEST
from ..sources.stash.first_look import FirstLook
from ..stash_fields import PLACEHOLDERS, data_of, form_of, schema
from .path_check import PathCheck
from .selectors import ADDRESS, SECRET, VERIFY, whole_number
from .stash_validation import async_look_at_stash
from .validation import normalise_url

CONF_ACCEPT = "accept_anyway"

_EXAMPLES = {"example_url": "http://192.168.1.10:9999"}
_ADDRESS = probatio.Schema(
    {
        probatio.Required(CONF_URL): ADDRESS,
        probatio.Optional(CONF_API_KEY): SECRET,
        probatio.Required(CONF_VERIFY_SSL, default=True): VERIFY,
    }
)
_SOON = 5.0  # seconds within which most comparisons end
_LISTENS = 1.0  # seconds that a progress page takes to subscribe to its end
_PREFIX = ObjectSelectorField(selector=TextSelector(), required=True)
_MAPPINGS = ObjectSelector(
    ObjectSelectorConfig(
        fields={"source": _PREFIX, "plex": _PREFIX},
        multiple=True,
        label_field="source",
        description_field="plex",
        translation_key="path_mappings",
    )
)
_POLL = {
    probatio.Required(CONF_POLL_SLOWEST, default=int(SLOWEST)): whole_number(
        10, 3600, UnitOfTime.SECONDS
    )
}


class StashSubentryFlow(ConfigSubentryFlow):
    """Ask where the Stash is, how its paths are mapped, and what is synced."""

    _typed_key = ""  # kept here, because a form never shows it again
    _entered: dict[str, Any]  # the data that the subentry will store
    _check: PathCheck
    _comparing: asyncio.Task[None]
    _is_typed: bool  # whether a person entered the mappings that are counted
    _is_shown: bool  # whether the progress of counting is shown
    _tried: list[Pair]  # the mappings that were counted last
    _files_found: int | None

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the address of a new Stash."""
        return await self._async_step_address("user", user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for another address or key; if no key is entered, the stored one stays."""
        return await self._async_step_address("reconfigure", user_input)

    async def _async_step_address(
        self, step_id: str, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        errors: dict[str, str] = {}
        shown = dict(user_input or self._stored)
        placeholders = dict(_EXAMPLES)
        if user_input is not None:
            typed = user_input.get(CONF_API_KEY, "").strip()
            self._typed_key = typed or self._typed_key
            try:
                url = normalise_url(user_input[CONF_URL])
                if any(each.unique_id == url for each in self._others()):
                    return self.async_abort(reason="already_configured")
                found, key = await self._async_look(
                    url, user_input[CONF_VERIFY_SSL], insists=bool(typed)
                )
            except InvalidInputError as error:
                errors = error.errors
                if error.instead:
                    shown[CONF_URL] = placeholders["other_url"] = error.instead
            else:
                if (known := self._known_as(found.marks)) is not None:
                    return self._abort_as_known(known)
                self._entered = {
                    CONF_URL: url,
                    CONF_VERIFY_SSL: user_input[CONF_VERIFY_SSL],
                    CONF_MARKS: list(found.marks),
                }
                if key:
                    self._entered[CONF_API_KEY] = key
                self._check = self._path_check(found)
                return await self._compare()
        shown.pop(CONF_API_KEY, None)  # secrets are never shown again
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(_ADDRESS, shown),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def _async_look(
        self, url: str, verify_ssl: bool, *, insists: bool
    ) -> tuple[FirstLook, str]:
        """Return what answers, and the key that works. Raises InvalidInputError.

        The key is the one typed last, even before an error, or else the stored one. A
        Stash without a password refuses every key, so it is asked without one before the
        key is blamed. ``insists`` says that a key was typed just now: then it is an error
        if none is needed.
        """
        key = self._typed_key or self._stored.get(CONF_API_KEY, "")
        try:
            found = await async_look_at_stash(
                self.hass, url, key, verify_ssl=verify_ssl
            )
        except InvalidInputError as error:
            if error.error != "invalid_auth" or not key:
                raise
        else:
            return found, key
        found = await async_look_at_stash(self.hass, url, None, verify_ssl=verify_ssl)
        self._typed_key = ""
        if insists:
            raise InvalidInputError("key_not_needed", CONF_API_KEY)
        return found, ""

    async def _compare(self, pairs: list[Pair] | None = None) -> SubentryFlowResult:
        """Start counting the files that mappings find.

        Without ``pairs``, the stored or suggested mappings are counted. A progress page
        subscribes to the end of its task only once it is shown, and stays for ever if the
        task ended before that. So wait for a count that ends soon, and show no progress.
        """
        self._is_typed, self._is_shown = pairs is not None, False
        self._comparing = self.hass.async_create_background_task(
            self._async_try(pairs), "plexsync compares paths"
        )
        done, _ = await asyncio.wait({self._comparing}, timeout=_SOON)
        return await self.async_step_paths() if done else self._show_comparing()

    def _show_comparing(self) -> SubentryFlowResult:
        """Show the progress page."""
        self._is_shown = True
        return self.async_show_progress(
            step_id="compare",
            progress_action="compare",
            progress_task=self._comparing,
        )

    async def async_step_compare(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Wait for Plex: listing a large library for the first time takes long."""
        if not self._comparing.done():
            return self._show_comparing()
        return self.async_show_progress_done(next_step_id="paths")

    async def _async_try(self, pairs: list[Pair] | None) -> None:
        if pairs is None and CONF_PATH_MAPPINGS in self._stored:
            pairs = _pairs(self._stored[CONF_PATH_MAPPINGS])
        elif pairs is None:
            pairs = list(await self._check.suggest())
        self._tried = pairs
        self._files_found = await self._check.count(pairs)
        if self._is_shown:
            await asyncio.sleep(_LISTENS)

    async def async_step_paths(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the path mappings, and show how many files they find."""
        if user_input is None:
            self._comparing.result()
            if self._needs_no_answer:
                return await self._take_paths()
            return self._show_paths(_rows(self._tried))
        rows = user_input.get(CONF_PATH_MAPPINGS, [])
        if isinstance(rows, Mapping):
            rows = [rows]  # up to Home Assistant 2026.10 the selector lets one pass
        try:
            pairs = _pairs(rows)
        except InvalidInputError as error:
            return self._show_paths(rows, error.errors)
        if not user_input.get(CONF_ACCEPT):
            if pairs != self._tried:
                return await self._compare(pairs)
            if self._finds_nothing:
                return self._show_paths(_rows(pairs))
        if pairs != self._tried:
            self._tried, self._files_found = pairs, None  # accepted without a count
        return await self._take_paths()

    async def _take_paths(self) -> SubentryFlowResult:
        self._entered[CONF_PATH_MAPPINGS] = _rows(self._tried)
        return await self.async_step_fields()

    @property
    def _needs_no_answer(self) -> bool:
        """Return whether all files are found, with typed mappings or without any."""
        if not 0 < self._check.total == self._files_found:
            return False
        is_new = self.source != SOURCE_RECONFIGURE
        return self._is_typed or (is_new and not self._tried)

    @property
    def _finds_nothing(self) -> bool:
        return self._files_found == 0 < self._check.total

    @property
    def _counts(self) -> dict[str, str]:
        found = "?" if self._files_found is None else str(self._files_found)
        return {"found": found, "total": str(self._check.total)}

    def _show_paths(
        self, rows: list[dict[str, str]], errors: dict[str, str] | None = None
    ) -> SubentryFlowResult:
        fields: dict[probatio.Marker, Any] = {
            probatio.Optional(
                CONF_PATH_MAPPINGS, description={"suggested_value": rows}
            ): _MAPPINGS
        }
        if self._finds_nothing:
            fields[probatio.Required(CONF_ACCEPT, default=False)] = BooleanSelector()
            errors = errors or {"base": "no_files_found"}
        elif self._files_found is None:
            errors = errors or {"base": "not_checked"}
        return self.async_show_form(
            step_id="paths",
            data_schema=probatio.Schema(fields),
            errors=errors,
            description_placeholders=self._counts,
        )

    async def async_step_fields(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what to sync and how, and for a new Stash, what to start with."""
        is_new = self.source != SOURCE_RECONFIGURE
        shown = None if is_new else self._shown_fields()
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                self._entered |= data_of(user_input)
            except InvalidInputError as error:
                shown, errors = user_input, error.errors
            else:
                self._entered[CONF_POLL_SLOWEST] = user_input[CONF_POLL_SLOWEST]
                return self._finish()
        return self.async_show_form(
            step_id="fields",
            data_schema=self.add_suggested_values_to_schema(
                # What to start with is asked only once: later it would change nothing.
                schema(with_start=is_new).extend(_POLL),
                shown,
            ),
            errors=errors,
            description_placeholders=PLACEHOLDERS | self._counts,
        )

    def _shown_fields(self) -> dict[str, Any]:
        """Return the form's values for what the subentry stores."""
        slowest = self._stored.get(CONF_POLL_SLOWEST, int(SLOWEST))
        return form_of(self._stored[CONF_FIELDS]) | {CONF_POLL_SLOWEST: slowest}

    def _finish(self) -> SubentryFlowResult:
        url = self._entered[CONF_URL]
        if (known := self._known_as(self._entered[CONF_MARKS])) is not None:
            return self._abort_as_known(known)  # since the form was opened
        if self.source != SOURCE_RECONFIGURE:
            return self.async_create_entry(
                title=_title(url),
                data=self._entered,
                description=self._entered[CONF_START],  # says what happens next
                unique_id=url,
            )
        subentry = self._get_reconfigure_subentry()
        was_ours = subentry.title == _title(subentry.data[CONF_URL])
        coordinator = self._coordinator
        if coordinator and (runner := coordinator.runners.get(subentry.subentry_id)):
            runner.hurry()  # only a change of the data reloads the entry
        return self.async_update_and_abort(
            self._get_entry(),
            subentry,
            data={CONF_START: subentry.data[CONF_START], **self._entered},
            unique_id=url,
            title=_title(url) if was_ours else subentry.title,
        )

    @property
    def _stored(self) -> Mapping[str, Any]:
        """The data that the subentry stores so far."""
        if self.source != SOURCE_RECONFIGURE:
            return {}
        return self._get_reconfigure_subentry().data

    def _others(self) -> list[ConfigSubentry]:
        """Return the other Stashes of this server."""
        own = (
            self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None
        )
        return [
            each
            for each in self._get_entry().get_subentries_of_type(SUBENTRY_STASH)
            if each.subentry_id != own
        ]

    def _known_as(self, marks: Collection[str]) -> ConfigSubentry | None:
        """Return the other source that is the same Stash, under whatever address."""
        for each in self._others():
            if not set(marks).isdisjoint(each.data.get(CONF_MARKS, ())):
                return each
        return None

    def _abort_as_known(self, known: ConfigSubentry) -> SubentryFlowResult:
        return self.async_abort(
            reason="same_stash", description_placeholders={"name": known.title}
        )

    @property
    def _coordinator(self) -> PlexSyncCoordinator | None:
        """The coordinator of the server, if that is set up."""
        return loaded(self._get_entry())

    def _path_check(self, found: FirstLook) -> PathCheck:
        coordinator = self._coordinator
        return PathCheck(
            coordinator.server if coordinator else None,
            self._get_entry().data[CONF_LIBRARIES],
            found.roots,
            found.files,
        )


def _title(url: str) -> str:
    return f"Stash ({URL(url).host})"


def _pairs(rows: list[dict[str, str]]) -> list[Pair]:
    """Parse the mappings that were entered. Raises InvalidInputError."""
    pairs = [(row["source"].strip(), row["plex"].strip()) for row in rows]
    pairs = [pair for pair in pairs if pair != ("", "")]
    if not all(_is_absolute(path) for pair in pairs for path in pair):
        raise InvalidInputError("invalid_mapping", CONF_PATH_MAPPINGS)
    if len({normal(source) for source, _ in pairs}) < len(pairs):
        raise InvalidInputError("duplicate_mapping", CONF_PATH_MAPPINGS)
    return pairs


def _rows(pairs: list[Pair]) -> list[dict[str, str]]:
    return [{"source": source, "plex": plex} for source, plex in pairs]


def _is_absolute(path: str) -> bool:
    path = normal(path)
    return path.startswith("/") or is_windows(path)
