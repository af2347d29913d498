"""One tree, two spellings: XML and JSON."""

from dataclasses import dataclass, field
import json
import re

Attr = str | int | float | bool

_SPECIAL = re.compile('[&<>"\x00-\x1f]')
_ESCAPES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\n": "&#10;",
    "\t": "&#9;",
    "\r": "&#13;",
}


@dataclass(slots=True)
class Node:
    """An element; `json_key` is the name of its list in JSON where that differs."""

    tag: str
    attrs: dict[str, Attr]
    children: list[Node] = field(default_factory=list)
    json_key: str = ""


def escape(text: str) -> str:
    """Make a text fit for an attribute; characters that XML cannot carry are left out."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda match: _ESCAPES.get(match[0], ""), text)


def to_xml(node: Node) -> str:
    """Spell a node as XML."""
    parts: list[str] = []
    _write(node, parts)
    return "".join(parts)


def xml_attrs(attrs: dict[str, Attr]) -> str:
    """Spell attributes, each with a space before it."""
    return "".join([f' {name}="{_text(value)}"' for name, value in attrs.items()])


def to_json(node: Node) -> dict[str, object]:
    """Spell a node as the object that Plex would put into its JSON."""
    found: dict[str, object] = dict(node.attrs)
    for child in node.children:
        group = found.setdefault(child.json_key or child.tag, [])
        if isinstance(group, list):
            group.append(to_json(child))
    return found


def container(
    *,
    json_wanted: bool,
    attrs: dict[str, Attr],
    rows: list[bytes],
    json_key: str,
    extra: Node | None = None,
) -> bytes:
    """Wrap rendered rows into a MediaContainer; `extra` is one more element after them."""
    if not json_wanted:
        head = f'<?xml version="1.0" encoding="UTF-8"?>\n<MediaContainer{xml_attrs(attrs)}>\n'
        tail = (to_xml(extra) if extra else "") + "</MediaContainer>\n"
        return b"".join(
            [head.encode(errors="replace"), *rows, tail.encode(errors="replace")]
        )
    pieces = [json.dumps(attrs, ensure_ascii=False)[1:-1].encode(errors="replace")]
    if rows:
        pieces.append(b'"%b":[%b]' % (json_key.encode(), b",".join(rows)))
    if extra:
        spelled = json.dumps(to_json(extra), ensure_ascii=False)
        pieces.append(f'"{extra.tag}":{spelled}'.encode(errors="replace"))
    return b'{"MediaContainer":{%b}}' % b",".join(piece for piece in pieces if piece)


def render(node: Node, *, json_wanted: bool) -> bytes:
    """Spell a row for use in `container`."""
    if json_wanted:
        return json.dumps(to_json(node), ensure_ascii=False).encode(errors="replace")
    return to_xml(node).encode(errors="replace")


def _write(node: Node, parts: list[str]) -> None:
    attrs = xml_attrs(node.attrs)
    if not node.children:
        parts.append(f"<{node.tag}{attrs}/>\n")
        return
    parts.append(f"<{node.tag}{attrs}>\n")
    for child in node.children:
        _write(child, parts)
    parts.append(f"</{node.tag}>\n")


def _text(value: Attr) -> str:
    if value is True:
        return "1"
    if value is False:
        return "0"
    return escape(value) if isinstance(value, str) else str(value)
