"""Every change of a source. All are compiled into one program, in which a variable of the environment turns one on."""

from dataclasses import dataclass

import tree_sitter_rust
from tree_sitter import Language, Node, Parser

PARSER = Parser(Language(tree_sitter_rust.language()))

OPERATORS = {
    "==": ["!="],
    "!=": ["=="],
    "&&": ["||"],
    "||": ["&&"],
    "<": [">=", "<="],
    ">": ["<=", ">="],
    "<=": [">", "<"],
    ">=": ["<", ">"],
    "+": ["-"],
    "-": ["+"],
}

# What a function returns at once, by the beginning of its return type.
RETURNED = {
    "": ["()"],
    "bool": ["true", "false"],
    "Duration": ["Duration::ZERO"],
    "String": ["String::new()"],
    "Option<": ["None"],
    "Vec<": ["Vec::new()"],
    "Result<(), Problem>": ["Ok(())"],
    "Result<bool, ": ["Ok(true)", "Ok(false)"],
    "Result<Option<": ["Ok(None)"],
}

# No change is made inside of these: they are no expressions, or a change there does not compile.
LEFT_ALONE = {
    "array_type",
    "attribute_item",
    "const_item",
    "enum_item",
    "macro_definition",
    "macro_invocation",
    "match_pattern",
    "parameters",
    "static_item",
    "token_tree",
    "tuple_struct_pattern",
    "type_arguments",
    "where_clause",
}

# Their bodies are for readers of logs, or run where no test can see.
LEFT_WHOLE = {"fmt", "drop", "default"}


@dataclass(frozen=True)
class Change:
    """The `number` turns it on. The `words` stay the same when lines above are added."""

    number: int
    file: str
    line: int
    words: str


class Source:
    """A file's text with its changes, none of which moves a line."""

    def __init__(self, file: str, source: bytes, numbers, without: set[tuple[str, int]]):
        self.file, self.source, self.numbers, self.without = file, source, numbers, without
        self.changes = []
        self.text = self._changed(PARSER.parse(source).root_node, None)

    def _changed(self, node: Node, function: Node | None) -> str:
        is_function = node.type == "function_item"
        if node.type in LEFT_ALONE or is_for_tests(node) or (is_function and is_const(node)):
            return text(node)
        function = node if is_function else function
        pieces, at = [], node.start_byte
        for child in node.children:
            pieces += [self.source[at : child.start_byte].decode(), self._changed(child, function)]
            at = child.end_byte
        whole = "".join([*pieces, self.source[at : node.end_byte].decode()])
        if function is None:
            return whole
        if node.type == "binary_expression" and not has_let(node):
            left, operator, right = (text(node.child_by_field_name(it)) for it in ("left", "operator", "right"))
            for other in OPERATORS.get(operator, []):
                whole = self._either(node, function, f"({left}) {other} ({right})", whole)
        if node.type == "unary_expression" and whole.startswith("!"):
            whole = self._either(node, function, text(node)[1:], whole)
        return self._returning(node, whole) if is_function else whole

    def _either(self, node: Node, function: Node, changed: str, whole: str) -> str:
        words = f"{name_of(function)}: {short(text(node))} -> {short(changed)}"
        number = self._number(node, words)
        return f"(if crate::mutant({number}) {{ {changed} }} else {{ {whole} }})" if number else whole

    def _returning(self, node: Node, whole: str) -> str:
        body, returned = node.child_by_field_name("body"), node.child_by_field_name("return_type")
        if body is None or name_of(node) in LEFT_WHOLE:
            return whole
        word = text(returned) if returned else ""
        values = next((it for start, it in RETURNED.items() if (word.startswith(start) if start else not word)), [])
        head, first = self.source[node.start_byte : body.start_byte].decode(), ""
        for value in values:
            if number := self._number(node, f"{name_of(node)}: returns {value}"):
                first += f"if crate::mutant({number}) {{ return {value}; }} "
        return f"{head}{{ {first}{whole[len(head) + 1 :]}"

    def _number(self, node: Node, words: str) -> int:
        line = node.start_point[0] + 1
        lines = {(self.file, it) for it in range(line, node.end_point[0] + 2)}
        if self.without & (lines if node.type != "function_item" else {(self.file, line)}):
            return 0
        self.changes.append(Change(next(self.numbers), self.file, line, words))
        return self.changes[-1].number


def is_for_tests(node: Node) -> bool:
    above = node.prev_named_sibling
    while above is not None and above.type in ("attribute_item", "line_comment", "block_comment"):
        if "cfg(test)" in text(above):
            return True
        above = above.prev_named_sibling
    return False


def is_const(function: Node) -> bool:
    return any("const" in text(it) for it in function.children if it.type == "function_modifiers")


def has_let(node: Node) -> bool:
    return node.type in ("let_condition", "let_chain") or any(has_let(it) for it in node.children)


def name_of(function: Node) -> str:
    return text(function.child_by_field_name("name"))


def short(code: str) -> str:
    """On one line."""
    return " ".join(code.split())


def text(node: Node) -> str:
    return node.text.decode()
