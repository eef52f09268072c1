//! `include/codex.h` is what the pinned cbindgen makes of the source.

mod boundary;
mod cpp;
mod declarations;
mod documentation;
mod plain;
mod statuses;

use std::path::Path;

fn generated() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml can be read");
    let bindings =
        cbindgen::Builder::new().with_crate(root).with_config(config).generate().expect("the source can be read");
    let mut header = Vec::new();
    bindings.write(&mut header);
    String::from_utf8(header).expect("a header is UTF-8")
}

/// Links of the Rust documentation read as plain names in C.
fn without_links(header: &str) -> String {
    header.replace("[`", "").replace("`]", "")
}

#[test]
fn the_header_equals_what_the_source_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/codex.h");
    let header = without_links(&generated());
    if std::env::var_os("CODEX_UPDATE_HEADER").is_some() {
        std::fs::write(&path, &header).expect("include/codex.h can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == header, "include/codex.h is not up to date: run `make header` and look at the difference");
}
