"""The modules of a Rust crate, and which of them names items of which other.

Read from the sources alone, so that nothing is compiled. A method that is called on a value names no module: only paths
and `use` count.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tree_sitter_rust
from tree_sitter import Language, Node, Parser

PARSER = Parser(Language(tree_sitter_rust.language()))
# Items that have a name of their own, and where it is.
ITEMS = {
    "const_item",
    "enum_item",
    "function_item",
    "macro_definition",
    "static_item",
    "struct_item",
    "trait_item",
    "type_item",
    "union_item",
}
PATHS = ("scoped_identifier", "scoped_type_identifier")

Path_ = tuple[str, ...]


@dataclass
class Module:
    """One module: `name` is its path in the crate, () the root's."""

    name: Path_
    children: set[str] = field(default_factory=set)
    items: set[str] = field(default_factory=set)
    # What `use` brings in, by the name it has here: the path as written.
    imports: dict[str, Path_] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)
    globs: list[Path_] = field(default_factory=list)
    # Paths that the code of the module names, and plain names, to see which imports it uses itself.
    paths: set[Path_] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


class Crate:
    """All modules that are compiled into a build without tests."""

    def __init__(self, root: Path):
        self.modules: dict[Path_, Module] = {}
        self._read(root, (), root.parent)

    def edges(self) -> dict[Path_, dict[Path_, str]]:
        """Which module names items of which other, each with one path that does so."""
        found = {}
        for module in self.modules.values():
            needed = found.setdefault(module.name, {})
            for path in sorted(self._needed(module)):
                target = self._defining(module, path)
                if target is not None and target != module.name:
                    needed.setdefault(target, "::".join(path))
        return found

    def _needed(self, module: Module) -> set[Path_]:
        """Paths that the module's own code depends on. One that it only passes on to others is none of them."""
        own = {path for name, path in module.imports.items() if name not in module.exported or name in module.names}
        expanded = {(*module.imports[path[0]], *path[1:]) if path[0] in module.imports else path for path in module.paths}
        return own | expanded | set(module.globs)

    def _defining(self, module: Module, path: Path_) -> Path_ | None:
        """The module in which the item of this path is defined; nothing for one of another crate."""
        head, *rest = path
        if head == "crate":
            at = ()
        elif head == "self":
            at = module.name
        elif head == "super":
            at = module.name[:-1]
        elif head in module.children:
            at = (*module.name, head)
        else:
            return None
        return self._follow(at, rest, set())

    def _follow(self, at: Path_, rest: list[str], seen: set) -> Path_:
        here = self.modules[at]
        if not rest or (at, *rest) in seen:
            return at
        seen.add((at, *rest))
        head, *more = rest
        if head == "super":
            return self._follow(at[:-1], more, seen)
        if head in here.children:
            return self._follow((*at, head), more, seen)
        if head in here.items:
            return at
        if head in here.imports:
            passed_on = here.imports[head]
            return self._passed_on(here, (*passed_on, *more), seen) or at
        for glob in here.globs:
            source = self._passed_on(here, glob, seen)
            if source is not None and head in self.modules[source].items | set(self.modules[source].imports):
                return self._follow(source, rest, seen)
        return at

    def _passed_on(self, module: Module, path: Path_, seen: set) -> Path_ | None:
        starts = {"crate": (), "self": module.name, "super": module.name[:-1]}
        if path[0] in starts:
            return self._follow(starts[path[0]], list(path[1:]), seen)
        if path[0] in module.children:
            return self._follow(module.name, list(path), seen)
        return None

    def _read(self, file: Path, name: Path_, folder: Path):
        self._module(PARSER.parse(file.read_bytes()).root_node, name, folder)

    def _module(self, body: Node, name: Path_, folder: Path):
        module = self.modules[name] = Module(name)
        for item in shipped(body):
            if item.type == "mod_item":
                self._submodule(item, module, folder)
            elif item.type == "use_declaration":
                read_use(item, module)
            else:
                if item.type in ITEMS:
                    module.items.add(text(item.child_by_field_name("name")))
                read_paths(item, module)

    def _submodule(self, item: Node, parent: Module, folder: Path):
        child = text(item.child_by_field_name("name"))
        parent.children.add(child)
        name, below = (*parent.name, child), folder / child
        if body := item.child_by_field_name("body"):
            self._module(body, name, below)
            return
        given = attribute(item, "path")
        file = folder / given.strip('"') if given else folder / f"{child}.rs"
        self._read(file if file.is_file() else below / "mod.rs", name, below)


def shipped(body: Node) -> Iterator[Node]:
    """The items that are not for tests alone."""
    for item in body.named_children:
        if item.type not in ("attribute_item", "inner_attribute_item") and attribute(item, "cfg") != "test":
            yield item


def attribute(item: Node, name: str) -> str | None:
    """The argument of an attribute right above the item."""
    above = item.prev_named_sibling
    while above is not None and above.type in ("attribute_item", "line_comment", "block_comment"):
        if above.type == "attribute_item":
            words = text(above).removeprefix("#[").removesuffix("]")
            if words.startswith(f"{name}("):
                return words.removeprefix(f"{name}(").removesuffix(")")
            if words.startswith(f"{name} = "):
                return words.removeprefix(f"{name} = ")
        above = above.prev_named_sibling
    return None


def read_use(item: Node, module: Module):
    is_exported = any(it.type == "visibility_modifier" for it in item.children)
    for path, name in imported(item.child_by_field_name("argument"), ()):
        if name == "*":
            module.globs.append(path)
        else:
            module.imports[name] = path
            if is_exported:
                module.exported.add(name)


def imported(tree: Node, prefix: Path_) -> Iterator[tuple[Path_, str]]:
    """Every path of a `use`, with the name that it gets."""
    if tree.type == "use_list":
        for branch in tree.named_children:
            yield from imported(branch, prefix)
    elif tree.type == "scoped_use_list":
        path = tree.child_by_field_name("path")
        yield from imported(tree.child_by_field_name("list"), (*prefix, *segments(path)))
    elif tree.type == "use_as_clause":
        path = (*prefix, *segments(tree.child_by_field_name("path")))
        yield path, text(tree.child_by_field_name("alias"))
    elif tree.type == "use_wildcard":
        yield (*prefix, *(segments(tree.named_children[0]) if tree.named_children else ())), "*"
    elif tree.type == "self" and prefix:
        yield prefix, prefix[-1]
    elif tree.type not in ("line_comment", "block_comment"):
        path = (*prefix, *segments(tree))
        yield path, path[-1]


def read_paths(node: Node, module: Module):
    """Every path and every name below a node, those inside of macros' arguments too."""
    if node.type in PATHS:
        module.paths.add(segments(node))
    if node.type == "token_tree":
        module.paths |= set(paths_of_tokens(node))
    if node.type in ("identifier", "type_identifier"):
        module.names.add(text(node))
    for child in node.named_children:
        if child.type == "use_declaration":
            read_use(child, module)
        else:
            read_paths(child, module)


def paths_of_tokens(tree: Node) -> Iterator[Path_]:
    """In a macro's arguments a path is a row of tokens."""
    path = []
    for token in tree.children:
        word = text(token)
        if word == "::" and path:
            path.append("")
        elif path and path[-1] == "" and token.type in ("identifier", "super", "self"):
            path[-1] = word
        else:
            if len(path) > 1 and path[-1]:
                yield tuple(path)
            path = [word] if token.type in ("identifier", "crate", "super", "self") else []
    if len(path) > 1 and path[-1]:
        yield tuple(path)


def segments(path: Node) -> Path_:
    if path.type in PATHS:
        before, name = path.child_by_field_name("path"), path.child_by_field_name("name")
        return (*(segments(before) if before else ("",)), text(name))
    if path.type == "generic_type":
        return segments(path.child_by_field_name("type"))
    return (text(path),)


def text(node: Node) -> str:
    return node.text.decode()
