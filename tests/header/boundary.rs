//! What stands behind the functions of the header: each runs its body where a panic is caught.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Functions that read a constant, or a table, and nothing else.
const CONSTANT: [&str; 4] = ["codex_abi_version", "codex_status_name", "codex_version", "codex_version_number"];

/// A function of the source, with its body.
struct Function {
    name: String,
    is_exported: bool,
    body: String,
}

/// All functions of a file, whose bodies end with a brace at the margin.
fn functions(source: &str) -> impl Iterator<Item = Function> + '_ {
    let starts = source.match_indices("fn ").filter(|(at, _)| {
        let line = source[..*at].rsplit('\n').next().unwrap_or_default();
        line.is_empty() || line.starts_with("pub") || line.starts_with("unsafe") || line.starts_with("extern")
    });
    starts.map(|(at, _)| {
        let line = source[..at].rsplit('\n').next().unwrap_or_default();
        let rest = &source[at + 3..];
        let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        let body = rest.split_once("\n}").map_or(rest, |(body, _)| body);
        Function { name: name.to_owned(), is_exported: line.contains("extern \"C\""), body: body.to_owned() }
    })
}

/// All but those of the boundary itself, which are always called by the name of their module.
fn all_functions() -> Vec<Function> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ffi");
    let files = fs::read_dir(folder).expect("the source").map(|entry| entry.expect("a file").path());
    let around = files.filter(|file| !file.ends_with("panic.rs"));
    around.flat_map(|file| functions(&fs::read_to_string(file).expect("the source")).collect::<Vec<_>>()).collect()
}

/// Whether a body calls a function by this name, which may be that of a module before it.
fn calls(body: &str, name: &str) -> bool {
    let text = format!("{name}(");
    body.match_indices(&text)
        .any(|(at, _)| !body[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.'))
}

fn is_guarded(function: &Function, guards: &BTreeSet<&str>) -> bool {
    function.body.contains("panic::") || guards.iter().any(|guard| calls(&function.body, guard))
}

/// The helpers that run their body there, or that of another helper which does.
fn guards(functions: &[Function]) -> BTreeSet<&str> {
    let helpers: Vec<&Function> = functions.iter().filter(|it| !it.is_exported).collect();
    let mut guards = BTreeSet::new();
    loop {
        let found: BTreeSet<&str> =
            helpers.iter().filter(|it| is_guarded(it, &guards)).map(|it| it.name.as_str()).collect();
        if found == guards {
            return guards;
        }
        guards = found;
    }
}

#[test]
fn no_panic_leaves_a_function_of_the_header() {
    let functions = all_functions();
    let guards = guards(&functions);
    let exported: Vec<&Function> = functions.iter().filter(|it| it.is_exported).collect();
    assert!(exported.len() > 100, "only {} functions were found in src/ffi", exported.len());
    let bare: Vec<&str> =
        exported.iter().filter(|it| !is_guarded(it, &guards)).map(|function| function.name.as_str()).collect();
    let unexpected: Vec<&&str> = bare.iter().filter(|name| !CONSTANT.contains(name)).collect();
    assert!(unexpected.is_empty(), "a panic in these would end the host, see src/ffi/panic.rs: {unexpected:?}");
}

#[test]
fn a_function_without_the_boundary_is_noticed() {
    let source = "pub extern \"C\" fn bare(a: u8) -> u8 {\n    work(a)\n}\n\npub extern \"C\" fn kept(a: u8) -> u8 {\n    \
                  panic::value(0, || work(a))\n}\n\nfn work(a: u8) -> u8 {\n    a\n}\n";
    let guarded = functions(source).map(|it| (it.is_exported, is_guarded(&it, &BTreeSet::new())));
    assert_eq!(guarded.collect::<Vec<_>>(), [(true, false), (true, true), (false, false)]);
}
