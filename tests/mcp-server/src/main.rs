//! An MCP server on standard streams, for what the real runtime asks its user about such servers.
//!
//! | tool | what it does |
//! |---|---|
//! | `greet` | says hello; the runtime asks whether it may be called |
//! | `ask` | only reads, so that nobody has to allow it; asks the user for a name and says what the answer was |

use std::io::{self, BufRead, Write};

use serde_json::{Value, json};

/// The id of the one question that may be open.
const QUESTION: &str = "question";

fn main() -> io::Result<()> {
    let mut asked_by = Value::Null;
    for line in io::stdin().lock().lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line?) else { continue };
        if message["method"].is_null() {
            if message["id"] == QUESTION {
                answer(&asked_by, said(&message["result"].to_string()))?;
            }
        } else if !message["id"].is_null() {
            serve(&message, &mut asked_by)?;
        }
    }
    Ok(())
}

fn serve(request: &Value, asked_by: &mut Value) -> io::Result<()> {
    let id = &request["id"];
    match (request["method"].as_str(), request["params"]["name"].as_str()) {
        (Some("initialize"), _) => answer(id, introduction(&request["params"]["protocolVersion"])),
        (Some("tools/list"), _) => answer(id, tools()),
        (Some("tools/call"), Some("greet")) => answer(id, said("hello")),
        (Some("tools/call"), Some("ask")) => {
            *asked_by = id.clone();
            write(&json!({"jsonrpc": "2.0", "id": QUESTION, "method": "elicitation/create", "params": question()}))
        }
        _ => answer(id, json!({})),
    }
}

fn introduction(protocol: &Value) -> Value {
    json!({"protocolVersion": protocol, "capabilities": {"tools": {}}, "serverInfo": {"name": "mcp-server", "version": "1"}})
}

fn tools() -> Value {
    let greet = json!({"name": "greet", "description": "Says hello.", "inputSchema": {"type": "object"}});
    let ask = json!({"name": "ask", "description": "Asks for a name.", "inputSchema": {"type": "object"},
        "annotations": {"readOnlyHint": true}});
    json!({"tools": [greet, ask]})
}

fn question() -> Value {
    let name = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    json!({"message": "Your name?", "requestedSchema": name})
}

fn said(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

fn answer(id: &Value, result: Value) -> io::Result<()> {
    write(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

fn write(message: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{message}")?;
    out.flush()
}
