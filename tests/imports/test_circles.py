"""A circle of imports is found however it is written; what only looks like one is not."""

import pytest
from circles import ROOT, circular, main
from modules import Crate


def crate(folder, files: dict[str, str]):
    for name, text in files.items():
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def found(folder, *options: str) -> bool:
    return main([str(folder), *options]) == 1


LIB = "mod a;\nmod b;\n"
# How `a` may name something of `b`, while `b` names `a`.
CIRCLES = {
    "use": "use crate::b::B;",
    "use by super": "use super::b::B;",
    "use of several": "use crate::{b::{self, B}, std};",
    "use of all": "use crate::b::*;",
    "use with another name": "use crate::b as other;\nfn f() { other::f() }",
    "use inside of a function": "fn f() { use crate::b::B; }",
    "path of a type": "struct A(crate::b::B);",
    "path in a bound": "fn f<T: crate::b::Trait>(_: T) {}",
    "path in an expression": "fn f() { crate::b::f() }",
    "path with generics": "fn f() -> crate::b::B<u8> { todo!() }",
    "path in a pattern": "fn f(b: u8) { match b { crate::b::C => {} _ => {} } }",
    "path in a macro": 'fn f() { println!("{}", crate::b::f()) }',
    "path in an inline module": "mod inner { use super::super::b::B; }",
    "re-export": "pub use crate::b::B;\nfn f(_: B) {}",
}
NONE = {
    "another crate": "use b::B;\nuse std::b::B;",
    "itself": "use self::inner::B;\nmod inner { pub struct B; }",
    "tests": "#[cfg(test)]\nmod tests { use crate::b::B; }",
    "a name alone": "fn f() { let b = 1; b + 1; }",
    "words": '// crate::b::B\nconst B: &str = "crate::b::B";',
    "passing on": "pub use crate::b::B;",
}


@pytest.mark.parametrize("text", CIRCLES.values(), ids=CIRCLES)
def test_a_circle_is_found(text, tmp_path):
    a = f"{text}\npub enum Unlike {{}}"
    assert found(crate(tmp_path, {"lib.rs": LIB, "a.rs": a, "b.rs": "use crate::a::Unlike;"}))
    # One way alone is none.
    assert not found(crate(tmp_path, {"b.rs": "pub struct B;"}))


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_what_is_no_import_closes_no_circle(text, tmp_path):
    assert not found(crate(tmp_path, {"lib.rs": LIB, "a.rs": text, "b.rs": "use crate::a::A;"}))


def test_a_circle_may_be_long(tmp_path, capsys):
    names = "abcd"
    text = "pub struct {0};\nuse crate::{1}::{2};"
    files = {f"{it}.rs": text.format(it.upper(), other, other.upper()) for it, other in zip(names, "bcda", strict=True)}
    assert found(crate(tmp_path, {"lib.rs": "".join(f"mod {it};" for it in names)} | files))
    assert "a circle of 4" in capsys.readouterr().out


def test_a_circle_may_go_through_what_is_below(tmp_path):
    files = {
        "lib.rs": LIB,
        "a.rs": "mod x;\nmod y;",
        "a/x.rs": "use crate::b::y::Y;",
        "a/y.rs": "pub struct Y;",
        "b.rs": "mod x;\nmod y;",
        "b/x.rs": "use crate::a::y::Y;",
        "b/y.rs": "pub struct Y;",
    }
    assert found(crate(tmp_path, files))


def test_a_path_leads_to_where_the_item_is_defined(tmp_path):
    # `b` names what `a` only passes on from `c`, so that `b` does not depend on `a`.
    files = {"lib.rs": "mod a;\nmod b;\nmod c;", "a.rs": "pub use crate::c::C;\nuse crate::b::B;"}
    files |= {"b.rs": "use crate::a::C;\npub struct B;", "c.rs": "pub struct C;"}
    assert not found(crate(tmp_path, files))
    assert found(crate(tmp_path, {"b.rs": "use crate::a::A;\npub struct B;"}))


def test_a_module_and_its_parent_are_one_family_unless_told_otherwise(tmp_path):
    files = {"lib.rs": "mod a;", "a.rs": "mod x;\nuse x::X;\npub struct A;", "a/x.rs": "use super::A;\npub struct X;"}
    folder = crate(tmp_path, files)
    assert not found(folder)
    assert found(folder, "--parents")


def test_files_are_found_where_the_compiler_finds_them(tmp_path):
    files = {
        "main.rs": '#[path = "elsewhere/one.rs"]\nmod a;\nmod b;\nmod c;',
        "elsewhere/one.rs": "use crate::b::B;",
        "b/mod.rs": "use crate::c::x::X;",
        "c.rs": "pub mod x;",
        "c/x.rs": "use crate::a::A;",
    }
    folder = crate(tmp_path, files)
    assert set(Crate(folder / "src" / "main.rs").modules) == {(), ("a",), ("b",), ("c",), ("c", "x")}
    assert found(folder)


def test_every_group_tells_its_shortest_circle():
    edges = {
        ("a",): {("b",): "a b", ("c",): "a c"},
        ("b",): {("c",): "b c"},
        ("c",): {("a",): "c a"},
        ("d",): {("a",): "d a", ("e",): "d e"},
        ("e",): {("d",): "e d"},
    }
    assert circular(edges) == [["a c", "c a"], ["d e", "e d"]]


def test_every_file_of_the_library_is_read():
    crate_ = Crate(ROOT / "shared" / "src" / "lib.rs")
    files = {it for it in (ROOT / "shared" / "src").rglob("*.rs") if it.stem != "tests" and "tests" not in it.parts}
    names = {it.relative_to(ROOT / "shared" / "src").with_suffix("").parts for it in files} - {("lib",)}
    assert names <= set(crate_.modules)
