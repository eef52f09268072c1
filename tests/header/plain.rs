//! The header is read by tools that do not compile it: cffi, generators for ctypes, koffi. They know declarations and nothing more.

/// The code of a header, without comments.
fn code_of(header: &str) -> String {
    let mut pieces = header.split("/*");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |code, piece| code + piece.split_once("*/").map_or("", |(_, rest)| rest))
}

/// The lines that such a tool would stumble over.
fn hard_lines(header: &str) -> Vec<String> {
    let is_hard = |line: &&str| {
        let has = |word| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|it| it == word);
        let has_body = line.starts_with("struct") || line.starts_with("typedef struct");
        ["static", "inline", "union"].into_iter().any(has) || line.contains("...") || (has_body && line.contains('{'))
    };
    code_of(header).lines().filter(is_hard).map(str::to_owned).collect()
}

#[test]
fn the_header_has_no_inline_functions_unions_varargs_or_structs_with_members() {
    let header = super::without_links(&super::generated());
    assert_eq!(hard_lines(&header), Vec::<String>::new());
}

#[test]
fn what_a_simple_parser_cannot_read_is_noticed() {
    for line in [
        "static inline int codex_x(void) { return 1; }",
        "union codex_u;",
        "int codex_log(const char *format, ...);",
        "typedef struct codex_pair { int a; int b : 3; } codex_pair;",
        "struct codex_pair {",
    ] {
        assert_eq!(hard_lines(&format!("/* static */\n{line}\ntypedef struct codex_x codex_x;\n")), [line]);
    }
}
