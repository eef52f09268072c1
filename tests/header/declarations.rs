//! The functions that a header declares, and what is said about them.

/// A function, with its comment in lines.
pub struct Function<'a> {
    pub name: &'a str,
    pub returns: &'a str,
    pub parameters: Vec<Parameter<'a>>,
    comment: Vec<&'a str>,
}

pub struct Parameter<'a> {
    pub name: &'a str,
    pub is_place_for_pointer: bool,
}

/// All functions of a header, in order; those that have no comment too.
pub fn functions(header: &str) -> Vec<Function<'_>> {
    let blocks = header.split(";\n\n");
    blocks
        .filter_map(|block| function(block.split_once("extern \"C\" {").map_or(block, |(_, inside)| inside)))
        .collect()
}

/// Reads a comment, if there is one, and the declaration behind it.
fn function(block: &str) -> Option<Function<'_>> {
    let (comment, declaration) = block.rsplit_once("*/\n").unwrap_or(("", block));
    let (head, parameters) = declaration.split_once('(').filter(|(head, _)| !head.contains(['#', '}']))?;
    let name = head.rsplit([' ', '*']).next().filter(|name| name.starts_with("codex_"))?;
    let returns = head[..head.len() - name.len()].trim();
    let parameters =
        parameters.trim_end_matches(')').split(',').filter(|it| *it != "void").map(Parameter::of).collect();
    let comment = comment.rsplit("/**").next().unwrap_or_default();
    let comment = comment.lines().map(|line| line.trim_start_matches([' ', '*']).trim_end()).collect();
    (!returns.starts_with("typedef")).then_some(Function { name, returns, parameters, comment })
}

impl<'a> Parameter<'a> {
    fn of(declaration: &'a str) -> Self {
        let name = declaration.rsplit([' ', '*']).next().unwrap_or_default();
        Self { name, is_place_for_pointer: declaration.ends_with(&format!("**{name}")) }
    }
}

impl Function<'_> {
    /// What stands before the first tag.
    pub fn prose(&self) -> String {
        self.comment.iter().take_while(|line| !line.starts_with('@')).copied().collect::<Vec<_>>().join("\n")
    }

    /// What is said behind a tag, like `@return` or `@param len`; "" when there is none.
    pub fn said(&self, tag: &str) -> String {
        let is_tag = |line: &&str| line.strip_prefix(tag).is_some_and(|rest| rest.starts_with(' '));
        let mut lines = self.comment.iter().skip_while(|line| !is_tag(line));
        let first = lines.next().map_or("", |line| &line[tag.len()..]);
        let more = lines.take_while(|line| !line.starts_with('@'));
        more.fold(first.trim().to_owned(), |text, line| format!("{text} {line}"))
    }
}
