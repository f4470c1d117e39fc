"""The configuration of a gateway: one YAML file, checked as a whole before anything starts.

Every fault is one line that names the file, the line and the key, and never a value that may be secret::

    fieldgate.yaml:12: connections[1].settings.api_kye: unknown key (did you mean api_key?)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast, get_args

from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from adapters import registry
from adapters.contracts.adapter import ConnectionSettings, Manifest
from adapters.contracts.vocabulary import ANCHORS, System
from gateway.auth.settings import AuthSettings
from gateway.commands.settings import CommandSettings
from gateway.documents.settings import DocumentSettings
from gateway.events.settings import EventSettings
from gateway.limits.settings import LimitSettings
from gateway.observability.settings import ObservabilitySettings
from gateway.policy.settings import PolicySettings
from gateway.refusal import Refused
from gateway.section import Section
from gateway.settings_yaml import Document, KeyPath, Misplaced
from gateway.store.settings import StateSettings

ENTITIES = tuple(record_type.value for record_type in ANCHORS)
M = TypeVar("M", bound=BaseModel)
_OWNED = re.compile(rf"({'|'.join(ENTITIES)})\.[a-z][A-Za-z0-9]*")


def _owned_field(key: str) -> str:
    if not _OWNED.fullmatch(key):
        raise ValueError(f"not Type.field, as in Customer.phone (types: {', '.join(ENTITIES)})")
    return key


def _origin(value: str) -> str:
    if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?", value):
        raise ValueError("not an origin, as in https://crm.example.com: in small letters, without a path")
    return value


class ServerSettings(Section):
    """Where the gateway listens."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    drain_s: float = Field(
        default=3,
        ge=0,
        le=300,
        description="Seconds between SIGTERM and the end of listening, in which the gateway is not ready and "
        "answers all the same: as long as whoever balances load needs to notice.",
    )
    compress_over_bytes: int = Field(
        default=1_400,
        ge=0,
        le=1_000_000_000,
        description="Answers of `/graphql` longer than this are compressed with gzip for who accepts it.",
    )
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        default=(),
        description="Origins, as `https://crm.example.com`, whose pages may use the API. Those served by the "
        "gateway itself always may.",
    )


class _ConnectionHead(Section):
    name: str = Field(pattern=r"^[a-z0-9-]{1,32}$", description="Unique name, as in `erp-emea`.")
    system: System = Field(description="The role this connection plays.")
    adapter: str = Field(description="The adapter to use.")


class ConnectionForm(_ConnectionHead):
    """A connection as it is written: its settings are checked by the adapter it names."""

    settings: dict[str, Any] = Field(default_factory=dict, description="Settings of the adapter.")


class ConnectionConfig(_ConnectionHead):
    """One configured account of one vendor. ``settings`` is an instance of the vendor's own class."""

    settings: ConnectionSettings


class _Common(Section):
    server: ServerSettings = ServerSettings()
    state: StateSettings = StateSettings()
    commands: CommandSettings = CommandSettings()
    events: EventSettings = EventSettings()
    documents: DocumentSettings = DocumentSettings()
    limits: LimitSettings = LimitSettings()
    observability: ObservabilitySettings = ObservabilitySettings()
    auth: AuthSettings = AuthSettings()
    policy: PolicySettings = PolicySettings()
    ownership: dict[Annotated[str, AfterValidator(_owned_field)], System] = Field(
        default_factory=dict,
        description="Fields that belong to another system than usual, as in `Customer.phone: ERP`.",
    )


class ConfigForm(_Common):
    """Configuration of a Fieldgate gateway."""

    connections: tuple[ConnectionForm, ...] = Field(description="The systems' accounts.")


def _nowhere(_path: KeyPath) -> str:
    return ""


class Config(_Common):
    """A configuration that holds together: known adapters, roles they can play, unique names.

    ``place`` gives ``file:line: `` of a key, and nothing where the configuration is of no file.
    """

    connections: tuple[ConnectionConfig, ...]
    place: Callable[[KeyPath], str] = Field(default=_nowhere, exclude=True)

    def fault(self, path: KeyPath, message: str) -> str:
        """The line about a key that turned out wrong only when it was used."""
        return f"{self.place(path)}{_dotted(path)}: {message}"


class ConfigError(Refused):
    """The configuration cannot be used. ``messages``: one line for each fault, in the order of the file."""

    def __init__(self, messages: Iterable[str]) -> None:
        self.messages = tuple(messages)
        super().__init__("\n".join(self.messages))


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """The configuration in a file, references filled in from ``environ``. Raises ``ConfigError``."""
    try:
        document = Document(path.read_text(encoding="utf-8"), environ)
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or 'cannot be read'}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 text"]) from error
    except Misplaced as fault:
        raise ConfigError([f"{path}:{fault.line}:{fault.column}: {fault.message}"]) from fault
    return _Check(path, document).config()


class _Check:
    """Turns one document into a configuration, gathering all that is wrong with it."""

    def __init__(self, path: Path, document: Document) -> None:
        self._path = path
        self._document = document
        self._faults: dict[tuple[int, str], None] = {}
        self._secrets = set(document.secrets)

    def config(self) -> Config:
        data: object = {} if self._document.data is None else self._document.data
        if not isinstance(data, dict):
            raise ConfigError([f"{self._path}:1: should be a mapping of sections: server, connections, …"])
        sections = cast(dict[str, Any], data)
        for path, message in self._document.issues.items():
            self._add(path, message)
        form = self._validate(ConfigForm, sections, ())
        written: object = sections.get("connections")
        connections = cast(list[Any], written) if isinstance(written, list) else []
        settings = [self._settings(entry, ("connections", i)) for i, entry in enumerate(connections)]
        self._check_names(connections)
        if self._faults or form is None:
            raise ConfigError(f"{self._path}:{line}: {text}" for line, text in sorted(self._faults))
        common = {name: getattr(form, name) for name in _Common.model_fields}
        common["state"] = form.state.model_copy(update={"folder": self._path.parent / form.state.folder})
        if form.documents.path is not None:
            path = self._path.parent / form.documents.path
            common["documents"] = form.documents.model_copy(update={"path": path})
        return Config(
            **common,
            connections=tuple(
                ConnectionConfig(name=entry.name, system=entry.system, adapter=entry.adapter, settings=own)
                for entry, own in zip(form.connections, settings, strict=True)
                if own is not None
            ),
            place=lambda path: f"{self._path}:{self._document.line(path)}: ",
        )

    def _settings(self, entry: object, path: KeyPath) -> ConnectionSettings | None:
        """The vendor's settings of a connection, as far as it says enough to find the vendor."""
        connection = cast(dict[str, Any], entry) if isinstance(entry, dict) else {}
        adapter: object = connection.get("adapter")
        if not isinstance(adapter, str) or (*path, "adapter") in self._document.issues:
            return None
        manifest = self._manifest(adapter, (*path, "adapter"))
        if manifest is None:
            return None
        system: object = connection.get("system")
        roles = sorted(role.value for role in manifest.systems)
        if isinstance(system, str) and system in System.__members__ and system not in roles:
            self._add(
                (*path, "system"), f"{manifest.title} cannot be {system}; it can be {' or '.join(roles)}"
            )
        written: object = connection.get("settings", {})
        if not isinstance(written, dict):
            return None
        raw = cast(dict[str, Any], written)
        self._secrets.update(_secret_values(manifest.settings, raw))
        return self._validate(manifest.settings, raw, (*path, "settings"))

    def _manifest(self, adapter: str, path: KeyPath) -> Manifest | None:
        if adapter not in registry.ADAPTERS:
            hint = _did_you_mean(adapter, registry.ADAPTERS) or f" (there are {', '.join(registry.ADAPTERS)})"
            self._add(path, f"unknown adapter {adapter!r}{hint}")
            return None
        try:
            return registry.manifest(adapter)
        except ModuleNotFoundError as error:
            self._add(
                path, f"the adapter {adapter!r} needs the Python module {error.name}, not installed here"
            )
            return None

    def _check_names(self, connections: list[Any]) -> None:
        first: dict[str, int] = {}
        for index, entry in enumerate(connections):
            name: object = cast(dict[str, Any], entry).get("name") if isinstance(entry, dict) else None
            if isinstance(name, str) and name and first.setdefault(name, index) != index:
                line = self._document.line(("connections", first[name], "name"))
                self._add(("connections", index, "name"), f"{name!r} is the name of another, in line {line}")

    def _validate(self, model: type[M], raw: dict[str, Any], at: KeyPath) -> M | None:
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                path = _written_path(raw, detail["loc"])
                if not any((*at, *path)[: len(known)] == known for known in self._document.issues):
                    self._add((*at, *path), _message(model, path, detail))
            return None

    def _add(self, path: KeyPath, message: str) -> None:
        # A vendor's own check may quote a value. Very short values are no secrets, but parts of many words.
        for secret in sorted((s for s in self._secrets if len(s) >= 4), key=len, reverse=True):
            message = message.replace(secret, "***")
        text = f"{_dotted(path)}: {' '.join(message.split())}".removeprefix(": ")
        self._faults[(self._document.line(path), text)] = None


def _message(model: type[BaseModel], path: KeyPath, detail: ErrorDetails) -> str:
    match detail["type"]:
        case "missing":
            return "required, and missing"
        case "extra_forbidden":
            return f"unknown key{_did_you_mean(str(path[-1]), _known_keys(model, path[:-1]))}"
        case "string_type" if isinstance(detail["input"], int | float):
            return "should be text: put it in quotes"
        case "dict_type" | "model_type":
            return "should be a mapping of keys to values"
        case "tuple_type" | "list_type":
            return "should be a list"
        case "string_pattern_mismatch" if path[-1:] == ("name",):
            return "should be 1 to 32 of a-z, 0-9 and -"
        case _:
            return re.sub(r"^(Input|Value error,|Assertion failed,) ", "", detail["msg"])


def _written_path(raw: object, loc: tuple[str | int, ...]) -> KeyPath:
    """The path of an error as the file has it: pydantic adds steps of its own, such as members of a union."""
    path: list[str | int] = []
    here = raw
    for place, step in enumerate(loc):
        if isinstance(here, dict) and step in here:
            here = cast(dict[Any, Any], here)[step]
        elif isinstance(here, list) and isinstance(step, int):
            here = cast(list[Any], here)[step]
        elif not (isinstance(here, dict) and place == len(loc) - 1 and step != "[key]"):
            continue
        path.append(step)
    return tuple(path)


def _known_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that the model, or the model within it at ``path``, knows."""
    for step in path:
        if isinstance(step, str) and step in model.model_fields:
            model = next(iter(_models(model.model_fields[step].annotation)), model)
    return list(model.model_fields)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _secret_values(model: type[BaseModel], raw: dict[str, Any]) -> set[str]:
    """The values written for the secret settings of a vendor, so that no message of its checks shows them."""
    written: list[object] = []
    for name, entry in model.model_fields.items():
        if SecretStr in (entry.annotation, *get_args(entry.annotation)):
            value: object = raw.get(name)
            written += cast(list[object], value) if isinstance(value, list) else [value]
    return {value for value in written if isinstance(value, str)}


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _dotted(path: KeyPath) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
