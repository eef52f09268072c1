//! The host's own functions as tools of the agent: what they are called, what they take, and who runs them.

use std::fmt;
use std::sync::Arc;

use super::client_options::RequestHandler;
use super::error::{Error, Result};
use super::host_json::checked_json;
use super::json::{Object, kind_name, member, string};
use super::schema;

/// The runtime takes names up to this length.
const LONGEST_NAME: usize = 128;

/// The runtime's own tools: one of the host's with such a name would be offered to the model and never be called.
const TAKEN: &[&str] = &[
    "apply_patch",
    "create_goal",
    "exec_command",
    "get_goal",
    "request_permissions",
    "request_user_input",
    "shell_command",
    "tool_search",
    "update_goal",
    "update_plan",
    "view_image",
    "write_stdin",
];

/// The runtime gives these names to the tools of MCP servers.
const MCP_PREFIX: &str = "mcp__";

/// A function of the host that the agent can call.
pub struct Tool {
    name: String,
    declaration: String,
    function: Option<Arc<RequestHandler>>,
}

impl Tool {
    /// A tool; `schema` describes its arguments. Without a function, its calls are requests like any other.
    pub fn new(
        name: &str,
        description: &str,
        schema: Option<&str>,
        function: Option<Arc<RequestHandler>>,
    ) -> Result<Self> {
        check_name(name)?;
        let mut declaration = Object::new();
        declaration.set_string("type", "function");
        declaration.set_string("name", name);
        declaration.set_string("description", description);
        declaration.set_raw("inputSchema", checked_schema(name, schema)?);
        Ok(Self { name: name.to_owned(), declaration: declaration.to_json(), function })
    }

    /// Who runs it, if that is a function.
    pub fn function(&self) -> Option<&Arc<RequestHandler>> {
        self.function.as_ref()
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}

fn check_name(name: &str) -> Result<()> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_allowed) {
        return Err(Error::invalid_argument(format!(
            "a tool cannot be called \"{name}\": use 1 to {LONGEST_NAME} letters, digits, _ and -"
        )));
    }
    if TAKEN.contains(&name) || name.starts_with(MCP_PREFIX) {
        return Err(Error::invalid_argument(format!(
            "a tool cannot be called \"{name}\": the runtime has that name for a tool of its own, which would be called instead"
        )));
    }
    Ok(())
}

fn checked_schema(name: &str, schema: Option<&str>) -> Result<String> {
    let schema = checked_json("input_schema_json", schema.unwrap_or(r#"{"type":"object","properties":{}}"#))?;
    let value = serde_json::from_str(&schema).map_err(|error| {
        Error::invalid_argument(format!("the input schema of the tool \"{name}\" cannot be read: {error}"))
    })?;
    match schema::fault_of(&value) {
        Some(fault) => {
            Err(Error::invalid_argument(format!("the input schema of the tool \"{name}\" is no JSON Schema: {fault}")))
        }
        None => Ok(schema),
    }
}

/// The tools of a client, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct Tools(Vec<Arc<Tool>>);

impl Tools {
    /// Adds a tool.
    pub fn add(&mut self, tool: Arc<Tool>) -> Result<()> {
        if self.find(&tool.name).is_some() {
            let message = format!("the client has a tool \"{}\" already; give this one another name", tool.name);
            return Err(Error::invalid_argument(message));
        }
        self.0.push(tool);
        Ok(())
    }

    /// The tool that the parameters of a call ask for. What lies in a namespace was not added here.
    pub fn called_by(&self, params: &str) -> Option<&Arc<Tool>> {
        if member(params, "namespace").is_some_and(|namespace| namespace != "null") {
            return None;
        }
        self.find(&member(params, "tool").and_then(string)?)
    }

    /// Turns `tools`, the names that a new thread is to have, and all of them when it is absent, into `dynamicTools`.
    pub fn declare(&self, params: &mut Object) -> Result<()> {
        let chosen = match params.take("tools").filter(|names| names != "null") {
            Some(names) => self.chosen(&names)?,
            None => self.0.iter().collect(),
        };
        if chosen.is_empty() {
            return Ok(());
        }
        let own = params.get("dynamicTools").filter(|own| *own != "null").unwrap_or("[]");
        let inside = own.strip_prefix('[').and_then(|own| own.strip_suffix(']')).ok_or_else(|| {
            Error::invalid_argument(format!("dynamicTools must be a JSON array, not {}", kind_name(own)))
        })?;
        let declared = names_in(own);
        if let Some(twice) = chosen.iter().find(|tool| declared.contains(&tool.name)) {
            return Err(Error::invalid_argument(format!(
                "the tool \"{}\" is in dynamicTools and was added to the client: take one of them away, or leave it out of tools",
                twice.name
            )));
        }
        let mut all: Vec<&str> = chosen.iter().map(|tool| tool.declaration.as_str()).collect();
        if !inside.is_empty() {
            all.insert(0, inside);
        }
        params.set_raw("dynamicTools", format!("[{}]", all.join(",")));
        Ok(())
    }

    fn chosen(&self, names: &str) -> Result<Vec<&Arc<Tool>>> {
        let wanted: Vec<String> = serde_json::from_str(names)
            .map_err(|_| Error::invalid_argument(format!("tools must be an array of names of tools, not {names}")))?;
        let find = |name: &String| {
            self.find(name).ok_or_else(|| {
                Error::invalid_argument(format!(
                    "tools names \"{name}\", and the client has no such tool; {}",
                    self.inventory()
                ))
            })
        };
        wanted.iter().map(find).collect()
    }

    fn inventory(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|tool| tool.name.as_str()).collect();
        if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) }
    }

    fn find(&self, name: &str) -> Option<&Arc<Tool>> {
        self.0.iter().find(|tool| tool.name == name)
    }
}

/// The runtime remembers which tools a thread was started with.
pub fn refuse_choice(params: &mut Object) -> Result<()> {
    match params.take("tools").as_deref() {
        None | Some("null") => Ok(()),
        Some(_) => Err(Error::invalid_argument(
            "tools are chosen when a thread is started; one that is resumed or forked has those that it began with",
        )),
    }
}

/// The names of the tools that an array of declarations declares.
fn names_in(declarations: &str) -> Vec<String> {
    let declared: Vec<serde_json::Value> = serde_json::from_str(declarations).unwrap_or_default();
    declared.iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::Status;

    fn tool(name: &str) -> Tool {
        Tool::new(name, "does it", None, None).unwrap()
    }

    fn tools(names: &[&str]) -> Tools {
        let mut tools = Tools::default();
        names.iter().for_each(|name| tools.add(tool(name).into()).unwrap());
        tools
    }

    fn declared(tools: &Tools, params: &str) -> Result<String> {
        let mut params = Object::parse(params).unwrap();
        tools.declare(&mut params).map(|()| params.to_json())
    }

    const A: &str =
        r#"{"type":"function","name":"a","description":"does it","inputSchema":{"type":"object","properties":{}}}"#;

    #[test]
    fn a_tool_is_declared_with_its_schema_as_it_was_written() {
        let tool = Tool::new("a", "\"quoted\"", Some("{ \"type\" : \"object\", \"x\" : 1.50 }"), None).unwrap();
        assert_eq!(
            tool.declaration,
            r#"{"type":"function","name":"a","description":"\"quoted\"","inputSchema":{"type":"object","x":1.50}}"#
        );
    }

    #[test]
    fn names_that_the_runtime_refuses_or_takes_for_itself_are_refused_by_name() {
        let long = "x".repeat(129);
        for name in ["", "a b", "a.b", "ü", &long, "exec_command", "mcp__server__tool"] {
            let error = Tool::new(name, "", None, None).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
            assert!(error.message().contains(&format!("\"{name}\"")), "{error}");
        }
        assert!(Tool::new(&"x".repeat(128), "", None, None).is_ok());
    }

    #[test]
    fn what_is_no_schema_is_refused_with_the_name_of_the_tool() {
        let refusal = |schema| Tool::new("a", "", Some(schema), None).unwrap_err();
        assert_eq!(refusal("{").status(), Status::InvalidJson);
        let error = refusal(r#"{"type":"object","properties":{"city":{"type":"text"}}}"#);
        assert_eq!(error.status(), Status::InvalidArgument);
        assert!(error.message().contains("\"a\" is no JSON Schema: /properties/city/type must be"), "{error}");
    }

    #[test]
    fn a_name_is_given_once() {
        let error = tools(&["a"]).add(tool("a").into()).unwrap_err();
        assert!(error.message().contains("has a tool \"a\" already"), "{error}");
    }

    #[test]
    fn a_new_thread_has_all_tools_or_those_that_it_names() {
        let none = tools(&[]);
        assert_eq!(declared(&none, r#"{"model":"m"}"#).unwrap(), r#"{"model":"m"}"#);
        let both = tools(&["a", "b"]);
        assert_eq!(declared(&both, r#"{"tools":["a"]}"#).unwrap(), format!("{{\"dynamicTools\":[{A}]}}"));
        assert_eq!(declared(&both, r#"{"tools":[]}"#).unwrap(), "{}");
        let all = declared(&both, "{}").unwrap();
        assert!(all.contains(r#""name":"a""#) && all.contains(r#""name":"b""#), "{all}");
    }

    #[test]
    fn a_tool_that_was_not_added_is_refused_by_name() {
        for params in [r#"{"tools":["c"]}"#, r#"{"tools":"c"}"#] {
            assert!(declared(&tools(&["a"]), params).unwrap_err().message().contains("\"c\""));
        }
    }

    #[test]
    fn declarations_of_the_host_come_first_and_must_not_clash() {
        let own = r#"{"dynamicTools":[{"name":"own"}]}"#;
        assert_eq!(declared(&tools(&["a"]), own).unwrap(), format!("{{\"dynamicTools\":[{{\"name\":\"own\"}},{A}]}}"));
        assert_eq!(declared(&tools(&["a"]), r#"{"dynamicTools":[]}"#).unwrap(), format!("{{\"dynamicTools\":[{A}]}}"));
        let error = declared(&tools(&["own"]), own).unwrap_err();
        assert!(error.message().contains("\"own\" is in dynamicTools and was added"), "{error}");
        assert!(declared(&tools(&["a"]), r#"{"dynamicTools":5}"#).is_err());
    }

    #[test]
    fn a_call_finds_its_tool_by_name_outside_of_namespaces() {
        let tools = tools(&["a"]);
        assert!(tools.called_by(r#"{"namespace":null,"tool":"a"}"#).is_some());
        assert!(tools.called_by(r#"{"tool":"a"}"#).is_some());
        assert!(tools.called_by(r#"{"namespace":"app","tool":"a"}"#).is_none());
        assert!(tools.called_by(r#"{"tool":"b"}"#).is_none());
    }
}
